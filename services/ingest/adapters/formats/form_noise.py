"""Rows of a table that are no data: empty ones, sums of others, numbers of columns, signatures below the table."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from services.ingest.adapters.formats.form_cells import FormVocabulary, text_of
from services.ingest.domain.forms import GridCell, GridRow, Header, OddCell
from services.ingest.domain.numbers_vi import looks_like_a_number
from shared.catalog.forms import Holds

_LABEL: Final = re.compile(r"\(?[0-9]{1,2}\)?|\(?[A-ZĐa-zđ]\)?|\(?[0-9]{1,2}\)?\s*=.*")
_FEWEST_LABELS: Final = 3


class NoiseFilter:
    """Tells the rows of one table that are no data; it remembers whether the table has ended."""

    def __init__(self, header: Header, vocabulary: FormVocabulary) -> None:
        at = {column.holds: index for index, column in header.columns}
        self._words = vocabulary
        self._labels = [index for index, column in header.columns if column.holds is Holds.IGNORED]
        self._code, self._name = at.get(Holds.COMMUNE_CODE, -1), at.get(Holds.COMMUNE_NAME, -1)
        self._deleted = at.get(Holds.DELETED, -1)
        self._has_ended = False

    def drops(self, row: GridRow, numbers: Sequence[int]) -> bool:
        """Return whether a row is no data; `numbers` are its columns that hold numbers."""
        is_noise = self._is_noise(row, numbers)
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

    def _is_noise(self, row: GridRow, numbers: Sequence[int]) -> bool:
        takes_back = self._deleted >= 0 and not is_empty_cell(cell_at(row, self._deleted))
        if not numbers and not takes_back:
            return True
        code = cell_at(row, self._code)
        if not is_empty_cell(code):
            return self._is_total(code)
        name = cell_at(row, self._name)
        if self._is_total(name) or any(self._is_total(cell_at(row, index)) for index in self._labels):
            return True
        is_nameless = self._has_ended or is_empty_cell(name)
        return is_nameless and not takes_back and not any(_is_meant(row[index]) for index in numbers)

    def _is_total(self, cell: GridCell) -> bool:
        return isinstance(cell, str) and cell != "" and self._words.is_total(cell)


def cell_at(row: GridRow, index: int) -> GridCell:
    """Return a cell of a row, None where the row has none; a column of -1 is none."""
    return row[index] if 0 <= index < len(row) else None


def is_empty_cell(cell: GridCell) -> bool:
    """Return whether a cell says nothing; a date, an error and a formula say something."""
    return cell is None or (isinstance(cell, str) and not cell.strip(" -–—."))


def _is_meant(cell: GridCell) -> bool:
    return isinstance(cell, OddCell) or looks_like_a_number(cell)
