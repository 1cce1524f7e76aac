"""Rows of a table that are no data: empty ones, sums of others, numbers of columns, signatures below the table."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from services.ingest.adapters.formats.form_cells import FormVocabulary, text_of
from services.ingest.adapters.formats.form_remarks import FormRemarks
from services.ingest.domain.forms import DATE, NUMBER_COLUMNS, GridCell, GridRow, Header, OddCell
from services.ingest.domain.numbers_vi import looks_like_a_number
from shared.catalog.forms import Holds

_LABEL: Final = re.compile(r"\(?[0-9]{1,2}\)?|\(?[A-ZĐa-zđ]\)?|\(?[0-9]{1,2}\)?\s*=.*")
_FEWEST_LABELS: Final = 3
_MOST_WAITING: Final = 1_000

DataRow = tuple[GridRow, int, list[int]]  # with its number and its columns that hold something where numbers belong
_CODE: Final = re.compile(r"\W*(?=\S*[0-9])[\w.@-]{1,40}\s*\Z")  # one word with a digit
_TELEPHONE: Final = re.compile(r"\s*[+(]?0[0-9 .()-]{8,14}")
_DIGIT: Final = re.compile(r"[0-9]")


class NoiseFilter:
    """Tells the rows of one table that are no data; it remembers whether the table has ended."""

    def __init__(self, header: Header, vocabulary: FormVocabulary, remarks: FormRemarks) -> None:
        at = {column.holds: index for index, column in header.columns}
        self._words, self._remarks = vocabulary, remarks
        self._level = header.form.level
        first = min(index for index, column in header.columns if column.holds in NUMBER_COLUMNS)
        # Left of the numbers stands what a row is; a note at its end may begin with any word.
        self._labels = [index for index, column in header.columns if column.holds is Holds.IGNORED and index < first]
        self._code, self._name = at.get(Holds.COMMUNE_CODE, -1), at.get(Holds.COMMUNE_NAME, -1)
        self._deleted = at.get(Holds.DELETED, -1)
        self._has_ended = False

    def drops(self, number: int, row: GridRow, numbers: Sequence[int]) -> bool:
        """Return whether a row is no data; `numbers` are its columns that hold something where numbers belong."""
        is_noise = self._is_noise(number, row, numbers)
        if is_noise and not self._has_ended:
            self._has_ended = bool(numbers) or not any(row)
        return is_noise

    def are_labels(self, row: GridRow) -> bool:
        """Return whether the row under a header numbers its columns: "A, B, 1, 2, 3" or "(1), (2), (3)"."""
        given = [cell for cell in row if cell not in (None, "")]
        if len(given) < _FEWEST_LABELS or cell_at(row, self._code) in (None, ""):
            return False
        texts = [text_of(cell, "") for cell in given if not isinstance(cell, OddCell)]
        if len(texts) < len(given) or not all(_LABEL.fullmatch(text) for text in texts):
            return False
        numbers = [int(found[0]) for text in texts if (found := re.search(r"[0-9]+", text))]
        return all(before < after for before, after in pairwise(numbers))

    def may_be_below(self, row: GridRow, numbers: Sequence[int]) -> bool:
        """Return whether a row has neither a unit nor a number: it is none of the table when no data follows."""
        code, name = cell_at(row, self._code), cell_at(row, self._name)
        has_code = isinstance(code, int | float | OddCell) or (isinstance(code, str) and bool(_CODE.match(code)))
        if has_code or self._takes_back(row) or any(_is_counted(row[index]) for index in numbers):
            return False
        return not any(self._words.units.is_unit_like(text) for text in (code, name) if isinstance(text, str) and text)

    def has_place(self, row: GridRow) -> bool:
        """Return whether a row says anything where the code or the name of its unit stands."""
        return not (is_empty_cell(cell_at(row, self._code)) and is_empty_cell(cell_at(row, self._name)))

    def is_commune(self, row: GridRow) -> bool:
        """Return whether a row has a code or a name and is no sum."""
        code, name = cell_at(row, self._code), cell_at(row, self._name)
        given = name if is_empty_cell(code) else code
        return not is_empty_cell(given) and not self._is_total(given) and not self._is_sum(given)

    def _is_noise(self, number: int, row: GridRow, numbers: Sequence[int]) -> bool:
        takes_back = self._takes_back(row)
        if not numbers and not takes_back:
            return True
        code = cell_at(row, self._code)
        if not is_empty_cell(code):
            return self._is_total(code) or self._passes_sum(number, self._code, code)
        name = cell_at(row, self._name)
        if self._is_total(name) or any(self._is_total(cell_at(row, index)) for index in self._labels):
            return True
        if self._passes_sum(number, self._name, name):
            return True
        has_ended = self._has_ended and not (isinstance(name, str) and self._words.units.is_unit_like(name))
        is_nameless = has_ended or is_empty_cell(name)
        return is_nameless and not takes_back and not any(_is_meant(row[index]) for index in numbers)

    def _takes_back(self, row: GridRow) -> bool:
        return self._deleted >= 0 and not is_empty_cell(cell_at(row, self._deleted))

    def _passes_sum(self, number: int, column: int, cell: GridCell) -> bool:
        if not self._is_sum(cell):
            return False
        self._remarks.pass_total(number, column, str(cell))
        return True

    def _is_sum(self, cell: GridCell) -> bool:
        """Return whether a row without a code bears the name of a unit above those of the form."""
        if not isinstance(cell, str) or self._level is None or not cell or _DIGIT.match(cell.strip()):
            return False
        return self._words.units.is_above(cell, self._level)

    def _is_total(self, cell: GridCell) -> bool:
        return isinstance(cell, str) and cell != "" and self._words.is_total(cell)


def without_tail(rows: Iterable[DataRow], noise: NoiseFilter, remarks: FormRemarks) -> Iterator[DataRow]:
    """Yield rows without those below the last one that has a number: signatures, whatever column they stand in."""
    waiting: list[DataRow] = []
    for row, number, numbers in rows:
        if numbers and noise.may_be_below(row, numbers) and len(waiting) < _MOST_WAITING:
            waiting.append((row, number, numbers))
            continue
        if noise.has_place(row):  # so the table goes on
            yield from waiting
            waiting.clear()
        yield row, number, numbers
    for _, number, numbers in waiting:
        remarks.pass_below(number, numbers[0])


def cell_at(row: GridRow, index: int) -> GridCell:
    """Return a cell of a row, None where the row has none; a column of -1 is none."""
    return row[index] if 0 <= index < len(row) else None


def is_empty_cell(cell: GridCell) -> bool:
    """Return whether a cell says nothing; a date, an error and a formula say something."""
    return cell is None or (isinstance(cell, str) and not cell.strip(" -–—."))


def _is_counted(cell: GridCell) -> bool:
    return _is_meant(cell) and not (isinstance(cell, str) and _TELEPHONE.fullmatch(cell))


def _is_meant(cell: GridCell) -> bool:
    if isinstance(cell, OddCell):
        return cell.kind != DATE  # a date stands over every signature
    return looks_like_a_number(cell)
