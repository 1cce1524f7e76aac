"""Odd cells of OpenDocument workbooks: errors, and formulas that were never computed, with their places."""

import re
from collections import defaultdict
from typing import Any, Final
from xml.parsers import expat

from services.ingest.adapters.formats.spreadsheet_cells import (
    ERROR_CODE,
    FORMULA_CODE,
    MAX_COLUMNS,
    MAX_ROWS,
    UnreadableError,
)
from services.ingest.adapters.formats.spreadsheet_formulas import OddCells

_DAMAGED: Final = "The file is damaged or incomplete: save it again, and send it again."
_SUSPECT: Final = re.compile(rb"table:formula=|calcext:value-type=.error.")
_CELLS: Final = ("table:table-cell", "table:covered-table-cell")
_RESULT: Final = "office:value-type"


class _Walk:
    """Follows the cells of a workbook with their repetitions, as a reader of spreadsheets places them."""

    def __init__(self) -> None:
        self.found: dict[str, OddCells] = {}
        self._sheet: OddCells = {}
        self._row = self._column = 0
        self._rows = 1

    def start(self, name: str, attributes: dict[str, Any]) -> None:
        """Take the beginning of an element."""
        if name in _CELLS:
            self._cell(attributes)
        elif name == "table:table-row":
            self._column, self._rows = 0, _repeated(attributes, "table:number-rows-repeated")
        elif name == "table:table":
            self._sheet = self.found[attributes.get("table:name", "")] = defaultdict(dict)
            self._row = 0

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name == "table:table-row":
            self._row += self._rows

    def _cell(self, attributes: dict[str, Any]) -> None:
        is_error = attributes.get("calcext:value-type") == "error"
        is_uncomputed = "table:formula" in attributes and _RESULT not in attributes
        if (is_error or is_uncomputed) and self._row < MAX_ROWS and self._column < MAX_COLUMNS:
            told = (ERROR_CODE, "#ERROR") if is_error else (FORMULA_CODE, "=")
            self._sheet[self._row][self._column] = told
        self._column += _repeated(attributes, "table:number-columns-repeated")


def odd_ods_cells(content: bytes) -> dict[str, OddCells]:
    """Return the odd cells of each sheet of an ODS workbook, by its name."""
    if not _SUSPECT.search(content):
        return {}
    walk = _Walk()
    parser = expat.ParserCreate()
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError):
        raise UnreadableError(_DAMAGED) from None
    return {name: cells for name, cells in walk.found.items() if cells}


def _repeated(attributes: dict[str, Any], name: str) -> int:
    """Return how often an element stands there; a number that is none, or absurd, counts as one row too far."""
    text = attributes.get(name, "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else MAX_ROWS
