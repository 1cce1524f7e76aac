"""Empty forms for senders: a workbook or a CSV file that, filled in and sent back, is read without a question."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO, StringIO
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_range_abs

from services.ingest.adapters.formats.form_guide import GUIDE, guide_rows, word_lists
from shared.catalog.forms import Column, Form, Holds, PeriodPlace
from shared.catalog.indicators import Indicator
from shared.contracts.vocabulary import MeasureKind

Commune = tuple[str, str]

_EMPTY_ROWS: Final = 200
_TOP: Final = 3  # title, period, an empty row
_TEXT: Final = frozenset(
    {Holds.COMMUNE_CODE, Holds.PERIOD, Holds.OBSERVED_AT, Holds.EVIDENCE_SHA256, Holds.ISSUED_ON, Holds.VALID_UNTIL}
)
_COUNTS: Final = frozenset({Holds.NUMERATOR, Holds.DENOMINATOR})
_MOST: Final = 100_000_000
_REFUSAL: Final = {"error_title": "Số liệu chưa đúng", "error_type": "stop"}


def workbook_of(form: Form, indicators: Mapping[str, Indicator], communes: Sequence[Commune] = ()) -> bytes:
    """Return an XLSX workbook with the empty form and a sheet of instructions; `communes` are rows to begin with."""
    stored = BytesIO()
    book = xlsxwriter.Workbook(stored, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet((form.sheet or form.id)[:31])
    guide = book.add_worksheet(GUIDE)
    lists = _write_guide(book, guide, form, indicators)
    _write_head(book, sheet, form)
    first = _TOP + form.levels
    last = first + max(len(communes), 1) + _EMPTY_ROWS - 1
    text = book.add_format({"num_format": "@"})
    for index, column in enumerate(form.offered):
        style = text if column.holds in _TEXT else None
        sheet.set_column(index, index, max(10, min(40, max(map(len, column.header)) + 2)), style)
        check = _validation(column, indicators, lists)
        if check is not None:
            sheet.data_validation(first, index, last, index, check | _REFUSAL)
    for row, values in enumerate(_rows(form, communes), first):
        for index, value in enumerate(values):
            if value:
                sheet.write(row, index, value, text if isinstance(value, str) else None)
    sheet.freeze_panes(first, 0)
    book.close()
    return stored.getvalue()


def csv_of(form: Form, communes: Sequence[Commune] = ()) -> bytes:
    """Return the empty form as CSV: UTF-8 with its mark and semicolons, as Vietnamese Excel opens it."""
    stored = StringIO(newline="")
    writer = csv.writer(stored, delimiter=";")
    if form.title_vi:
        writer.writerow([form.title_vi])
    if PeriodPlace.LABEL in form.period:
        writer.writerow([f"{form.period_labels[0]}:", ""])
    writer.writerow([column.title for column in form.offered])
    writer.writerows([[str(value) for value in row] for row in _rows(form, communes)])
    return stored.getvalue().encode("utf-8-sig")


def _rows(form: Form, communes: Sequence[Commune]) -> Iterator[list[str | int]]:
    for number, (code, name) in enumerate(communes, 1):
        values: dict[Holds, str | int] = {Holds.COMMUNE_CODE: code, Holds.COMMUNE_NAME: name}
        row = [values.get(column.holds, "") for column in form.offered]
        if form.offered[0].holds is Holds.IGNORED:
            row[0] = number
        yield row


def _write_head(book: Any, sheet: Any, form: Form) -> None:
    title = book.add_format({"bold": True, "font_size": 13})
    head = book.add_format({"bold": True, "border": 1, "align": "center", "valign": "vcenter", "text_wrap": True})
    entry = book.add_format({"num_format": "@", "border": 1, "bg_color": "#FFF2CC"})
    sheet.write_string(0, 0, form.title_vi or form.name_vi, title)
    if PeriodPlace.LABEL in form.period:
        sheet.write_string(1, 0, f"{form.period_labels[0]}:")
        sheet.write_blank(1, 1, None, entry)
    index = 0
    while index < len(form.offered):
        column = form.offered[index]
        width = _width(form, index)
        if len(column.header) == 1 and form.levels > 1:
            sheet.merge_range(_TOP, index, _TOP + 1, index, column.header[0], head)
        elif width > 1:
            sheet.merge_range(_TOP, index, _TOP, index + width - 1, column.header[0], head)
        else:
            sheet.write_string(_TOP, index, column.header[0], head)
        for below in range(index, index + width):
            if len(column.header) > 1:
                sheet.write_string(_TOP + 1, below, form.offered[below].header[1], head)
        index += width


def _width(form: Form, index: int) -> int:
    """Return how many columns from one on stand under the same upper header."""
    header = form.offered[index].header
    if len(header) == 1:
        return 1
    end = index + 1
    while end < len(form.offered) and len(form.offered[end].header) > 1 and form.offered[end].header[0] == header[0]:
        end += 1
    return end - index


def _validation(
    column: Column, indicators: Mapping[str, Indicator], lists: Mapping[Holds, str]
) -> dict[str, Any] | None:
    """Return what a spreadsheet program lets people type into a column; None for anything."""
    if column.holds in lists:
        return {
            "validate": "list",
            "source": f"={lists[column.holds]}",
            "error_message": "Chọn một từ trong danh sách.",
        }
    measures = indicators[column.indicator].measures if column.indicator else ()
    is_count = column.role in ("numerator", "denominator") or MeasureKind.COUNT in measures
    if column.holds in _COUNTS or (column.holds is Holds.MEASURE and is_count):
        message = "Nhập số nguyên không âm: 3620; không cần dấu phân cách hàng nghìn."
        return {"validate": "integer", "criteria": "between", "minimum": 0, "maximum": _MOST, "error_message": message}
    if column.holds is Holds.MEASURE and MeasureKind.PERCENT not in measures:
        return {"validate": "list", "source": ["Có", "Không"], "error_message": "Chọn Có hoặc Không."}
    return None


def _write_guide(book: Any, guide: Any, form: Form, indicators: Mapping[str, Indicator]) -> dict[Holds, str]:
    """Write the instructions; return the ranges of the words to choose from."""
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    bold = book.add_format({"bold": True})
    guide.set_column(0, 0, 40)
    guide.set_column(1, 2, 60)
    row = 0
    for row, texts in enumerate(guide_rows(form, indicators)):
        for index, text in enumerate(texts):
            guide.write_string(row, index, text, bold if row == 0 else wrap)
    ranges = {}
    for index, (holds, words) in enumerate(word_lists(form).items()):
        start = row + 3
        guide.write_string(start - 1, index, f"Danh sách {index + 1}", bold)
        for offset, word in enumerate(words):
            guide.write_string(start + offset, index, word)
        ranges[holds] = f"'{GUIDE}'!{xl_range_abs(start, index, start + len(words) - 1, index)}"
    return ranges
