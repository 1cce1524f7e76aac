"""When an addressee may be written to: the next moment within office hours, and the next digest."""

import datetime as dt

from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.policies import DigestTime, OfficeHours

_ONE_DAY = dt.timedelta(days=1)
# Tết and the week-ends around it take nine days; days off that a correction adds may take some more.
_LONGEST_DELAY = dt.timedelta(days=14)


def next_open(hours: OfficeHours | None, calendar: WorkingCalendar, moment: dt.datetime) -> dt.datetime:
    """Return the first moment, not before `moment`, at which the office is open; None as hours is always open."""
    if hours is None:
        return moment
    local = moment.astimezone(VIET_NAM)
    day = local.date()
    while True:
        day = calendar.next_working_day(day)
        for span in hours.spans:
            if local < at_time(day, span.until):
                opens = at_time(day, span.since)
                return moment if opens <= local else opens
        day += _ONE_DAY


def next_digest(
    digest: DigestTime, hours: OfficeHours | None, calendar: WorkingCalendar, moment: dt.datetime
) -> dt.datetime:
    """Return when the first digest leaves that is not before `moment`: on a working day, within the office hours.

    Where only some weekdays have a digest and one of them is off, it leaves on the next working day.
    """
    # A digest whose day is off, or whose time lies after the office has closed, leaves days later: look back for it.
    day = moment.astimezone(VIET_NAM).date() - _LONGEST_DELAY
    while True:
        if not digest.weekdays or day.isoweekday() in digest.weekdays:
            leaves = next_open(hours, calendar, at_time(calendar.next_working_day(day), digest.at))
            if leaves >= moment:
                return leaves
        day += _ONE_DAY


def at_time(day: dt.date, time: dt.time) -> dt.datetime:
    """Return the moment of a day at which the clocks of Viet Nam show a time."""
    return dt.datetime.combine(day, time, tzinfo=VIET_NAM)
