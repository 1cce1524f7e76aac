"""The child process that reads one workbook: body on standard input, cells on standard output, hard limits on itself.

Only stored values are read. Macros, external links, DDE and formulas are never followed, opened or computed.
"""

import datetime as dt
import resource
import sys
from io import BytesIO
from itertools import islice
from typing import Any, Final

import msgspec
import python_calamine

from services.ingest.adapters.formats.spreadsheet_archive import DAMAGED, OLE_MAGIC, PROTECTED, ZIP_MAGIC, unpack
from services.ingest.adapters.formats.spreadsheet_biff import odd_xls_cells
from services.ingest.adapters.formats.spreadsheet_cells import (
    DATE_CODE,
    HIDDEN_ROWS,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_SHEETS,
    MAX_TEXT,
    ROWS_PER_CHUNK,
    SheetCells,
    UnreadableError,
    WorkbookAnswer,
)
from services.ingest.adapters.formats.spreadsheet_formulas import OddCells, odd_cells
from services.ingest.adapters.formats.spreadsheet_ods import odd_ods_cells

MEMORY_BYTES: Final = 768 << 20
CPU_SECONDS: Final = 10
_PLAIN: Final = frozenset({str, float, int, bool})
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")

Rows = list[list[Any]]


def main() -> None:
    """Read the workbook on standard input and tell its cells; a fault of the file is an answer, not a failure."""
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        allowed = resource.getrlimit(kind)[1]
        bound = limit if allowed == resource.RLIM_INFINITY else min(limit, allowed)
        resource.setrlimit(kind, (bound, bound))
    try:
        answer = WorkbookAnswer(sheets=read_workbook(sys.stdin.buffer.read()))
    except UnreadableError as error:
        answer = WorkbookAnswer(error=str(error), too_large=error.too_large)
    except MemoryError:
        answer = WorkbookAnswer(error="The file needs too much memory: send fewer rows in one file.", too_large=True)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


def read_workbook(body: bytes) -> list[SheetCells]:
    """Return the sheets of an XLSX, XLS or ODS workbook; raises UnreadableError."""
    odd = _checked(body)
    try:
        with python_calamine.load_workbook(BytesIO(body)) as workbook:
            return _sheets(workbook, odd)
    except python_calamine.PasswordError:
        raise UnreadableError(PROTECTED) from None
    except (python_calamine.CalamineError, OSError, ValueError):
        raise UnreadableError(DAMAGED) from None


def _checked(body: bytes) -> dict[str, OddCells]:
    if body.startswith(OLE_MAGIC):
        if _ENCRYPTED in body:
            raise UnreadableError(PROTECTED)
        return odd_xls_cells(body)
    if not body.startswith(ZIP_MAGIC):
        raise UnreadableError("The file is no XLSX, XLS or ODS workbook.")
    parts = unpack(body)
    if "xl/workbook.xml" in parts:
        return odd_cells(parts)
    if "content.xml" in parts:
        if b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
            raise UnreadableError(PROTECTED)
        return odd_ods_cells(parts["content.xml"])
    raise UnreadableError("The file is no XLSX, XLS or ODS workbook; save it as .xlsx and send it again.")


def _sheets(workbook: python_calamine.CalamineWorkbook, odd: dict[str, OddCells]) -> list[SheetCells]:
    listed = [sheet for sheet in workbook.sheets_metadata if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet]
    if len(listed) > MAX_SHEETS:
        text = f"The file has {len(listed)} sheets; {MAX_SHEETS} are read. Send the sheets with data only."
        raise UnreadableError(text, too_large=True)
    cells_left, text_left = MAX_CELLS, MAX_TEXT
    found = []
    for listing in listed:
        hidden = listing.visible != python_calamine.SheetVisibleEnum.Visible
        sheet = workbook.get_sheet_by_name(listing.name)
        cells_left -= _size(sheet)
        if cells_left < 0:
            text = f"The file has more than {MAX_CELLS} cells: send fewer rows in one file."
            raise UnreadableError(text, too_large=True)
        chunks = _chunks(sheet, odd.get(listing.name, {}), HIDDEN_ROWS if hidden else MAX_ROWS)
        text_left -= sum(map(len, chunks))
        if text_left < 0:
            raise UnreadableError("The file holds too much text: send the tables only.", too_large=True)
        merges = [] if hidden else (sheet.merged_cell_ranges or [])
        found.append(SheetCells(listing.name, hidden, chunks, merges[:MAX_ROWS]))
    return found


def _size(sheet: python_calamine.CalamineSheet) -> int:
    height, width = sheet.total_height, sheet.total_width
    if height > MAX_ROWS or width > MAX_COLUMNS:
        text = (
            f"The sheet {sheet.name[:60]!r} reaches to row {height} and column {width}; {MAX_ROWS} rows and "
            f"{MAX_COLUMNS} columns are read. Delete what stands far from the table."
        )
        raise UnreadableError(text, too_large=True)
    return height * width


def _chunks(sheet: python_calamine.CalamineSheet, odd: OddCells, limit: int) -> list[bytes]:
    """Return the rows of a sheet from its first row and column, encoded in chunks."""
    left = [""] * (sheet.start[1] if sheet.start else 0)
    rows = islice(sheet.iter_rows(), limit)
    chunks = []
    number = 0
    while chunk := list(islice(rows, ROWS_PER_CHUNK)):
        chunks.append(_encoded([[*left, *row] if left else row for row in chunk], number, odd))
        number += len(chunk)
    below = [row for row in odd if number <= row < limit]
    if below:
        chunks += _encoded_below(number, max(below) + 1, odd)
    return chunks


def _encoded_below(first: int, end: int, odd: OddCells) -> list[bytes]:
    """Return the chunks of rows that hold nothing but odd cells; the chunk before them may be shorter than others."""
    steps = range(first, end, ROWS_PER_CHUNK)
    return [_encoded([[] for _ in range(step, min(step + ROWS_PER_CHUNK, end))], step, odd) for step in steps]


def _encoded(rows: Rows, first: int, odd: OddCells) -> bytes:
    for number, row in enumerate(rows, first):
        if not _PLAIN.issuperset(map(type, row)):
            row[:] = [cell if type(cell) in _PLAIN else _date(cell) for cell in row]
        for column, (code, text) in odd.get(number, {}).items():
            if column < MAX_COLUMNS:
                row.extend([""] * (column + 1 - len(row)))
                row[column] = msgspec.msgpack.Ext(code, text.encode())
    return msgspec.msgpack.encode(rows)


def _date(cell: object) -> msgspec.msgpack.Ext | str:
    if isinstance(cell, dt.datetime | dt.date | dt.time):
        return msgspec.msgpack.Ext(DATE_CODE, cell.isoformat().encode())
    if isinstance(cell, dt.timedelta):
        return msgspec.msgpack.Ext(DATE_CODE, str(cell).encode())
    return "" if cell is None else str(cell)


if __name__ == "__main__":
    main()
