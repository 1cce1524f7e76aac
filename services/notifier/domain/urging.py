"""What a course brings when something of it is due: reminders, reports to those above, lapsed acknowledgements."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from services.notifier.domain.addressees import Reach
from services.notifier.domain.alerts import Alert
from services.notifier.domain.audit import AuditKind, AuditLine
from services.notifier.domain.course import (
    Course,
    CourseStep,
    ended,
    fire,
    has_lapsed,
    lapse,
    lapse_subject,
    step_subject,
)
from services.notifier.domain.ledger import Entry
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.planning import Moment, Planner
from services.notifier.domain.silences import Silence
from shared.contracts.vocabulary import Cause, NoticeKind, Role

URGES = (AuditKind.REMINDED, AuditKind.ESCALATED, AuditKind.ACKNOWLEDGEMENT_LAPSED)
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(slots=True)
class Urged:
    """Courses as they stand behind what was due of them, what is to be told of it, and what the audit keeps."""

    courses: list[Course] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    audit: list[AuditLine] = field(default_factory=list)
    told: list[AuditKind] = field(default_factory=list)


def urge(
    planner: Planner, due: Iterable[Course], alerts: Mapping[str, Alert], now: dt.datetime, silences: Sequence[Silence]
) -> Urged:
    """Return what the courses that are due bring at a moment; that of an alert which is over ends."""
    # Neither is news of a flip: nothing of it waits until an alert has calmed down.
    urging = _Urging(planner, Moment(planner.times, now, silences, dt.timedelta()), now.astimezone(VIET_NAM).date())
    urged = Urged()
    for course in due:
        alert = alerts.get(course.alert_id)
        if alert is None or not alert.is_open:
            urged.courses.append(ended(course))
        elif has_lapsed(course, now):
            urged.courses.append(lapse(course, planner.calendar))
            urging.tell_lapse(course, alert, urged)
        else:
            fired, steps = fire(course, now)
            urged.courses.append(fired)
            for step in steps:
                urging.tell_step(course, alert, step, urged)
    return urged


@dataclass(frozen=True, slots=True)
class _Urging:
    """Tells what is due at one moment, by the dispatches that are in force on its day."""

    planner: Planner
    moment: Moment
    on: dt.date

    def tell_step(self, course: Course, alert: Alert, step: CourseStep, urged: Urged) -> None:
        """Add a reminder or an escalation."""
        entries = self._entries(alert, step.kind, step_subject(alert.id, step), self._places(alert, step))
        kind = AuditKind.REMINDED if step.kind is NoticeKind.REMINDER else AuditKind.ESCALATED
        to = step.to_unit or step.to_role
        _add(urged, kind, course, entries, number=step.level, due=step.at.isoformat(), to=to)

    def tell_lapse(self, course: Course, alert: Alert, urged: Urged) -> None:
        """Add the reminder that an acknowledgement has lapsed."""
        places = self._of(alert, NoticeKind.REMINDER)
        entries = self._entries(alert, NoticeKind.REMINDER, lapse_subject(course), places)
        since = None if course.acknowledged_at is None else course.acknowledged_at.isoformat()
        by = course.acknowledged_by
        _add(urged, AuditKind.ACKNOWLEDGEMENT_LAPSED, course, entries, acknowledged_by=by, acknowledged_at=since)

    def _places(self, alert: Alert, step: CourseStep) -> Iterator[Reach]:
        """Yield who is told of a step: the unit above that it names, those whom policy tells this kind, its role."""
        if step.to_unit is not None:
            yield from self.planner.addressees.of_superior(step.to_unit, alert.key.unit, self.on)
        told = self._of(alert, step.kind)
        yield from told
        if step.to_role is not None and all(place.addressee.role is not step.to_role for place in told):
            # The policy of this role leaves escalations out; that of the escalation names it.
            for place in self._of(alert, NoticeKind.OPENED):
                if place.addressee.role is step.to_role:
                    yield Reach(place.addressee, hours=place.hours)

    def _of(self, alert: Alert, kind: NoticeKind) -> tuple[Reach, ...]:
        key = alert.key
        return self.planner.addressees.of(key.unit, key.node, key.cell, self.on, kind).places

    def _entries(self, alert: Alert, kind: NoticeKind, subject: str, places: Iterable[Reach]) -> list[Entry]:
        key = alert.key
        wait = self.planner.windows.wait_for(kind, alert.opened_as)
        news = (subject, kind, alert.id, key.unit, key.node, key.cell, self.on, Cause.CLOCK, 0)
        return list(self.moment.entries(news, places, wait))


def _add(urged: Urged, kind: AuditKind, course: Course, entries: list[Entry], **more: str | int | Role | None) -> None:
    urged.entries += entries
    urged.told.append(kind)
    urged.audit.append(_line(kind, course, entries, **more))


def _line(kind: AuditKind, course: Course, entries: Sequence[Entry], **more: str | int | Role | None) -> AuditLine:
    told = [
        {"unit": each.responsible_unit, "role": each.role, "channel": each.channel, "address": each.address}
        for each in entries
    ]
    subject = next((each.subject for each in entries), None)
    dispatch = next((each.dispatch for each in entries if each.dispatch), None)
    details = {"policy": course.policy, "subject": subject, "dispatch": dispatch, "told": told, **more}
    return AuditLine(kind, _encode(details).decode(), course.alert_id)
