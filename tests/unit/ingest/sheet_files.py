"""Small workbooks and a reader for them, shared by the tests of forms."""

import asyncio
import datetime as dt
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import xlsxwriter
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

from services.ingest.adapters.formats.sheets import SheetReader
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.reading import Remark
from services.ingest.domain.values import BadValue, DataValue
from shared.catalog.load import load_catalog

CATALOG = load_catalog()
Rows = Sequence[Sequence[Any]]
Placed = list[tuple[str, DataValue | BadValue]]

BHYT_HEAD: Rows = (
    ("UBND HUYỆN CAO LỘC",),
    ("BIỂU TỔNG HỢP TỶ LỆ THAM GIA BHYT 9 THÁNG NĂM 2024",),
    (),
    ("TT", "Mã xã", "Tên xã, thị trấn", "Dân số", "", "Số người có thẻ BHYT", "", "Tỷ lệ (%)", "Ghi chú"),
    ("", "", "", "Nam", "Nữ", "Nam", "Nữ", "", ""),
)
LONG_HEAD = ("Mã xã", "Tên xã", "Chỉ tiêu", "Kỳ", "Giới tính", "Ngành quản lý", "Tử số", "Mẫu số", "Giá trị")


def xlsx(rows: Rows, merges: Sequence[str] = (), **options: Any) -> bytes:
    """A workbook of one sheet; a value that begins with = is a formula without a result."""
    stored = BytesIO()
    book = xlsxwriter.Workbook(stored, {"in_memory": True})
    sheet = book.add_worksheet(options.get("sheet", "BHYT"))
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for merge in merges:
        sheet.merge_range(merge, "")
    for (number, column), value in options.get("texts", {}).items():
        sheet.write(number, column, value)
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            _write(sheet, number, column, value, day, options.get("result", ""))
    for name, more, hidden in options.get("others", ()):
        other = book.add_worksheet(name)
        for number, row in enumerate(more):
            other.write_row(number, 0, row)
        if hidden:
            other.hide()
    book.close()
    return stored.getvalue()


def _write(sheet: Any, number: int, column: int, value: Any, day: Any, result: Any) -> None:
    if isinstance(value, dt.date):
        sheet.write_datetime(number, column, dt.datetime.combine(value, dt.time()), day)
    elif isinstance(value, str) and value.startswith("="):
        sheet.write_formula(number, column, value, None, result)
    elif value != "":
        sheet.write(number, column, value)


def xls(rows: Rows) -> bytes:
    """An old workbook of one sheet; a value that begins with = is a formula without a result, #DIV/0! an error."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Sheet1")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if value == "#DIV/0!":
                sheet.row(number).set_cell_error(column, value)
            elif isinstance(value, str) and value.startswith("="):
                sheet.write(number, column, xlwt.Formula(value[1:]))
            elif value != "":
                sheet.write(number, column, value)
    stored = BytesIO()
    book.save(stored)
    return stored.getvalue()


def ods(rows: Rows) -> bytes:
    """An OpenDocument workbook of one sheet."""
    book = OpenDocumentSpreadsheet()
    table = Table(name="BHYT")
    book.spreadsheet.addElement(table)
    for row in rows:
        line = TableRow()
        table.addElement(line)
        for value in row:
            is_number = isinstance(value, int | float)
            cell = TableCell(valuetype="float", value=value) if is_number else TableCell(valuetype="string")
            if not is_number:
                cell.addElement(P(text=str(value)))
            line.addElement(cell)
    stored = BytesIO()
    book.write(stored)
    return stored.getvalue()


def text(rows: Rows, delimiter: str = ";", encoding: str = "utf-8-sig") -> bytes:
    """A CSV file, without quotation marks."""
    return "\r\n".join(delimiter.join(str(cell) for cell in row) for row in rows).encode(encoding)


def rezip(body: bytes, change: Callable[[str, bytes], bytes] = lambda _, content: content, /, **more: bytes) -> bytes:
    """The workbook with its parts changed, and more parts added."""
    stored = BytesIO()
    with zipfile.ZipFile(BytesIO(body)) as old, zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, change(entry.filename, old.read(entry)))
        for name, content in more.items():
            new.writestr(name, content)
    return stored.getvalue()


def in_part(part: str, old: bytes, new: bytes, body: bytes) -> bytes:
    def change(name: str, content: bytes) -> bytes:
        if name != part:
            return content
        assert old in content
        return content.replace(old, new, 1)

    return rezip(body, change)


def table_of(*forms: str) -> AliasTable:
    """The words of a source that uses some forms only."""
    table = AliasTable.empty("bhxh")
    table.profile = table.profile.model_copy(update={"forms": forms})
    return table


def read(body: bytes, table: AliasTable | None = None, reader: SheetReader | None = None, **wishes: Any) -> Placed:
    """The rows of a file with their places."""
    return opened(body, table, reader, **wishes)[0]


def opened(
    body: bytes, table: AliasTable | None = None, reader: SheetReader | None = None, **wishes: Any
) -> tuple[Placed, list[Remark]]:
    """The rows of a file with their places, and the remarks on it."""
    reader = reader or SheetReader(CATALOG.forms, CATALOG.indicators, units=CATALOG.units)
    is_workbook = body[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
    open_ = reader.read_workbook if is_workbook else reader.read_text
    values = asyncio.run(open_(body, Wishes(**wishes), table or AliasTable.empty("bhxh")))
    return [(values.locate(number), row) for number, row in enumerate(list(values.rows))], values.remarks


def good(placed: Placed) -> list[DataValue]:
    """The data values among the rows."""
    return [row for _, row in placed if isinstance(row, DataValue)]


def numbers(placed: Placed) -> dict[str, Any]:
    """What stands at each place: a number, or the reason why there is none."""
    return {place: row.fault.reason.value if isinstance(row, BadValue) else row.value for place, row in placed}
