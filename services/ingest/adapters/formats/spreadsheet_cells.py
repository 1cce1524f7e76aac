"""What the child process that reads a spreadsheet tells its parent; light to import, because every file starts one."""

from typing import Final

import msgspec

# Kinds of cells that are neither text, number nor yes/no, as MessagePack extensions.
DATE_CODE: Final = 1
ERROR_CODE: Final = 2
FORMULA_CODE: Final = 3

MAX_CELLS: Final = 2_000_000
MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 512
MAX_SHEETS: Final = 100
MAX_TEXT: Final = 64 << 20
MAX_UNPACKED: Final = 256 << 20
MAX_ENTRIES: Final = 2_000
ROWS_PER_CHUNK: Final = 500
HIDDEN_ROWS: Final = 40


class SheetCells(msgspec.Struct):
    """One sheet: its rows from the first row and column, in chunks of ROWS_PER_CHUNK, encoded apart.

    Of a hidden sheet only the first rows are told, so that personal data in it are noticed.
    """

    name: str
    hidden: bool
    chunks: list[bytes]
    merges: list[tuple[tuple[int, int], tuple[int, int]]]


class WorkbookAnswer(msgspec.Struct):
    """The sheets of a workbook, or why it cannot be read."""

    sheets: list[SheetCells] = []
    error: str = ""
    too_large: bool = False


class UnreadableError(Exception):
    """The workbook cannot be read; the text says why, in a sentence for the sender."""

    def __init__(self, text: str, *, too_large: bool = False) -> None:
        super().__init__(text)
        self.too_large = too_large
