"""Two messages that no unit is ever sent: one with every field filled, one with none. Templates are tried with them."""

import datetime as dt

from services.notifier.domain.citing import CitationView, ClauseView
from services.notifier.domain.grouping import ItemKind
from services.notifier.domain.views import ItemView, Message, ReportView, SummaryView

_LINES = ("dòng thứ nhất", "dòng thứ hai")


def full_message() -> Message:
    """Return a message in which nothing is empty."""
    items = tuple(_full_item(kind) for kind in ItemKind)
    return Message(
        subject="[Đạt Chuẩn] tin mẫu",
        addressees=("Đơn vị thứ nhất", "Đơn vị thứ hai"),
        written_on="09:30 ngày 15/10/2024",
        items=(*items, ItemView(ItemKind.OPENED, "chưa đạt", "Xã mẫu", "Xã mẫu", same_duty_as=1)),
        brief=_LINES,
        references=("<1@datchuan.example>",),
        banner="TIN MẪU",
        overview=_LINES,
        ack_url="https://datchuan.example/ack/1",
        summary=SummaryView("2", _LINES, _LINES),
    )


def empty_message() -> Message:
    """Return a message with one item that has no more than a headline, and nothing else."""
    item = ItemView(ItemKind.DRILL, "diễn tập", "Xã mẫu", "Xã mẫu")
    return Message("[Đạt Chuẩn] tin mẫu", (), dt.date(2024, 10, 15).isoformat(), (item,), (), ())


def _full_item(kind: ItemKind) -> ItemView:
    return ItemView(
        kind=kind,
        word="chưa đạt",
        headline="Xã mẫu: chỉ tiêu mẫu",
        place="Xã mẫu, huyện mẫu",
        roles=_LINES,
        purposes=_LINES,
        owners="Chủ trì: Đơn vị mẫu",
        others=_LINES,
        indicator="1.1 – Chỉ tiêu mẫu",
        requirement="≥ 90 %",
        basis="văn bản mẫu",
        confidence="chưa chắc chắn",
        period="01/09/2024 – 30/09/2024",
        cells=_LINES,
        states=_LINES,
        since="15/10/2024",
        until="16/10/2024",
        cause="số liệu mới",
        escalation="cấp huyện",
        policy="quy định của địa phương",
        deadlines=_LINES,
        acknowledgement="chưa có đơn vị nào xác nhận đã tiếp nhận",
        consequences=_LINES,
        citations=(CitationView("văn bản mẫu", (ClauseView("mục 1", "nội dung"),)),),
        actions=_LINES,
        notes=_LINES,
        report=_full_report(),
    )


def _full_report() -> ReportView:
    return ReportView(
        period="tuần mẫu",
        made_at="08:00 ngày 21/10/2024",
        nil="Trong kỳ không có phát sinh.",
        figures=_LINES,
        by_indicator=_LINES,
        by_place=_LINES,
        open=_LINES,
        more=1,
        changes=_LINES,
        without_dispatch=_LINES,
        audit_head="0" * 64,
    )
