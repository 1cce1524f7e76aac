"""The course of an open alert: its reminders, its escalation and its acknowledgement, fixed when the alert opens."""

import datetime as dt
from collections.abc import Collection
from enum import StrEnum

import msgspec

from services.notifier.domain.due import deadline_after
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.contracts.vocabulary import NoticeKind, Role


class CourseState(StrEnum):
    """Where a course stands: it runs, an acknowledgement holds it, or its alert has ended."""

    RUNNING = "running"
    ACKNOWLEDGED = "acknowledged"
    ENDED = "ended"


class CourseStep(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One step: whom to remind or to tell, and when. `level` counts reminders and escalations apart, from 1."""

    at: dt.datetime
    kind: NoticeKind
    level: int
    to_role: Role | None = None
    to_unit: str | None = None
    level_vi: str = ""


class Course(msgspec.Struct, frozen=True, gc=False):
    """The course of one alert. `position` is the next of `steps`; `next_at` when something is to be done, else None.

    `acknowledge_by` is the local deadline for the acknowledgement; `acknowledged_until` when an acknowledgement lapses.
    """

    alert_id: str
    policy: str
    opened_at: dt.datetime
    steps: tuple[CourseStep, ...]
    position: int = 0
    next_at: dt.datetime | None = None
    state: CourseState = CourseState.RUNNING
    acknowledge_by: dt.datetime | None = None
    acknowledged_for: int | None = None
    acknowledged_at: dt.datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_until: dt.datetime | None = None


_ONE_DAY = dt.timedelta(days=1)
_STALLED_AFTER = dt.timedelta(hours=1)


def fire(course: Course, now: dt.datetime) -> tuple[Course, tuple[CourseStep, ...]]:
    """Return the course behind all steps that are due, and those to be told, in their order.

    After an outage every escalation that was missed is told, and of the reminders only the last one.
    """
    if course.state is not CourseState.RUNNING:
        return course, ()
    position = course.position
    while position < len(course.steps) and course.steps[position].at <= now:
        position += 1
    passed = course.steps[course.position : position]
    reminders = [step for step in passed if step.kind is NoticeKind.REMINDER]
    told = tuple(step for step in passed if step.kind is not NoticeKind.REMINDER or step is reminders[-1])
    return _at(course, position), told


def acknowledge(course: Course, by: str, at: dt.datetime, calendar: WorkingCalendar) -> Course:
    """Return the course held from a moment on, until its acknowledgement lapses; of one that has ended, no change.

    One that is given while another holds confirms that one: its name and moment stay, and it lapses later. After a
    lapse, told or not yet, name and moment are new.
    """
    if course.state is CourseState.ENDED:
        return course
    confirmed = is_held(course, at)
    if not confirmed:
        course = lapse(course, calendar)
    days = course.acknowledged_for
    until = None if days is None else deadline_after(calendar, at, days)
    return msgspec.structs.replace(
        course,
        state=CourseState.ACKNOWLEDGED,
        acknowledged_at=course.acknowledged_at if confirmed else at,
        acknowledged_by=course.acknowledged_by if confirmed else by,
        acknowledged_until=until,
        next_at=until,
    )


def rewound(course: Course, untold: Collection[str]) -> Course:
    """Return the course set back to its first escalation among `untold`, so that it is told when the course goes on.

    `untold` are the subjects of what was taken back before it left.
    """
    for position, step in enumerate(course.steps[: course.position]):
        if step.kind is NoticeKind.ESCALATED and step_subject(course.alert_id, step) in untold:
            return _at(course, position)
    return course


def unacknowledge(course: Course, at: dt.datetime, calendar: WorkingCalendar) -> Course:
    """Return the course as it goes on when its acknowledgement is taken back; of any other, no change."""
    if course.state is not CourseState.ACKNOWLEDGED:
        return course
    return msgspec.structs.replace(
        _resumed(course, at, calendar), acknowledged_at=None, acknowledged_by=None, acknowledged_until=None
    )


def lapse(course: Course, calendar: WorkingCalendar) -> Course:
    """Return the course as it goes on when its acknowledgement has lapsed; who had acknowledged stays known."""
    if course.state is not CourseState.ACKNOWLEDGED or course.acknowledged_until is None:
        return course
    return _resumed(course, course.acknowledged_until, calendar)


def has_lapsed(course: Course, now: dt.datetime) -> bool:
    """Return whether an acknowledgement holds the course that should hold it no longer."""
    until = course.acknowledged_until
    return course.state is CourseState.ACKNOWLEDGED and until is not None and until <= now


def is_held(course: Course, now: dt.datetime) -> bool:
    """Return whether an acknowledgement holds the course that has not lapsed by a moment."""
    return course.state is CourseState.ACKNOWLEDGED and not has_lapsed(course, now)


def ended(course: Course) -> Course:
    """Return the course of an alert that is over."""
    return msgspec.structs.replace(course, state=CourseState.ENDED, next_at=None)


def is_stalled(course: Course, now: dt.datetime) -> bool:
    """Return whether something was to be done more than an hour ago and has not been done."""
    return course.next_at is not None and course.next_at < stalled_before(now)


def stalled_before(now: dt.datetime) -> dt.datetime:
    """Return the moment before which nothing may still be to be done."""
    return now - _STALLED_AFTER


def units_told(course: Course) -> tuple[str, ...]:
    """Return the superior units to which the alert has been reported so far, each once."""
    return tuple(dict.fromkeys(step.to_unit for step in course.steps[: course.position] if step.to_unit is not None))


def step_subject(alert_id: str, step: CourseStep) -> str:
    """Return what the ledger calls a step of an alert: it is told once, whoever finds it due.

    >>> step_subject("06208:xa_ntm/15.1:-:1", CourseStep(dt.datetime(2024, 10, 22), NoticeKind.REMINDER, 3))
    '06208:xa_ntm/15.1:-:1!reminder:3'
    """
    return f"{alert_id}!{step.kind}:{step.level}"


def lapse_subject(course: Course) -> str:
    """Return what the ledger calls the reminder that an acknowledgement has lapsed, one for each."""
    until = course.acknowledged_until or course.opened_at
    return f"{course.alert_id}!lapsed:{until.astimezone(VIET_NAM).date().isoformat()}"


def _resumed(course: Course, at: dt.datetime, calendar: WorkingCalendar) -> Course:
    """Return the course running again, what is left of it put off by the working days for which it was held."""
    since = course.acknowledged_at or at
    held = _working_days(calendar, since.astimezone(VIET_NAM).date(), at.astimezone(VIET_NAM).date())
    left = (
        msgspec.structs.replace(step, at=deadline_after(calendar, step.at, held))
        for step in course.steps[course.position :]
    )
    steps = (*course.steps[: course.position], *left)
    return _at(msgspec.structs.replace(course, steps=steps, state=CourseState.RUNNING), course.position)


def _at(course: Course, position: int) -> Course:
    next_at = course.steps[position].at if position < len(course.steps) else None
    return msgspec.structs.replace(course, position=position, next_at=next_at)


def _working_days(calendar: WorkingCalendar, since: dt.date, until: dt.date) -> int:
    """Return how many working days lie after one day, up to and with another."""
    days = (since + _ONE_DAY * number for number in range(1, (until - since).days + 1))
    return sum(calendar.is_working(day) for day in days)
