"""Lines of the audit in Vietnamese: what happened, who was told, by which clause, and what the server answered."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.notifier.domain.audit import AuditKind
from services.notifier.domain.audit_notes_vi import HELD_VI, moment_of, note_of
from services.notifier.domain.grouping import ItemKind
from services.notifier.domain.labels_vi import ITEM_VI
from services.notifier.domain.ledger import HeldFor, LedgerStatus, UnroutableReason
from services.notifier.domain.numbers_vi import count_vi, threshold_vi
from services.notifier.domain.report_content import TrailLine
from services.notifier.domain.route import name_in
from shared.catalog.catalog import Catalog
from shared.contracts.labels_vi import CAUSE_VI, ROLE_VI
from shared.contracts.vocabulary import Cause, Channel, NoticeKind, Role

KIND_VI = {
    AuditKind.OPENED: "phát sinh",
    AuditKind.ROUTED: "phân công xử lý tin",
    AuditKind.ENDED: "kết thúc",
    AuditKind.SENT: "đã gửi",
    AuditKind.REFUSED: "bị từ chối, sẽ gửi lại",
    AuditKind.DEAD: "không gửi được",
    AuditKind.REPLAYED: "cho gửi lại",
    AuditKind.DISCARDED: "bỏ, không gửi nữa",
    AuditKind.ACKNOWLEDGED: "xác nhận đã tiếp nhận",
    AuditKind.ACKNOWLEDGEMENT_WITHDRAWN: "rút lại xác nhận đã tiếp nhận",
    AuditKind.ACKNOWLEDGEMENT_LAPSED: "xác nhận hết hiệu lực",
    AuditKind.REMINDED: "nhắc việc",
    AuditKind.ESCALATED: "báo cáo cấp trên",
    AuditKind.SUPERSEDED: "không gửi nữa",
    AuditKind.SILENCED: "tạm ngưng gửi tin",
    AuditKind.SILENCE_ENDED: "hết tạm ngưng gửi tin",
    AuditKind.RELEASED: "gửi tin đã giữ lại",
    AuditKind.REPORTED: "lập báo cáo tổng hợp",
    AuditKind.DRILLED: "diễn tập",
}
ACTION_VI = {
    "opened": "mở cảnh báo",
    "updated": "số liệu mới",
    "data_lost": "mất dữ liệu",
    "data_back": "có lại số liệu",
    "resolved": "đã khắc phục",
    "closed": "đóng, không kết luận là đạt",
    "late": "số liệu đến muộn",
    "rollup": "thay đổi kết quả tổng hợp phần y tế",
}
_ROLE_VI = ROLE_VI | {Role.SUPERIOR: "cấp trên (quy định của địa phương)"}
_REASON_VI = {
    UnroutableReason.NO_DISPATCH: "không có văn bản giao nhiệm vụ đang có hiệu lực",
    UnroutableReason.NO_ASSIGNMENT: "văn bản không giao cho đơn vị nào",
    UnroutableReason.NO_ADDRESS: "đơn vị chưa có địa chỉ nhận tin",
    UnroutableReason.NO_LEAD: "chưa có đơn vị chủ trì",
}
_SENDING = frozenset({AuditKind.SENT, AuditKind.REFUSED, AuditKind.DEAD})


@dataclass(frozen=True, slots=True)
class Unsent:
    """News that was routed and has not left: it waits (`waiting`, `grouped`), or newer news took its place."""

    kind: NoticeKind
    status: LedgerStatus
    responsible_unit: str
    role: Role
    address: str
    dispatch: str | None
    unit: str
    held_for: HeldFor | None


@dataclass(frozen=True, slots=True)
class TrailRow:
    """One row of the story of an alert: a line of the audit, or one addressee of it. What does not apply is empty."""

    alert_id: str
    line: int
    at: dt.datetime
    what: str
    unit: str = ""
    role: str = ""
    channel: str = ""
    address: str = ""
    clauses: str = ""
    dispatch: str = ""
    rules: str = ""
    message_id: str = ""
    reply: str = ""
    actor: str = ""
    note: str = ""


def trail_rows(catalog: Catalog, line: TrailLine) -> list[TrailRow]:
    """Return a line of the audit as rows: one for the line, one more for everybody whom it lets be told."""
    kind = AuditKind(line.kind)
    actor = "" if line.actor == "datchuan" else line.actor
    row = TrailRow(line.alert_id, line.id, line.at, KIND_VI[kind], actor=actor)
    details = line.details
    if kind in _SENDING:
        again = details.get("next_attempt_at")
        return [
            replace(
                row,
                channel=str(details.get("channel") or ""),
                address=str(details.get("address") or ""),
                message_id=str(details.get("message_id") or ""),
                reply=str(details.get("reply") or ""),
                note=f"lần thử {details.get('attempt', '')}" + (f"; gửi lại lúc {moment_of(again)}" if again else ""),
            )
        ]
    if kind is AuditKind.SUPERSEDED:
        return _unsent_rows(catalog, row, details)
    if "told" not in details and "action" not in details:
        return [replace(row, note=note_of(catalog, details))]
    return _routing_rows(catalog, row, details)


def _routing_rows(catalog: Catalog, row: TrailRow, details: Mapping[str, Any]) -> list[TrailRow]:
    action = str(details.get("action") or "")
    dispatch = str(details.get("dispatch") or "")
    rules = [str(details[name]) for name in ("ruleset", "rules", "catalog") if details.get(name)]
    if action:
        first = replace(
            row,
            what=f"{row.what}: {ACTION_VI.get(action, action)}",
            dispatch=_dispatch_vi(catalog, dispatch),
            rules=" / ".join(rules),
            note=_cause_vi(details),
        )
    else:
        rest = {name: value for name, value in details.items() if name not in ("told", "dispatch")}
        first = replace(row, dispatch=_dispatch_vi(catalog, dispatch), note=note_of(catalog, rest))
    return [first, *(_told_row(catalog, row, each, details) for each in details.get("told", ()))]


def _unsent_rows(catalog: Catalog, row: TrailRow, details: Mapping[str, Any]) -> list[TrailRow]:
    unsent = [(each, _told_row(catalog, row, each, details)) for each in details.get("unsent", ())]
    words = ((_notice_vi(NoticeKind(each["notice"])), found) for each, found in unsent)
    why = note_of(catalog, {"because": details.get("because")})
    return [replace(row, note=why), *(replace(found, what=f"không gửi ({what})") for what, found in words)]


def _told_row(catalog: Catalog, row: TrailRow, told: Mapping[str, Any], details: Mapping[str, Any]) -> TrailRow:
    dispatch = str(details.get("dispatch") or "")
    unit = str(details.get("unit") or row.alert_id.partition(":")[0])
    role, channel = told.get("role", ""), str(told.get("channel", Channel.MAIL) or "")
    due = told.get("due") or details.get("due")
    notes = [f"hẹn gửi {moment_of(due)}"] if due and channel else []
    notes += [HELD_VI.get(str(told["held_for"]), str(told["held_for"]))] if told.get("held_for") else []
    notes += [_REASON_VI.get(told["reason"], str(told["reason"]))] if told.get("reason") else []
    notes += [str(told["gap_vi"])] if told.get("gap_vi") else []
    known = unit in catalog.unit_by_id
    return replace(
        row,
        what="báo cho",
        actor="",
        unit=name_in(catalog, dispatch, str(told.get("unit", "")), unit) if known else str(told.get("unit", "")),
        role=_ROLE_VI.get(Role(role), role) if role in set(Role) else str(role),
        channel=channel,
        address=str(told.get("address") or ""),
        clauses=clauses_vi(catalog, dispatch, told.get("clauses", ())),
        note="; ".join(notes),
    )


def clauses_vi(catalog: Catalog, dispatch: str, clauses: Sequence[str]) -> str:
    """Return the sections of clauses of a dispatch, each once; their ids where the catalog has lost them."""
    found = catalog.dispatch_by_id.get(dispatch)
    sections = {clause.id: clause.section_vi for clause in found.clauses} if found else {}
    return "; ".join(dict.fromkeys(sections.get(clause, clause) for clause in clauses))


def _dispatch_vi(catalog: Catalog, dispatch: str) -> str:
    found = catalog.dispatch_by_id.get(dispatch)
    return dispatch if found is None else found.title_vi


def _cause_vi(details: Mapping[str, Any]) -> str:
    cause = str(details.get("cause") or "")
    events = ", ".join(str(event) for event in details.get("events", ()))
    said = f"nguyên nhân: {CAUSE_VI[Cause(cause)] if cause in set(Cause) else cause}"
    numerator, denominator, threshold = (details.get(name) for name in ("numerator", "denominator", "threshold"))
    if numerator is not None and denominator:
        said = f"{said}; số liệu: {count_vi(numerator)}/{count_vi(denominator)}"
    if threshold is not None:
        said = f"{said}; ngưỡng: {threshold_vi(threshold)}"
    return f"{said}; sự kiện: {events}" if events else said


def unsent_vi(catalog: Catalog, news: Unsent) -> str:
    """Return in one line whom news has not reached, and why."""
    what = _notice_vi(news.kind)
    name = name_in(catalog, news.dispatch, news.responsible_unit, news.unit)
    if news.status is LedgerStatus.SUPERSEDED:
        became = "không gửi, đã có diễn biến mới hơn"
    else:
        became = "chờ gửi" if news.held_for is None else f"chờ gửi ({HELD_VI[news.held_for]})"
    return f"{what}: {name} ({_ROLE_VI[news.role]}) – {news.address}: {became}"


def _notice_vi(notice: NoticeKind) -> str:
    return "phát sinh" if notice is NoticeKind.OPENED else ITEM_VI[ItemKind(notice.value)]
