"""The notifier's part of `datchuan status`: alerts, deadlines, what is held back, silences, the audit, next reports."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from rich.table import Table

from datchuan.cli.output import moment, table
from services.notifier.adapters.standing import Standing
from services.notifier.domain.ledger import HeldFor
from services.notifier.domain.report_periods import PERIOD_VI, DueReport, next_report
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import AlertKind

ALERT_VI: Final = {
    AlertKind.BREACH: "chưa đạt",
    AlertKind.DATA_GAP: "thiếu số liệu",
    AlertKind.AT_RISK: "có nguy cơ không đạt",
}
HELD_VI: Final = {
    HeldFor.DIGEST: "bản tổng hợp",
    HeldFor.QUIET_HOURS: "giờ làm việc",
    HeldFor.SILENCE: "tạm ngưng gửi tin",
    HeldFor.FLAPPING: "dao động, chờ ổn định",
}


def next_reports(catalog: Catalog, now: dt.datetime) -> list[DueReport]:
    """Return the next consolidated report of each period, the first first; none where no dispatch is in force then."""
    calendar = WorkingCalendar(catalog.policies.calendar)
    found = (next_report(policy, calendar, now) for policy in catalog.policies.reports)
    owed = (due for due in found if any(dispatch.in_force(due.span.last_day) for dispatch in catalog.dispatches))
    return sorted(owed, key=lambda due: due.due_at)


def standing_document(standing: Standing, reports: Iterable[DueReport]) -> dict[str, Any]:
    """Return the notifier's part as one that JSON knows; kinds and reasons of which there are none are 0."""
    return {
        "alerts_open": {kind.value: standing.alerts_open.get(kind, 0) for kind in AlertKind},
        "entries_held": {reason.value: standing.entries_held.get(reason, 0) for reason in HeldFor},
        "courses": asdict(standing.courses),
        "silences": {"active": standing.silences, "next_end": standing.next_silence_end},
        "audit_block": None if standing.audit_block is None else asdict(standing.audit_block),
        "next_reports": [{"period": due.policy.period, "due_at": due.due_at} for due in reports],
    }


def standing_table(standing: Standing, reports: Iterable[DueReport]) -> Table:
    """Return the notifier's part as a table of a few lines."""
    courses, block = standing.courses, standing.audit_block
    alerts = ", ".join(f"{standing.alerts_open.get(kind, 0)} {ALERT_VI[kind]}" for kind in AlertKind)
    held = ", ".join(
        f"{standing.entries_held[reason]} {HELD_VI[reason]}" for reason in HeldFor if reason in standing.entries_held
    )
    silences = f"{standing.silences}"
    if standing.next_silence_end is not None:
        silences += f", kết thúc sớm nhất {moment(standing.next_silence_end)}"
    shown = table("Cảnh báo, thời hạn và gửi tin", "nội dung", "hiện trạng")
    shown.add_row("cảnh báo đang mở", alerts)
    shown.add_row(
        "theo dõi thời hạn (quy định của địa phương)",
        f"{courses.running} đang theo dõi, {courses.acknowledged} đã xác nhận tiếp nhận, "
        f"{courses.escalated} đã báo cáo cấp trên, {courses.stalled} bị trễ",
    )
    shown.add_row("tin đang giữ lại", held or "không có")
    shown.add_row("lệnh tạm ngưng gửi tin", silences)
    sealed = "chưa có" if block is None else f"khối {block.number}, {moment(block.sealed_at)}, {block.hash[:16]}…"
    shown.add_row("nhật ký kiểm toán niêm phong gần nhất", sealed)
    listed = ", ".join(f"{PERIOD_VI[due.policy.period]} {moment(due.due_at)}" for due in reports)
    shown.add_row("báo cáo tổng hợp sắp tới", listed or "không có")
    return shown
