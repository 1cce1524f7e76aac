"""When a message is due: its deadline in working days, and how long a notification is held, and for what."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from services.notifier.domain.ledger import HeldFor
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.office_hours import at_time, next_digest, next_open
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.policies import Policies
from shared.contracts.vocabulary import Timing

END_OF_WORKING_DAY = dt.time(17, 0)


@dataclass(frozen=True, slots=True)
class Due:
    """How many seconds from now something is due; `held_for` says what put it off longer than its neighbours gather."""

    wait_seconds: float
    held_for: HeldFor | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Something that holds news back until a moment: a silence, or an alert that has to calm down first."""

    until: dt.datetime
    held_for: HeldFor


class DueTimes:
    """Says when news is due, by the local policies and the calendar of working days."""

    def __init__(self, policies: Policies, calendar: WorkingCalendar) -> None:
        self._policies = policies
        self._calendar = calendar

    def due(self, timing: Timing, hours: str, now: dt.datetime, wait_seconds: float, holds: Iterable[Hold] = ()) -> Due:
        """Return when news is due to addressees with these office hours (an id), not before `wait_seconds` from now.

        Of several holds the latest counts; the digest or the office hours come after it. A hold that changes nothing
        is not named.
        """
        ready = now + dt.timedelta(seconds=wait_seconds)
        due = self._leaves(timing, hours, ready)
        held_for = None
        if due > ready:
            held_for = HeldFor.DIGEST if timing is Timing.DIGEST else HeldFor.QUIET_HOURS
        for hold in holds:
            later = self._leaves(timing, hours, max(ready, hold.until))
            if later > due:
                due, held_for = later, hold.held_for
        return Due((due - now).total_seconds(), held_for)

    def _leaves(self, timing: Timing, hours_id: str, ready: dt.datetime) -> dt.datetime:
        hours = self._policies.hours_by_id.get(hours_id)
        if timing is Timing.DIGEST:
            return next_digest(self._policies.digest, hours, self._calendar, ready)
        return next_open(hours, self._calendar, ready)


def deadline_after(calendar: WorkingCalendar, since: dt.datetime, working_days: int) -> dt.datetime:
    """Return the end (17:00, Viet Nam) of the so-many-th working day after the day of `since`."""
    day = calendar.add_working_days(since.astimezone(VIET_NAM).date(), working_days)
    return at_time(day, END_OF_WORKING_DAY)
