import datetime as dt

import pytest

from services.notifier.domain.report_periods import Span, due_at, due_reports, next_report, period_vi, span_of
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.policies import ReportPolicy
from shared.contracts.vocabulary import ReportPeriod

CALENDAR = WorkingCalendar()
HANOI = dt.timezone(dt.timedelta(hours=7))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("period", "of", "start", "last", "name"),
    [
        (ReportPeriod.DAY, "2024-10-15", "2024-10-15", "2024-10-15", "ngày 15/10/2024"),
        (ReportPeriod.DAY, "2024-10-20", "2024-10-18", "2024-10-20", "ngày từ 18/10/2024 đến 20/10/2024"),
        (ReportPeriod.WEEK, "2024-10-20", "2024-10-14", "2024-10-20", "tuần từ 14/10/2024 đến 20/10/2024"),
        (ReportPeriod.MONTH, "2024-12-31", "2024-12-01", "2024-12-31", "tháng 12/2024"),
        (ReportPeriod.QUARTER, "2024-11-05", "2024-10-01", "2024-12-31", "quý 4/2024"),
        (ReportPeriod.QUARTER, "2024-02-29", "2024-01-01", "2024-03-31", "quý 1/2024"),
    ],
)
def test_a_day_lies_in_the_period_that_officials_mean(
    period: ReportPeriod, of: str, start: str, last: str, name: str
) -> None:
    span = span_of(period, day(of), CALENDAR)

    assert (span.start, span.last_day, period_vi(period, span)) == (day(start), day(last), name)


@pytest.mark.parametrize("period", list(ReportPeriod))
def test_periods_follow_each_other_without_gap_or_overlap(period: ReportPeriod) -> None:
    span = span_of(period, day("2024-01-01"), CALENDAR)
    while span.end < day("2026-06-01"):
        following = span_of(period, span.end, CALENDAR)

        assert following.start == span.end
        assert span_of(period, span.last_day, CALENDAR) == span
        span = following


@pytest.mark.parametrize(
    ("period", "of", "due"),
    [
        (ReportPeriod.WEEK, "2024-10-14", "2024-10-21"),
        (ReportPeriod.DAY, "2024-10-18", "2024-10-21"),
        # Tết 2025: from 25 January to 2 February.
        (ReportPeriod.WEEK, "2025-01-22", "2025-02-03"),
        (ReportPeriod.MONTH, "2025-01-10", "2025-02-03"),
        # 1 May 2024 is a day off.
        (ReportPeriod.MONTH, "2024-04-10", "2024-05-02"),
    ],
)
def test_a_report_is_due_on_the_first_working_day_after_its_period(period: ReportPeriod, of: str, due: str) -> None:
    policy = ReportPolicy(period=period)

    found = due_at(policy, span_of(period, day(of), CALENDAR), CALENDAR)

    assert found == dt.datetime.combine(day(due), dt.time(8), HANOI)


def test_the_last_report_that_is_due_is_found_however_long_nobody_asked() -> None:
    policies = [ReportPolicy(period=period) for period in ReportPeriod]

    before = due_reports(policies, CALENDAR, dt.datetime(2024, 10, 21, 7, 59, tzinfo=HANOI))
    after = due_reports(policies, CALENDAR, dt.datetime(2024, 10, 21, 8, 0, tzinfo=HANOI))

    assert [found.span for found in before] == [
        Span(day("2024-10-17"), day("2024-10-18")),
        Span(day("2024-10-07"), day("2024-10-14")),
        Span(day("2024-09-01"), day("2024-10-01")),
        Span(day("2024-07-01"), day("2024-10-01")),
    ]
    assert [found.span for found in after][:2] == [
        Span(day("2024-10-18"), day("2024-10-21")),
        Span(day("2024-10-14"), day("2024-10-21")),
    ]


@pytest.mark.parametrize(
    ("period", "now", "due"),
    [
        (ReportPeriod.DAY, "2024-10-15T09:00", "2024-10-16T08:00"),
        # On a Monday morning the report of the Friday, and of the week, is still to come.
        (ReportPeriod.DAY, "2024-10-21T07:59", "2024-10-21T08:00"),
        (ReportPeriod.WEEK, "2024-10-21T07:59", "2024-10-21T08:00"),
        (ReportPeriod.WEEK, "2024-10-21T08:00", "2024-10-28T08:00"),
        (ReportPeriod.MONTH, "2025-01-28T12:00", "2025-02-03T08:00"),
        (ReportPeriod.QUARTER, "2024-10-01T07:00", "2024-10-01T08:00"),
    ],
)
def test_the_next_report_is_the_first_that_is_due_later(period: ReportPeriod, now: str, due: str) -> None:
    at = dt.datetime.fromisoformat(now).replace(tzinfo=HANOI)

    found = next_report(ReportPolicy(period=period), CALENDAR, at)

    assert found.due_at == dt.datetime.fromisoformat(due).replace(tzinfo=HANOI)
