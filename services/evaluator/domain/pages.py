"""Pages of facts: when a unit has gathered so many that they should be merged, and which of them.

Pages are merged in tiers, small ones with small ones, so that a fact is written again only as often as its unit's
pages have grown in orders of magnitude.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from services.evaluator.domain.behind import Page

# Pages a unit gathers before they are merged: while no reports come, and while they do.
_WHEN_IDLE, _WHEN_BUSY = 16, 128
# A page joins the smaller ones when it is at most this many times as large as all of them together.
_REACH = 2


class Pages:
    """How many pages every unit has gathered since its pages were last merged."""

    def __init__(self, stored: Iterable[str] = ()) -> None:
        """Begin with the stored pages, named by their units."""
        self._gathered = Counter(stored)
        self._most = max(self._gathered.values(), default=0)

    def add(self, pages: Iterable[Page]) -> None:
        """Count pages that have been written."""
        gathered = self._gathered
        for page in pages:
            unit = page[0].unit
            count = gathered[unit] = gathered[unit] + 1
            self._most = max(self._most, count)

    def due(self, count: int, *, idle: bool) -> list[str]:
        """Return at most `count` units whose pages should be merged now."""
        enough = _WHEN_IDLE if idle else _WHEN_BUSY
        if self._most < enough:
            return []
        found = [unit for unit, gathered in self._gathered.items() if gathered >= enough]
        if not found:
            self._most = max(self._gathered.values(), default=0)
        return found[:count]

    def merged(self, units: Iterable[str]) -> None:
        """Note that the pages of units have been merged as far as that is worth it."""
        for unit in units:
            del self._gathered[unit]


def merged(pages: Sequence[tuple[int, int]]) -> list[int]:
    """Return which pages of a unit to merge, of (size, id) in rising order: all but those that are much larger.

    >>> merged([(10, 1), (10, 2), (12, 3), (900, 4)]), merged([(10, 1), (90, 2)])
    ([1, 2, 3], [])
    """
    total, taken = 0, 0
    for size, _ in pages:
        if taken and size > _REACH * total:
            break
        total += size
        taken += 1
    return [page for _, page in pages[:taken]] if taken > 1 else []
