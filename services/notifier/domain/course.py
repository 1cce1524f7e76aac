"""The course of an open alert: its reminders, its escalation and its acknowledgement, fixed when the alert opens."""

import datetime as dt
from enum import StrEnum

import msgspec

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
