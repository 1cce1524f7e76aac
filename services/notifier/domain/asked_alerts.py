"""An alert as the acknowledgement page shows it: what is wrong, what is asked for, until when, and who has it."""

import datetime as dt
from dataclasses import dataclass

from services.notifier.domain.alerts import Alert
from services.notifier.domain.course import Course, is_held
from services.notifier.domain.deadlines_vi import LOCAL_POLICY_VI, acknowledgement_of, calendar_of, deadlines_of
from services.notifier.domain.facts import Facts, place_of
from shared.catalog.catalog import Catalog
from shared.contracts.labels_vi import REASON_VI, STATUS_VI
from shared.contracts.vocabulary import AlertKind

_PROBLEM_VI = {
    AlertKind.BREACH: "chưa đạt",
    AlertKind.DATA_GAP: "thiếu số liệu",
    AlertKind.AT_RISK: "có nguy cơ chưa đạt",
}
_GONE_VI = "xác nhận qua liên kết này nay không còn hiệu lực"


@dataclass(frozen=True, slots=True)
class AskedAlert:
    """One alert in words. `mark` says who has acknowledged it; empty while the page may ask for it."""

    id: str
    headline: str
    lines: tuple[str, ...] = ()
    mark: str = ""


def asked_alert(catalog: Catalog, alert: Alert, course: Course | None, now: dt.datetime, *, asks: bool) -> AskedAlert:
    """Return an alert in words at a moment; without `asks` with the mark of its acknowledgement."""
    mark = "" if asks else _mark(course, now)
    if alert.key.unit not in catalog.unit_by_id:
        return AskedAlert(alert.id, f"{alert.key.unit}: {alert.key.node} – {_PROBLEM_VI[alert.kind]}", (), mark)
    facts = Facts.of(catalog, alert)
    where = f"{place_of(catalog, facts.unit)}: chỉ tiêu {facts.code} {facts.name}{facts.cell_suffix}"
    lines = [f"Số liệu: {_figures(facts)}", f"Yêu cầu: {facts.requirement()}"]
    deadlines = () if course is None else deadlines_of(course, calendar_of(catalog.policies.calendar))
    if deadlines:
        lines.append(f"Thời hạn ({LOCAL_POLICY_VI}): {'; '.join(deadlines)}")
    return AskedAlert(alert.id, f"{where} – {_PROBLEM_VI[alert.kind]}", tuple(lines), mark)


def _figures(facts: Facts) -> str:
    finding = facts.finding()
    if finding is None:
        status, reason = facts.alert.verdict
        return f"{STATUS_VI[status]}, {REASON_VI[reason]}"
    return facts.nearness(finding) if facts.alert.kind is AlertKind.AT_RISK else facts.cell_line(finding)


def _mark(course: Course | None, now: dt.datetime) -> str:
    return acknowledgement_of(course) if course is not None and is_held(course, now) else _GONE_VI
