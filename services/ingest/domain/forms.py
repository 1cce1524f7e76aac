"""Finding the form of a table by its header: which column of the file is which column of the form."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from services.ingest.domain.numbers_vi import Cell
from shared.catalog.forms import LONGEST_HEADER, PATH_MARK, Column, Form, Holds, OtherColumns, header_key, path_key

HEAD_ROWS: Final = 40
MAX_COLUMNS: Final = 512
NUMBER_COLUMNS: Final = frozenset({Holds.MEASURE, Holds.NUMERATOR, Holds.DENOMINATOR, Holds.VALUE})
_A_NUMBER: Final = "a column of numbers"
_PARAMETER: Final = "in the parameter `form`"
_IN_VIETNAMESE: Final = (
    (_A_NUMBER, "cột số liệu"),
    (f"its name {_PARAMETER}", "tên biểu trong tham số `form`"),
    ("a choice among ", "tên một trong các biểu "),
    (_PARAMETER, "trong tham số `form`"),
)
_NEARLY: Final = 2  # so many known columns make a row the header that somebody meant


class OddCell(msgspec.Struct, frozen=True, gc=False):
    """A cell that is neither text nor number: a date, an error, or a formula that was never computed."""

    kind: str
    text: str


DATE: Final = "date"
ERROR: Final = "error"
FORMULA: Final = "formula"
GridCell = Cell | OddCell
GridRow = Sequence[GridCell]


class Header(msgspec.Struct, frozen=True):
    """Where the header of a form stands in a table, and which column of the file holds what.

    `row` is the first row of the header from 0, `height` how many rows it has.
    """

    form: Form
    row: int
    height: int
    columns: tuple[tuple[int, Column], ...]


class Mismatch(msgspec.Struct, frozen=True):
    """Why a table is not a form, by what was nearest: columns that are missing, unknown, or stand twice.

    `known` columns were found, and `numbers` of them hold numbers.
    """

    form: Form
    known: int
    numbers: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    twice: tuple[str, ...]

    def told(self, sheet: str | None) -> str:
        """Return the mismatch in words, with the sheet where there are sheets."""
        where = f" (sheet {sheet!r})" if sheet else ""
        return f"Nearly the form {self.form.id}{where}: {self._parts('missing', 'unknown', 'twice')}."

    def told_vi(self, sheet: str | None) -> str:
        """Return the mismatch in Vietnamese words."""
        where = f" (trang tính «{sheet}»)" if sheet else ""
        parts = self._parts("thiếu", "không có trong biểu", "lặp lại")
        for ours, vietnamese in _IN_VIETNAMESE:
            parts = parts.replace(ours, vietnamese)
        return f"Gần giống biểu {self.form.id}{where}: {parts}."

    def _parts(self, *words: str) -> str:
        parts = zip(words, (self.missing, self.unknown, self.twice), strict=True)
        return "; ".join(f"{word} {', '.join(names)}" for word, names in parts if names)


class FormReader:
    """The look-up of one form's headers."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._by_key: dict[str, Column] = {}
        for column in form.columns:
            for path in (column.header, *column.alternatives):
                self._by_key[path_key(path)] = column
                self._by_key.setdefault(header_key(" ".join(path)), column)
                self._by_key.setdefault(header_key("-".join(path)), column)

    def match(self, head: "Head") -> Header | Mismatch:
        """Return the header of the form in a table, or what was nearest to it."""
        best: tuple[int, int, int, Mismatch | Header] | None = None
        for height in range(self.form.levels, 0, -1):
            for row in range(len(head.rows) - height + 1):
                known, found = self._compare(head, row, height)
                if best is None or known > best[0]:
                    best = (known, row, height, found)
        return best[3] if best else Mismatch(self.form, 0, 0, (), (), ())

    def _compare(self, head: "Head", row: int, height: int) -> tuple[int, Header | Mismatch]:
        columns: list[tuple[int, Column]] = []
        unknown, twice = [], []
        seen: set[str] = set()
        for index, key in enumerate(head.keys(row, height)):
            column = self._by_key.get(key) if key else None
            if column is None:
                if key:
                    unknown.append(head.title(row, height, index))
            elif column.title in seen:
                twice.append(column.title)
            else:
                seen.add(column.title)
                columns.append((index, column))
        missing = tuple(column.title for column in self.form.required if column.title not in seen)
        if not missing and not any(column.holds in NUMBER_COLUMNS for _, column in columns):
            missing = (_A_NUMBER,)
        refused = () if self.form.other_columns is OtherColumns.IGNORED else tuple(unknown)
        if missing or refused or twice:
            numbers = sum(column.holds in NUMBER_COLUMNS for _, column in columns)
            return len(columns), Mismatch(self.form, len(columns), numbers, missing, refused[:20], tuple(twice))
        return len(columns), Header(self.form, row, height, tuple(columns))


