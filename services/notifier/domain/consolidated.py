"""The consolidated report of a period for one dispatch: what was opened and resolved, and what is open, and where."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.notifier.domain.alerts import Alert, EndReason
from services.notifier.domain.course import Course, CourseState
from services.notifier.domain.facts import Facts, place_of
from services.notifier.domain.headlines import node_name
from services.notifier.domain.material import RollupChange
from services.notifier.domain.report_content import AlertLine, Count, Figures, Report
from services.notifier.domain.report_periods import PERIOD_VI, Span, period_vi
from services.notifier.domain.route import route, route_rollup
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch
from shared.contracts.labels_vi import STATUS_VI
from shared.contracts.vocabulary import AlertKind, NoticeKind, ReportPeriod, Role

KIND_VI = {AlertKind.BREACH: "chưa đạt", AlertKind.DATA_GAP: "thiếu số liệu", AlertKind.AT_RISK: "có nguy cơ"}
LOST_VI = "thiếu số liệu (đang chưa đạt khi mất dữ liệu)"
END_VI = {
    EndReason.MET: "đã khắc phục",
    EndReason.REPLACED: "chuyển sang cảnh báo khác",
    EndReason.NOT_APPLICABLE: "không còn áp dụng",
    EndReason.RULE_ENDED: "chỉ tiêu hết hiệu lực",
    EndReason.UNIT_ENDED: "đơn vị hành chính kết thúc",
    EndReason.NO_LONGER_AT_RISK: "không còn nguy cơ",
}


@dataclass(frozen=True, slots=True)
class ReportMaterial:
    """What is known of the units of a dispatch in a period: alerts that were open in it, their courses, the roll-ups.

    `open_elsewhere` are units with open alerts that may have no dispatch. `missed` is the time before it of which
    no report was made.
    """

    alerts: Sequence[Alert] = ()
    courses: Mapping[str, Course] = field(default_factory=dict)
    rollups: Sequence[RollupChange] = ()
    open_elsewhere: Iterable[str] = ()
    audit_head: str | None = None
    missed: Span | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """A responsible unit that gets the report, in its role, by these clauses."""

    unit: str
    role: Role
    clauses: tuple[str, ...]


def report_id(dispatch: str, unit: str, period: ReportPeriod, start: dt.date) -> str:
    """Return the id of a report, which is also the subject of its ledger entries."""
    return f"report:{dispatch}:{unit}:{period}:{start.isoformat()}"


def receivers_of(
    catalog: Catalog, dispatch: OfficialDispatch, roles: Iterable[Role], on: dt.date
) -> tuple[Receiver, ...]:
    """Return who gets the reports of a dispatch: the units that follow everything, and those that are only informed.

    The last reports of a dispatch are made after its end: they go to those who had the duty on its last day, or to who
    has taken over from them; a unit that has ended since without a successor gets none.
    """
    last = dispatch.effective_to
    followers = route_rollup(catalog, dispatch.scope[0], on if last is None else min(on, last)).assignments
    found: list[Receiver] = []
    for each in followers:
        holder = dispatch.holder(each.responsible_unit.id, on)
        told = catalog.policies.timing(each.role, NoticeKind.REPORT, unowned=False)
        if holder is not None and each.role in set(roles) and told is not None:
            found.append(Receiver(holder.id, each.role, tuple(clause.id for clause in each.clauses)))
    return tuple(found)


def span_under(dispatch: OfficialDispatch, span: Span) -> Span | None:
    """Return the part of a period for which a dispatch is reported on: up to its end; None when it is of another time.

    A dispatch that began within the period has the whole of it: what stood open before is handed over to it.
    """
    if dispatch.in_force(span.last_day):
        return span
    last = dispatch.effective_to
    if last is None or not span.start <= last < span.last_day:
        return None
    return Span(span.start, last + dt.timedelta(days=1))


def units_under(catalog: Catalog, dispatch: OfficialDispatch, on: dt.date) -> tuple[str, ...]:
    """Return the administrative units for which a dispatch is the one in force on a day."""
    return tuple(
        unit.id
        for unit in catalog.units
        if unit.in_force(on) and (found := catalog.dispatch_for(unit, on)) is not None and found.id == dispatch.id
    )


def build_report(
    catalog: Catalog,
    dispatch: OfficialDispatch,
    period: ReportPeriod,
    span: Span,
    material: ReportMaterial,
    made_at: dt.datetime,
) -> Report:
    """Return the whole report of a period."""
    until = min(made_at, span.ends)
    lines = [_line(catalog, alert, material.courses.get(alert.id), span, until) for alert in material.alerts]
    place = place_of(catalog, catalog.unit_by_id[dispatch.scope[0]])
    still = [(alert, line) for alert, line in zip(material.alerts, lines, strict=True) if line.ended is None]
    return Report(
        dispatch=dispatch.id,
        title=f"Báo cáo tổng hợp {period_vi(period, span)} – {place}",
        period=period,
        start=span.start,
        end=span.end,
        period_vi=period_vi(period, span),
        made_at=made_at,
        places=len(units_under(catalog, dispatch, span.last_day)),
        figures=_figures(material.alerts, [line for _, line in still], [alert for alert, _ in still], span),
        by_indicator=_counted(f"{line.code} {line.name}" for _, line in still),
        by_place=_counted(line.place for _, line in still),
        alerts=tuple(sorted(lines, key=lambda line: (line.ended is not None, line.place, line.code, line.cell))),
        changes=tuple(_change(catalog, change) for change in material.rollups),
        without_dispatch=_without_dispatch(catalog, material.open_elsewhere, span.last_day),
        notes=_notes(material.missed, period, dispatch, span),
        audit_head=material.audit_head,
    )


def _figures(alerts: Sequence[Alert], lines: Sequence[AlertLine], still: Sequence[Alert], span: Span) -> Figures:
    ended = [alert for alert in alerts if alert.ended_at is not None and span.begins <= alert.ended_at < span.ends]
    kinds = Counter(alert.kind for alert in still)
    return Figures(
        opened=sum(span.begins <= alert.opened_at < span.ends for alert in alerts),
        resolved=sum(alert.end_reason is EndReason.MET for alert in ended),
        closed=sum(alert.end_reason is not EndReason.MET for alert in ended),
        open=len(still),
        not_met=kinds[AlertKind.BREACH],
        missing_data=kinds[AlertKind.DATA_GAP],
        lost=sum(map(_is_lost, still)),
        at_risk=kinds[AlertKind.AT_RISK],
        overdue=sum(line.overdue for line in lines),
        acknowledged=sum(bool(line.acknowledged_by) for line in lines),
        escalated=sum(line.escalated for line in lines),
        flapping=sum(line.flapping for line in lines),
        no_lead=sum(line.lead == NO_LEAD_VI for line in lines),
    )


NO_LEAD_VI = "chưa có đơn vị chủ trì"


def _is_lost(alert: Alert) -> bool:
    """Return whether an alert was a breach until its data was lost: it stays open, without a verdict."""
    return alert.opened_as is AlertKind.BREACH and alert.kind is AlertKind.DATA_GAP


def _state(alert: Alert, *, is_over: bool) -> str:
    if is_over and alert.end_reason:
        return END_VI[alert.end_reason]
    return LOST_VI if _is_lost(alert) else KIND_VI[alert.kind]


def _line(catalog: Catalog, alert: Alert, course: Course | None, span: Span, until: dt.datetime) -> AlertLine:
    facts = Facts.of(catalog, alert)
    finding = facts.finding()
    is_over = alert.ended_at is not None and alert.ended_at < span.ends
    rule = facts.rule
    numerator, denominator = (finding.numerator, finding.denominator) if finding else (None, None)
    evidence = alert.evidence
    acknowledged = course is not None and course.state is CourseState.ACKNOWLEDGED
    return AlertLine(
        alert_id=alert.id,
        place=facts.unit.name_vi,
        code=facts.code,
        name=facts.short_name,
        cell=facts.cell_suffix.strip(" ()"),
        state=_state(alert, is_over=is_over),
        opened=alert.opened_at,
        ended=alert.ended_at if is_over else None,
        occurrence=max(alert.breaches, 1),
        requirement=facts.requirement(),
        measured=facts.comparison(finding) if finding else STATUS_VI[evidence.status],
        numerator=numerator,
        denominator=denominator,
        percent=_percent(numerator, denominator, finding.value if finding else None),
        threshold=evidence.threshold,
        gap=finding.gap if finding else None,
        figures_of=_figures_of(evidence.period_start, evidence.period_end),
        lead=_lead(catalog, facts, span.last_day),
        overdue=not is_over and course is not None and _is_overdue(course, until),
        acknowledged_by=(course.acknowledged_by or "") if course is not None and acknowledged else "",
        escalated=course is not None and _is_escalated(course),
        flapping=alert.flapping,
        basis=rule.legal_source if rule else "",
        confidence=facts.confidence(),
    )


def _percent(numerator: int | None, denominator: int | None, value: float | None) -> float | None:
    if numerator is not None and denominator:
        return round(numerator * 100 / denominator, 4)
    return value


def _figures_of(start: dt.date | None, end: dt.date | None) -> str:
    return "" if end is None else f"{(start or end):%d/%m/%Y} – {end:%d/%m/%Y}"


def _lead(catalog: Catalog, facts: Facts, on: dt.date) -> str:
    key = facts.alert.key
    indicator = facts.rule.indicator if facts.rule else ""
    routing = route(catalog, key.unit, indicator, key.cell, on)
    leads = [each.name_vi for each in routing.assignments if each.role is Role.LEAD]
    return f"chủ trì: {'; '.join(leads)}" if leads else NO_LEAD_VI


def _is_overdue(course: Course, at: dt.datetime) -> bool:
    """Return whether a local deadline has passed by a moment: of the acknowledgement, or the first escalation."""
    if course.state is CourseState.ACKNOWLEDGED:
        return False
    late = course.acknowledge_by is not None and course.acknowledge_by < at and course.acknowledged_at is None
    return late or any(step.kind is NoticeKind.ESCALATED and step.at < at for step in course.steps)


def _is_escalated(course: Course) -> bool:
    return any(step.kind is NoticeKind.ESCALATED for step in course.steps[: course.position])


def _counted(names: Iterable[str]) -> tuple[Count, ...]:
    return tuple(Count(name, amount) for name, amount in sorted(Counter(names).items(), key=lambda e: (-e[1], e[0])))


def _change(catalog: Catalog, change: RollupChange) -> str:
    place = catalog.unit_by_id[change.unit].name_vi
    name = node_name(catalog, change.node, change.node_kind)
    return f"{place}: {name}: {STATUS_VI[change.from_status]} → {STATUS_VI[change.to_status]}"


def _without_dispatch(catalog: Catalog, units: Iterable[str], on: dt.date) -> tuple[str, ...]:
    known = (catalog.unit_by_id.get(unit) for unit in units)
    return tuple(unit.name_vi for unit in known if unit is not None and catalog.dispatch_for(unit, on) is None)


def _notes(missed: Span | None, period: ReportPeriod, dispatch: OfficialDispatch, span: Span) -> tuple[str, ...]:
    notes = ["Số liệu của từng cảnh báo là số liệu mới nhất tại thời điểm lập báo cáo."]
    notes.append(
        "“Quá hạn” tính theo thời hạn do địa phương quy định; văn bản giao nhiệm vụ không ghi thời hạn. "
        "Thời điểm gửi báo cáo cũng là quy định của địa phương."
    )
    if dispatch.effective_to == span.last_day:
        notes.insert(
            0,
            f"Văn bản giao nhiệm vụ hết hiệu lực sau ngày {span.last_day:%d/%m/%Y}: đây là báo cáo {PERIOD_VI[period]} "
            "cuối cùng theo văn bản này, chỉ tính đến hết ngày đó.",
        )
    if missed is not None:
        first, last = missed.start, missed.last_day
        notes.insert(
            0,
            f"Từ {first:%d/%m/%Y} đến {last:%d/%m/%Y} hệ thống không lập được báo cáo {PERIOD_VI[period]}; "
            "những gì đã phát sinh trong thời gian đó vẫn được lưu trong nhật ký kiểm toán.",
        )
    return tuple(notes)
