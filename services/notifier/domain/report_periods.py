"""The periods of consolidated reports: which one a day lies in, and which ones are due at a moment."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.notifier.domain.numbers_vi import VIET_NAM, date_vi
from services.notifier.domain.office_hours import at_time
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.policies import ReportPolicy
from shared.contracts.vocabulary import ReportPeriod

PERIOD_VI = {
    ReportPeriod.DAY: "ngày",
    ReportPeriod.WEEK: "tuần",
    ReportPeriod.MONTH: "tháng",
    ReportPeriod.QUARTER: "quý",
}
_ONE_DAY = dt.timedelta(days=1)
_MONTHS = {ReportPeriod.MONTH: 1, ReportPeriod.QUARTER: 3}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The days from `start` on, those before `end`, in Viet Nam."""

    start: dt.date
    end: dt.date

    @property
    def last_day(self) -> dt.date:
        """The last day of it."""
        return self.end - _ONE_DAY

    @property
    def begins(self) -> dt.datetime:
        """The moment at which it begins."""
        return at_time(self.start, dt.time())

    @property
    def ends(self) -> dt.datetime:
        """The moment at which it is over."""
        return at_time(self.end, dt.time())


@dataclass(frozen=True, slots=True)
class DueReport:
    """A report that is due: by which policy, for which days, since when."""

    policy: ReportPolicy
    span: Span
    due_at: dt.datetime


def span_of(period: ReportPeriod, day: dt.date, calendar: WorkingCalendar) -> Span:
    """Return the period that a day lies in. Days off belong to the report of the working day before them."""
    if period is ReportPeriod.DAY:
        return Span(_working_day_before(calendar, day + _ONE_DAY), calendar.next_working_day(day + _ONE_DAY))
    if period is ReportPeriod.WEEK:
        monday = day - dt.timedelta(days=day.isoweekday() - 1)
        return Span(monday, monday + dt.timedelta(days=7))
    months = _MONTHS[period]
    first = (day.month - 1) // months * months
    year, month = divmod(day.year * 12 + first + months, 12)
    return Span(dt.date(day.year, first + 1, 1), dt.date(year, month + 1, 1))


def due_at(policy: ReportPolicy, span: Span, calendar: WorkingCalendar) -> dt.datetime:
    """Return when the report of a period is due: on the first working day after it, at the time of the policy."""
    return at_time(calendar.next_working_day(span.end), policy.at)


def due_reports(policies: Iterable[ReportPolicy], calendar: WorkingCalendar, now: dt.datetime) -> list[DueReport]:
    """Return the last report of each policy that is due at a moment; after an outage those before it are not made."""
    return [_last_due(policy, calendar, now) for policy in policies]


def next_report(policy: ReportPolicy, calendar: WorkingCalendar, now: dt.datetime) -> DueReport:
    """Return the first report of a policy that is due after a moment."""
    coming: DueReport | None = None
    for span in _backwards(policy.period, now.astimezone(VIET_NAM).date(), calendar):
        due = due_at(policy, span, calendar)
        if due <= now and coming is not None:
            return coming
        coming = DueReport(policy, span, due)
    raise AssertionError("periods go back for ever")


def _last_due(policy: ReportPolicy, calendar: WorkingCalendar, now: dt.datetime) -> DueReport:
    day = now.astimezone(VIET_NAM).date()
    for span in _backwards(policy.period, day, calendar):
        due = due_at(policy, span, calendar)
        if due <= now:
            return DueReport(policy, span, due)
    raise AssertionError("periods go back for ever")


def _backwards(period: ReportPeriod, day: dt.date, calendar: WorkingCalendar) -> Iterator[Span]:
    while True:
        span = span_of(period, day, calendar)
        yield span
        day = span.start - _ONE_DAY


def _working_day_before(calendar: WorkingCalendar, day: dt.date) -> dt.date:
    day -= _ONE_DAY
    while not calendar.is_working(day):
        day -= _ONE_DAY
    return day


def period_vi(period: ReportPeriod, span: Span) -> str:
    """Return the name of a period: "tuần từ 14/10/2024 đến 20/10/2024", "tháng 10/2024"."""
    match period:
        case ReportPeriod.MONTH:
            return f"tháng {span.start:%m/%Y}"
        case ReportPeriod.QUARTER:
            return f"quý {(span.start.month + 2) // 3}/{span.start.year}"
    if span.start == span.last_day:
        return f"{PERIOD_VI[period]} {date_vi(span.start)}"
    return f"{PERIOD_VI[period]} từ {date_vi(span.start)} đến {date_vi(span.last_day)}"
