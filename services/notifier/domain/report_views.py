"""A consolidated report as its message tells it: the subject line, the numbers, and what is open."""

from services.notifier.domain.citing import citations_of, roles_of
from services.notifier.domain.grouping import Item
from services.notifier.domain.item_views import Told
from services.notifier.domain.numbers_vi import count_vi, date_vi, moment_vi
from services.notifier.domain.report_content import Figures, Report
from services.notifier.domain.views import ItemView, ReportView
from shared.catalog.catalog import Catalog

MOST_OPEN = 50
_NIL_VI = "Trong kỳ không có phát sinh."
FIGURE_VI = {
    "opened": "Phát sinh trong kỳ",
    "resolved": "Đã khắc phục trong kỳ",
    "closed": "Đóng trong kỳ mà không kết luận là đạt",
    "open": "Đang mở cuối kỳ",
    "not_met": "trong đó chưa đạt",
    "missing_data": "trong đó thiếu số liệu",
    "lost": "trong số thiếu số liệu: đang chưa đạt khi mất dữ liệu",
    "at_risk": "trong đó có nguy cơ chưa đạt",
    "overdue": "trong đó quá hạn (theo quy định của địa phương)",
    "acknowledged": "trong đó đơn vị đã xác nhận tiếp nhận",
    "escalated": "trong đó đã báo cáo cấp trên",
    "flapping": "trong đó dao động",
    "no_lead": "trong đó chưa có đơn vị chủ trì",
}


def figure_lines(figures: Figures) -> list[tuple[str, int]]:
    """Return the numbers of a report, each with its name."""
    return [(name, getattr(figures, field)) for field, name in FIGURE_VI.items()]


def report_headline(report: Report) -> str:
    """Return the one line of a report: its title and what it comes to."""
    if report.is_nil:
        return f"{report.title}: không có phát sinh"
    figures = report.figures
    return (
        f"{report.title}: {count_vi(figures.open)} đang mở, {count_vi(figures.opened)} phát sinh, "
        f"{count_vi(figures.resolved)} đã khắc phục"
    )


def report_view(catalog: Catalog, told: Told, report: Report) -> ItemView:
    """Return the item of a message that tells a report."""
    item: Item = told.item
    return ItemView(
        kind=item.kind,
        word=told.word,
        headline=told.headline,
        place=f"{count_vi(report.places)} đơn vị hành chính",
        roles=roles_of(catalog, item),
        citations=citations_of(catalog, item.duties),
        notes=report.notes,
        report=lines_of(report),
    )


def lines_of(report: Report) -> ReportView:
    """Return a report in lines."""
    still = [line for line in report.alerts if line.ended is None]
    return ReportView(
        period=report.period_vi,
        made_at=moment_vi(report.made_at),
        nil=_NIL_VI if report.is_nil else "",
        figures=tuple(f"{name}: {count_vi(amount)}" for name, amount in figure_lines(report.figures)),
        by_indicator=tuple(f"{each.name}: {count_vi(each.amount)}" for each in report.by_indicator),
        by_place=tuple(f"{each.name}: {count_vi(each.amount)}" for each in report.by_place),
        open=tuple(f"{line.headline}; từ {date_vi(line.opened)}" for line in still[:MOST_OPEN]),
        more=max(0, report.figures.open - len(still[:MOST_OPEN])),
        changes=report.changes,
        without_dispatch=report.without_dispatch,
        audit_head=report.audit_head or "",
    )
