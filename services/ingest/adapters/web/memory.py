"""The memory that request bodies may take together, shared out so that no sender can take all of it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.ingest.domain.errors import OverloadedError

Grow = Callable[[int], None]


class BodyMemory:
    """Counts the bytes that bodies hold: all of them within the limit, those of one source within half of it.

    Bytes count when they are there, not when they are announced. A body that is alone is always let in, so that a
    limit below the size of one body slows senders down, but never shuts them out.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._share = limit // 2
        self._held = 0
        self._held_by: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """How many bytes are held now."""
        return self._held

    @contextmanager
    def body_of(self, source: str) -> Iterator[Grow]:
        """Yield the function that counts further bytes of one body; at the end all of them are given back."""
        mine = 0

        def grow(count: int) -> None:
            nonlocal mine
            if _is_too_much(self._held, mine, count, self._limit):
                raise OverloadedError("Too many large requests are being read. Send this one again in a moment.")
            if _is_too_much(self._held_by[source], mine, count, self._share):
                raise OverloadedError(f"Too many large requests of {source!r} are being read. Send fewer at a time.")
            mine += count
            self._held += count
            self._held_by[source] += count

        try:
            yield grow
        finally:
            self._held -= mine
            self._held_by[source] -= mine
            if not self._held_by[source]:
                del self._held_by[source]


def _is_too_much(held: int, mine: int, count: int, limit: int) -> bool:
    return held > mine and held + count > limit
