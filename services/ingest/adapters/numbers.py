"""Numbers from PostgreSQL sequences in blocks (hi-lo): unique between processes, gaps allowed."""

from sqlalchemy import Sequence
from sqlalchemy.ext.asyncio import AsyncConnection


class NumberBlock:
    """Hands out runs of consecutive numbers of one sequence. For one user at a time."""

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence
        self._size = sequence.increment or 1
        self._next = 0
        self._end = 0

    async def take(self, connection: AsyncConnection, count: int) -> int:
        """Return the first of `count` consecutive numbers; `count` is at most the sequence's increment."""
        if count > self._size:
            raise ValueError(f"A run of {count} numbers does not fit a block of {self._size}.")
        if self._end - self._next < count:
            self._next = int((await connection.execute(self._sequence.next_value())).scalar_one())
            self._end = self._next + self._size
        first = self._next
        self._next += count
        return first
