"""Numbers from PostgreSQL sequences in blocks (hi-lo): unique between processes, gaps allowed."""

from sqlalchemy import Sequence

from shared.runtime.database import Driver


class NumberBlock:
    """Hands out runs of consecutive numbers of one sequence. For one user at a time."""

    def __init__(self, sequence: Sequence) -> None:
        self._name = f"{sequence.schema}.{sequence.name}"
        self._size = sequence.increment or 1
        self._next = 0
        self._end = 0

    async def take(self, driver: Driver, count: int) -> int:
        """Return the first of `count` consecutive numbers; `count` is at most the sequence's increment."""
        if count > self._size:
            raise ValueError(f"A run of {count} numbers does not fit a block of {self._size}.")
        if self._end - self._next < count:
            self._next = int(await driver.fetchval("SELECT nextval($1::text::regclass)", self._name))
            self._end = self._next + self._size
        first = self._next
        self._next += count
        return first

    def forget(self) -> None:
        """Use no more numbers of the present block: a server that takes over may hand them out again."""
        self._next = self._end = 0
