"""Messages made up for a look at them: the notice and the role asked for, with numbers that nobody reported."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from services.notifier.domain.alerts import Alert, AlertAction, AlertKey, EndReason, Step, alert_id
from services.notifier.domain.chains import Chains
from services.notifier.domain.course import Course, CourseStep, fire, step_subject
from services.notifier.domain.grouping import Group, group
from services.notifier.domain.ledger import DueEntry
from services.notifier.domain.material import Material, RollupChange
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.route import route
from services.notifier.domain.specimen_evidence import specimen_evidence
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.catalog.rulesets import IndicatorRule
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import (
    AlertKind,
    Cause,
    Channel,
    NodeKind,
    NoticeKind,
    Role,
    VerdictReason,
    VerdictStatus,
)

_URGES = frozenset({NoticeKind.REMINDER, NoticeKind.ESCALATED})
_CAUSES = {
    NoticeKind.REMINDER: Cause.CLOCK,
    NoticeKind.ESCALATED: Cause.CLOCK,
    NoticeKind.DATA_LOST: Cause.CLOCK,
    NoticeKind.RULESET_CHANGE: Cause.RULESET,
}
_DAYS_AGO = {NoticeKind.REMINDER: 9, NoticeKind.ESCALATED: 21, NoticeKind.RESOLVED: 12, NoticeKind.DATA_LOST: 30}
_NEVER_SENT = frozenset({NoticeKind.REPORT, NoticeKind.CLOSED})
_NO_ALERT = frozenset({NoticeKind.ROLLUP, NoticeKind.DUTY, NoticeKind.DOSSIER, NoticeKind.DRILL})


class NoSpecimenError(Exception):
    """There is no such message by this catalog; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which message is wanted: about which cell of which chỉ tiêu of which unit, of which notice, to which role."""

    unit: AdminUnit
    rule: IndicatorRule
    cell: str
    role: Role
    notice: NoticeKind


def specimen(catalog: Catalog, wish: Wish, now: dt.datetime) -> tuple[Group, Material]:
    """Return a message as it would be sent at a moment, and what it speaks of; raise NoSpecimenError."""
    if wish.notice in _NEVER_SENT:
        raise NoSpecimenError(f"a {wish.notice.value} is not a message about a chỉ tiêu: it has no specimen")
    alert, course = _alert_and_course(catalog, wish, now)
    subject = _subject(wish, alert, course)
    entries = entries_of(catalog, wish, None if alert is None else alert.id, subject, now)
    (found,) = group(entries, len(entries))
    material = Material(
        alerts={} if alert is None else {alert.id: alert},
        courses={} if course is None else {course.alert_id: course},
        rollups={(wish.unit.id, wish.rule.standard, 1): _rollup(wish, now)},
    )
    return found, material


def digest(catalog: Catalog, wishes: Sequence[Wish], now: dt.datetime) -> tuple[Group, Material]:
    """Return one message about several things, all told to one unit; raise NoSpecimenError."""
    parts = [specimen(catalog, wish, now) for wish in wishes]
    items = tuple(item for part, _ in parts for item in part.items)
    told = {duty.responsible_unit: None for item in items for duty in item.duties}
    if len(told) > 1:
        raise NoSpecimenError(f"these are not told to one unit but to {', '.join(told)}; ask for each")
    material = Material()
    for _, part in parts:
        material.alerts.update(part.alerts)
        material.courses.update(part.courses)
        material.rollups.update(part.rollups)
    return Group(Channel.MAIL, "", items, tuple(range(len(items)))), material


def _place(catalog: Catalog, wish: Wish, dispatch: str | None) -> str:
    """Return the unit that a notice is about: a duty is that of the dispatch's own unit, all else the wished one's."""
    found = catalog.dispatch_by_id.get(dispatch or "")
    return found.scope[0] if wish.notice is NoticeKind.DUTY and found is not None else wish.unit.id


def entries_of(catalog: Catalog, wish: Wish, told_alert: str | None, subject: str, now: dt.datetime) -> list[DueEntry]:
    """Return the ledger entries of the unit that has the wished role; raise NoSpecimenError where nobody has it."""
    return [
        DueEntry(
            id=number,
            subject=subject,
            kind=wish.notice,
            alert_id=told_alert,
            unit=_place(catalog, wish, dispatch),
            node=wish.rule.standard if told_alert is None else wish.rule.node,
            cell=wish.cell,
            as_of=now.astimezone(VIET_NAM).date(),
            cause=_CAUSES.get(wish.notice, Cause.DATA),
            sequence=1,
            responsible_unit=unit,
            role=role,
            channel=Channel.MAIL,
            address="",
            dispatch=dispatch,
            clauses=clauses,
            gap_vi=None,
            no_address_units=(),
        )
        for number, (unit, role, dispatch, clauses) in enumerate(_duties(catalog, wish, now))
    ]


def _duties(catalog: Catalog, wish: Wish, now: dt.datetime) -> list[tuple[str, Role, str | None, tuple[str, ...]]]:
    """Return the roles of the unit that has the wished role, as a dispatch or local policy gives them."""
    on = now.astimezone(VIET_NAM).date()
    if wish.role is Role.SUPERIOR:
        places = {wish.unit.id, *(above.id for above in catalog.ancestors(wish.unit))}
        for superior in catalog.policies.superiors:
            if superior.in_force(on) and not places.isdisjoint(superior.scope):
                return [(superior.id, Role.SUPERIOR, None, ())]
        raise NoSpecimenError(f"policies.yaml names no superior unit for {wish.unit.name_vi} on {on.isoformat()}")
    routing = route(catalog, wish.unit.id, wish.rule.indicator, wish.cell, on, standard=wish.rule.standard)
    holder = next((each for each in routing.assignments if each.role is wish.role), None)
    if holder is None or routing.dispatch is None:
        roles = ", ".join(dict.fromkeys(each.role.value for each in routing.assignments)) or "none"
        gaps = "".join(f" {gap.what_vi}" for gap in routing.gaps)
        raise NoSpecimenError(f"nobody has the role {wish.role.value} on {on.isoformat()}; roles given: {roles}.{gaps}")
    return [
        (each.responsible_unit.id, each.role, routing.dispatch.id, tuple(clause.id for clause in each.clauses))
        for each in routing.assignments
        if each.responsible_unit.id == holder.responsible_unit.id
        and (each.role is wish.role or (each.role, wish.notice) in catalog.policies.tells)
    ]


def _alert_and_course(catalog: Catalog, wish: Wish, now: dt.datetime) -> tuple[Alert | None, Course | None]:
    """Return the alert that is told of and its course; of escalations, the one that is told is the last so far."""
    if wish.notice in _NO_ALERT:
        return None, None
    days = _DAYS_AGO.get(wish.notice, 0)
    alert = _alert(wish, now, days)
    course = _course(catalog, alert, wish, now)
    if wish.notice is not NoticeKind.ESCALATED or course is None:
        return alert, course
    level = _told_step(course, wish).level
    while course is not None and _last_level(course) > level:
        days -= 1
        alert = _alert(wish, now, days)
        course = _course(catalog, alert, wish, now)
    return alert, course


def _last_level(course: Course) -> int:
    return max(step.level for step in course.steps[: course.position] if step.kind is NoticeKind.ESCALATED)


def _told_step(course: Course, wish: Wish) -> CourseStep:
    """Return the step that the wished role is told of: of the steps behind the course, the last that is for it."""
    told = [step for step in course.steps[: course.position] if step.kind is wish.notice]
    fitting = [step for step in told if (step.to_unit is not None) is (wish.role is Role.SUPERIOR)]
    return (fitting or told)[-1]


def _subject(wish: Wish, alert: Alert | None, course: Course | None) -> str:
    if alert is None:
        return f"{wish.notice}:specimen:{wish.unit.id}:{wish.rule.standard}"
    if wish.notice not in _URGES or course is None:
        return alert.id
    return step_subject(alert.id, _told_step(course, wish))


def _course(catalog: Catalog, alert: Alert, wish: Wish, now: dt.datetime) -> Course | None:
    """Return the course of the alert as it stands at a moment; reminders and escalations are due just then."""
    calendar = WorkingCalendar(catalog.policies.calendar)
    opened = Step(AlertAction.OPENED, msgspec.structs.replace(alert, ended_at=None), None, Cause.DATA, dt.date.min)
    courses = Chains(catalog, calendar).open_courses([opened], alert.opened_at)
    if not courses:
        if wish.notice in _URGES:
            raise NoSpecimenError(f"policies.yaml has no escalation policy for {wish.rule.node}: nothing is ever urged")
        return None
    course, told = fire(courses[0], now)
    if wish.notice in _URGES and not any(step.kind is wish.notice for step in told):
        raise NoSpecimenError(f"policy {course.policy!r} of policies.yaml has no {wish.notice.value}")
    return course


def _alert(wish: Wish, now: dt.datetime, days: int) -> Alert:
    """Return an alert that opened so many days before a moment, as the notice would tell of it."""
    key = AlertKey(wish.unit.id, wish.rule.node, wish.cell)
    opened_at = now - dt.timedelta(days=days)
    kind = AlertKind.AT_RISK if wish.notice is NoticeKind.AT_RISK else AlertKind.BREACH
    flaps = tuple(now - dt.timedelta(days=days) for days in (12, 6, 0)) if wish.notice is NoticeKind.FLAPPING else ()
    alert = Alert(
        id=alert_id(key, max(1, len(flaps))),
        key=key,
        occurrence=max(1, len(flaps)),
        opened_as=kind,
        kind=AlertKind.DATA_GAP if wish.notice is NoticeKind.DATA_LOST else kind,
        opened_at=opened_at,
        opened_cause=Cause.RULESET if wish.notice is NoticeKind.RULESET_CHANGE else Cause.DATA,
        evidence=specimen_evidence(wish.unit, wish.rule, wish.cell, wish.notice, now),
        breaches=max(1, len(flaps)),
        openings=flaps,
        flapping=bool(flaps),
    )
    return alert.ended(alert.evidence, EndReason.MET) if wish.notice is NoticeKind.RESOLVED else alert


def _rollup(wish: Wish, now: dt.datetime) -> RollupChange:
    return RollupChange(
        sequence=1,
        unit=wish.unit.id,
        node=wish.rule.standard,
        node_kind=NodeKind.STANDARD,
        from_status=VerdictStatus.MET,
        to_status=VerdictStatus.NOT_MET,
        to_reason=VerdictReason.CHILD_NOT_MET,
        cause=Cause.DATA,
        occurred_at=now,
    )
