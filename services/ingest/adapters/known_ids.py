"""A bounded memory of the ids lately committed: most replays are recognized without asking the database."""

from collections.abc import Mapping
from typing import Final

from services.ingest.domain.reading import Key

GENERATION_SIZE: Final = 100_000


class KnownIds:
    """Remembers (source, event id) with a mark of the content, for the last one to two generations of ids.

    While it is not `trusted`, most ids of the journal may be unknown to it: who writes looks there first.
    """

    def __init__(self, generation_size: int = GENERATION_SIZE) -> None:
        self.trusted = False
        self._size = generation_size
        self._current: dict[Key, int] = {}
        self._previous: dict[Key, int] = {}

    @property
    def generations(self) -> tuple[Mapping[Key, int], Mapping[Key, int]]:
        """The marks by key, the latest first: for who looks up many keys."""
        return self._current, self._previous

    def mark_of(self, key: Key) -> int | None:
        """Return the mark under which the id was committed, or None when it is not remembered."""
        mark = self._current.get(key)
        return self._previous.get(key) if mark is None else mark

    def remember(self, committed: Mapping[Key, int]) -> None:
        """Remember committed ids; the oldest generation is forgotten when the newest is full."""
        self._current.update(committed)
        if len(self._current) >= self._size:
            self._previous, self._current = self._current, {}
