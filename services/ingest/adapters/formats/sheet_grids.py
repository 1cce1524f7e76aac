"""A table of cells, whatever file it came in."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from services.ingest.domain.forms import GridRow, Merge

_LETTERS: Final = 26


class Grid(msgspec.Struct, kw_only=True):
    """One table: its first rows at hand, all of its rows when asked for, and how a place in it is told.

    `rows` yields each row with its number from 0; it may be asked for once more. `place` takes the numbers of a row
    and a column from 0. `points_unclear` says that the commas of the file part its columns. `hidden` sheets are never
    read as data.
    """

    name: str | None
    head: list[GridRow]
    rows: Callable[[], Iterator[tuple[int, GridRow]]]
    place: Callable[[int, int], str]
    merges: Iterable[Merge] = ()
    points_unclear: bool = False
    hidden: bool = False


def column_letters(column: int) -> str:
    """Return the letters of a column from 0.

    >>> column_letters(0), column_letters(25), column_letters(26)
    ('A', 'Z', 'AA')
    """
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, _LETTERS)
        letters = chr(ord("A") + rest) + letters
    return letters
