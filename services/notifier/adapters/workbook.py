"""A consolidated report as a workbook: its numbers, what is open, what came and went, the trail, and the sources."""

import datetime as dt
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import xlsxwriter

from services.notifier.domain.audit_vi import TrailRow, trail_rows
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.report_content import AlertLine, Report, TrailLine
from services.notifier.domain.report_views import figure_lines
from shared.catalog.catalog import Catalog

MOST_ROWS = 20_000
_MOST_CHARACTERS = 32_000  # a cell holds 32,767
_WIDEST = 60

Cell = str | float | int | bool | dt.date | dt.datetime | None

_ALERT_HEAD = (
    *("Địa bàn", "Chỉ tiêu", "Tên chỉ tiêu", "Nhóm", "Tình trạng", "Từ ngày", "Đến ngày", "Lần thứ", "Yêu cầu"),
    *("Kết quả", "Tử số", "Mẫu số", "Tỷ lệ (%)", "Ngưỡng (%)", "Còn thiếu/vượt", "Kỳ số liệu", "Chủ trì"),
    *("Quá hạn (quy định của địa phương)", "Đã tiếp nhận", "Báo cáo cấp trên", "Dao động", "Mã cảnh báo"),
)
_TRAIL_HEAD = (
    *("Mã cảnh báo", "Dòng nhật ký kiểm toán", "Thời điểm", "Sự kiện", "Đơn vị", "Vai trò", "Kênh", "Địa chỉ"),
    "Điều khoản",
    *("Văn bản", "Bộ tiêu chí / phiên bản quy định / danh mục", "Message-ID", "Trả lời của máy chủ"),
    *("Người thực hiện", "Ghi chú"),
)
_SOURCE_HEAD = ("Chỉ tiêu", "Tên chỉ tiêu", "Yêu cầu", "Căn cứ", "Mức tin cậy")


def workbook_of(catalog: Catalog, report: Report, trail: Iterable[TrailLine], most_rows: int = MOST_ROWS) -> bytes:
    """Return the workbook, with at most so many rows a sheet; what comes from data is never written as a formula."""
    buffer = io.BytesIO()
    # Row by row through a temporary file: 20,000 rows a sheet would take 200 MB otherwise.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(buffer, options) as book:
        # The same report gives the same bytes.
        book.set_properties(
            {"title": report.title, "created": report.made_at.astimezone(VIET_NAM).replace(tzinfo=None)}
        )
        sheets = _Sheets(book, most_rows)
        sheets.add("Tổng hợp", ("Nội dung", "Giá trị"), _summary(report))
        still = [line for line in report.alerts if line.ended is None]
        sheets.add("Đang mở", _ALERT_HEAD, map(_alert_row, still))
        sheets.add("Phát sinh và khắc phục", _ALERT_HEAD, map(_alert_row, _moved(report)))
        rows = (row for line in trail for row in trail_rows(catalog, line))
        sheets.add("Diễn biến", _TRAIL_HEAD, map(_trail_row, rows))
        sheets.add("Nguồn", _SOURCE_HEAD, _sources(report))
    return buffer.getvalue()


def _moved(report: Report) -> list[AlertLine]:
    begins = dt.datetime.combine(report.start, dt.time(), VIET_NAM)
    return [line for line in report.alerts if line.ended is not None or line.opened >= begins]


def _summary(report: Report) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [
        ("Báo cáo", report.title),
        ("Từ ngày", report.start),
        ("Đến ngày", report.end - dt.timedelta(days=1)),
        ("Lập lúc", report.made_at),
        ("Số đơn vị hành chính thuộc phạm vi", report.places),
    ]
    if report.is_nil:
        rows.append(("Kết quả", "Trong kỳ không có phát sinh."))
    rows += figure_lines(report.figures)
    rows += [(f"Đang mở – {each.name}", each.amount) for each in (*report.by_indicator, *report.by_place)]
    rows += [("Thay đổi kết quả tổng hợp phần y tế", change) for change in report.changes]
    rows += [("Địa bàn có cảnh báo nhưng chưa có văn bản giao nhiệm vụ", name) for name in report.without_dispatch]
    rows += [("Lưu ý", note) for note in report.notes]
    rows.append(("Lưu ý", "Chỉ phản ánh phần y tế."))
    rows.append(("Mã niêm phong nhật ký kiểm toán tại thời điểm lập", report.audit_head or "chưa có"))
    return rows


def _alert_row(line: AlertLine) -> tuple[Cell, ...]:
    return (
        *(line.place, line.code, line.name, line.cell, line.state, line.opened, line.ended, line.occurrence),
        *(line.requirement, line.measured, line.numerator, line.denominator, line.percent, line.threshold, line.gap),
        *(line.figures_of, line.lead, "có" if line.overdue else "", line.acknowledged_by),
        *("có" if line.escalated else "", "có" if line.flapping else "", line.alert_id),
    )


def _trail_row(row: TrailRow) -> tuple[Cell, ...]:
    return (
        *(row.alert_id, row.line, row.at, row.what, row.unit, row.role, row.channel, row.address, row.clauses),
        *(row.dispatch, row.rules, row.message_id, row.reply, row.actor, row.note),
    )


def _sources(report: Report) -> list[tuple[Cell, ...]]:
    found = {
        (line.code, line.name, line.requirement, line.basis, line.confidence)
        for line in report.alerts
        if line.confidence
    }
    return [*sorted(found)]


class _Sheets:
    """The sheets of a workbook, each with a head, a filter, and a bounded number of rows."""

    def __init__(self, book: Any, most_rows: int) -> None:
        self._book = book
        self._most_rows = most_rows
        self._head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#EAF1EE"})
        self._day = book.add_format({"num_format": "dd/mm/yyyy"})
        self._moment = book.add_format({"num_format": "hh:mm dd/mm/yyyy"})

    def add(self, name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Add a sheet; of too many rows the rest is left out, and the last row says so."""
        sheet = self._book.add_worksheet(name)
        widths = [min(len(title), 24) for title in head]
        for column, title in enumerate(head):
            sheet.write_string(0, column, title, self._head)
        number = 0
        for number, row in enumerate(rows, 1):
            if number > self._most_rows:
                note = f"Còn nữa: trang này chỉ ghi {self._most_rows} dòng đầu; xem đầy đủ bằng lệnh datchuan audit."
                sheet.write_string(number, 0, note)
                break
            for column, value in enumerate(row):
                self._write(sheet, number, column, value)
                if isinstance(value, str):
                    widths[column] = max(widths[column], min(len(value), _WIDEST))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, max(width + 2, 12))
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(number, 1), len(head) - 1)

    def _write(self, sheet: Any, row: int, column: int, value: Cell) -> None:
        writers: tuple[tuple[type | tuple[type, ...], Callable[[], object]], ...] = (
            (bool, lambda: sheet.write_string(row, column, "có" if value else "")),
            (int, lambda: sheet.write_number(row, column, value)),
            (float, lambda: sheet.write_number(row, column, value)),
            (dt.datetime, lambda: sheet.write_datetime(row, column, _local(value), self._moment)),
            (dt.date, lambda: sheet.write_datetime(row, column, value, self._day)),
            (str, lambda: sheet.write_string(row, column, str(value)[:_MOST_CHARACTERS])),
        )
        for kind, write in writers:
            if isinstance(value, kind):
                write()
                return


def _local(value: Any) -> dt.datetime:
    local: dt.datetime = value.astimezone(VIET_NAM).replace(tzinfo=None)
    return local