class Head:
    """The first rows of a table, with the text of merged cells in each of their cells."""

    def __init__(self, rows: Iterable[GridRow], merges: Iterable["Merge"] = ()) -> None:
        self.rows: list[list[GridCell]] = [list(row[:MAX_COLUMNS]) for row in list(rows)[:HEAD_ROWS]]
        self._keys: dict[tuple[int, int], list[str]] = {}
        self._paths: dict[tuple[int, int], list[tuple[str, ...]]] = {}
        self._known: dict[tuple[str, ...], str] = {}
        self._fillable = sum(map(len, self.rows))
        for merge in merges:
            self._spread(merge)

    def keys(self, row: int, height: int) -> list[str]:
        """Return the key of each column when the header is `height` rows from `row`; "" for a column without one."""
        found = self._keys.get((row, height))
        if found is None:
            paths = self._paths[row, height] = self._read(row, height)
            found = self._keys[row, height] = [self._key(path) for path in paths]
        return found

    def title(self, row: int, height: int, column: int) -> str:
        """Return the header of a column as it is written, in one line."""
        self.keys(row, height)
        return shown(PATH_MARK.join(self._paths[row, height][column]))

    def _key(self, path: tuple[str, ...]) -> str:
        key = self._known.get(path)
        if key is None:
            key = self._known[path] = path_key(path)
        return key

    def _read(self, row: int, height: int) -> list[tuple[str, ...]]:
        tops = [_text(cell) for cell in self.rows[row]]
        if height == 1:
            return [(top,) if top else () for top in tops]
        subs = [_text(cell) for cell in self.rows[row + 1]]
        width = max(len(tops), len(subs))
        tops += [""] * (width - len(tops))
        subs += [""] * (width - len(subs))
        paths: list[tuple[str, ...]] = []
        group = ""
        for top, sub in zip(tops, subs, strict=True):
            group = top if top else group if sub else ""
            is_merged_down = sub == top
            path = (group,) if is_merged_down else (group, sub)
            paths.append(tuple(level for level in path if level))
            if not sub or is_merged_down:
                group = ""
        return paths

    def _spread(self, merge: "Merge") -> None:
        """Fill a merged cell; no more cells than there are, since merged cells of a real file do not overlap."""
        (top, left), (bottom, right) = merge
        if top >= len(self.rows) or left >= len(self.rows[top]):
            return
        cell = self.rows[top][left]
        for row in self.rows[top : bottom + 1]:
            for column in range(left, min(right + 1, len(row), left + self._fillable)):
                row[column] = cell
                self._fillable -= 1


Merge = tuple[tuple[int, int], tuple[int, int]]


def choose(readers: Mapping[str, FormReader], head: Head, sheet: str | None, *, named: bool) -> Header | list[Mismatch]:
    """Return the header of the one form that a table is; else what is wrong with those that it nearly is.

    A form whose headers do not say what is counted takes part only when it was `named`. Two forms that fit alike give
    a mismatch of each.
    """
    fitting: list[Header] = []
    near: list[Mismatch] = []
    for reader in readers.values():
        form = reader.form
        if form.sheet is not None and sheet is not None and header_key(form.sheet) != header_key(sheet):
            continue
        found = reader.match(head)
        if isinstance(found, Mismatch):
            near.append(found)
        elif form.named_only and not named:
            near.append(_unnamed(found, f"its name {_PARAMETER}"))
        else:
            fitting.append(found)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        also = ", ".join(header.form.id for header in fitting)
        return [_unnamed(header, f"a choice among {also}, {_PARAMETER}") for header in fitting]
    return sorted((miss for miss in near if miss.known >= _NEARLY), key=lambda miss: -miss.known)


def _unnamed(header: Header, missing: str) -> Mismatch:
    known = len(header.columns)
    return Mismatch(header.form, known, known, (missing,), (), ())


def shown(text: str) -> str:
    """Return a text of a cell for an error: one short line."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"


def _text(cell: GridCell) -> str:
    return cell[:LONGEST_HEADER].strip() if isinstance(cell, str) else ""
