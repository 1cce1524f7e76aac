"""Reporting periods: the ISO forms of DHIS2, cumulative spans of Circular 37/2019/TT-BYT, and plain start/end dates.

Which of two periods is the newer one is the evaluator's to say (services/evaluator/domain/placing.py): it looks at the
first and last day alone, never at the text in which a period was sent.
"""

import calendar
import datetime as dt
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec


class PeriodKind(StrEnum):
    """What a period is by its days, however it was written."""

    DAY = "day"
    WEEK = "week"
    BIWEEK = "biweek"
    MONTH = "month"
    BIMONTH = "bimonth"
    QUARTER = "quarter"
    HALF = "half"
    NINE_MONTHS = "nine_months"
    YEAR = "year"
    SPAN = "span"


_BY_MONTHS: Final = {1: PeriodKind.MONTH, 2: PeriodKind.BIMONTH, 3: PeriodKind.QUARTER, 6: PeriodKind.HALF,
                     12: PeriodKind.YEAR}  # fmt: skip
_BY_DAYS: Final = {1: PeriodKind.DAY, 7: PeriodKind.WEEK, 14: PeriodKind.BIWEEK}


class Period(msgspec.Struct, frozen=True, gc=False):
    """A span of days, both included."""

    start: dt.date
    end: dt.date

    @property
    def kind(self) -> PeriodKind:
        """What the days make: nine months are the cumulative ones from 1 January, a year may be a financial one."""
        months = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month + 1
        if self.start.day == 1 and self.end.day == _days_in(self.end.year, self.end.month):
            if months == 9 and self.start.month == 1:
                return PeriodKind.NINE_MONTHS
            return _BY_MONTHS.get(months, PeriodKind.SPAN)
        return _BY_DAYS.get((self.end - self.start).days + 1, PeriodKind.SPAN)


def _days_in(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _months(year: int, first: int, count: int) -> Period:
    """Return `count` whole months from the month `first` of a year; months below 1 and above 12 lie in other years."""
    start, end = year * 12 + first - 1, year * 12 + first + count - 2
    last_year, last_month = end // 12, end % 12 + 1
    first_day = dt.date(start // 12, start % 12 + 1, 1)
    return Period(first_day, dt.date(last_year, last_month, _days_in(last_year, last_month)))


def _week_one(year: int, weekday: int) -> dt.date:
    """Return the first day of week 1 of weeks that begin on a weekday: week 1 is the one with 4 January."""
    fourth = dt.date(year, 1, 4)
    return fourth - dt.timedelta(days=(fourth.isoweekday() - weekday) % 7)


def _weeks(year: int, first: int, count: int, weekday: int = 1) -> Period:
    start = _week_one(year, weekday) + dt.timedelta(weeks=first - 1)
    if first < 1 or (start + dt.timedelta(days=3)).year != year:  # the fourth day of a week says whose week it is
        raise ValueError
    return Period(start, start + dt.timedelta(days=7 * count - 1))


def _day(year: str, month: str, day: str) -> Period:
    date = dt.date(int(year), int(month), int(day))
    return Period(date, date)


_WEEKDAYS: Final = {"": 1, "Wed": 3, "Thu": 4, "Fri": 5, "Sat": 6, "Sun": 7}
# The first months of years, halves and quarters that do not begin in January; -1 is November of the year before.
_OFFSETS: Final = {"Feb": 2, "April": 4, "July": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": -1}


def _span(first: str, last: str) -> Period:
    return Period(_edge(first, last=False), _edge(last, last=True))


def _edge(text: str, *, last: bool) -> dt.date:
    """Return the first or last day of a date of FHIR: a year, a month or a day, or a moment between two days.

    Moments are read as they are written, in no other time zone, and only where the day cannot be mistaken.
    """
    date, _, time = text.partition("T")
    if not time:
        year, month, day_of = (*date.split("-"), "", "")[:3]
        if day_of:
            return dt.date(int(year), int(month), int(day_of))
        period = _numbered(year, month, 12, 1) if month else _months(int(year), 1, 12)
        return period.end if last else period.start
    day = dt.date.fromisoformat(date)
    if _MIDNIGHT.fullmatch(time):
        return day - dt.timedelta(days=1) if last else day
    if last and _DAYS_END.fullmatch(time):
        return day
    raise ValueError


def _duration(first: str, years: str, months: str, weeks: str, days: str) -> Period:
    if not (years or months or weeks or days):
        raise ValueError
    start = dt.date.fromisoformat(first)
    end = start.year * 12 + start.month - 1 + int(years or 0) * 12 + int(months or 0)
    year, month = end // 12, end % 12 + 1
    left = int(weeks or 0) * 7 + int(days or 0) - 1
    if (year, month, left) == (dt.MAXYEAR + 1, 1, -1) and start.day == 1:  # up to the last day that there is
        return Period(start, dt.date.max)
    after = dt.date(year, month, min(start.day, _days_in(year, month)))
    return Period(start, after + dt.timedelta(days=left))


_OFFSET: Final = r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
_MIDNIGHT: Final = re.compile(r"00:00(?::00(?:\.0+)?)?" + _OFFSET)
_DAYS_END: Final = re.compile(r"(?:23:59(?::59(?:\.[0-9]+)?)?)" + _OFFSET)
_YEAR: Final = r"([0-9]{4})"
_DATE: Final = r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
_FHIR_DATE: Final = r"([0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}(?:T[0-9:.Z+-]{5,24})?)?)?)"
_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[..., Period]], ...]] = tuple(
    (re.compile(pattern), build)
    for pattern, build in (
        (_YEAR, lambda y: _months(int(y), 1, 12)),
        (_YEAR + r"-?([0-9]{2})", lambda y, m: _numbered(y, m, 12, 1)),
        (_YEAR + r"([0-9]{2})B", lambda y, n: _numbered(y, n, 6, 2)),
        (_YEAR + r"-?Q([1-4])", lambda y, n: _numbered(y, n, 4, 3)),
        (_YEAR + r"-?S([12])", lambda y, n: _numbered(y, n, 2, 6)),
        (_YEAR + r"-(3|6|9|12)M", lambda y, n: _months(int(y), 1, int(n))),
        (_YEAR + r"(Feb|April|July|Aug|Sep|Oct|Nov)", lambda y, name: _months(int(y), _OFFSETS[name], 12)),
        (_YEAR + r"(April|Nov)S([12])", lambda y, name, n: _numbered(y, n, 2, 6, _OFFSETS[name])),
        (_YEAR + r"(Nov)Q([1-4])", lambda y, name, n: _numbered(y, n, 4, 3, _OFFSETS[name])),
        (_YEAR + r"-([0-9]{2})-([0-9]{2})", _day),
        (_YEAR + r"([0-9]{2})([0-9]{2})", _day),
        (_YEAR + r"-?W([0-9]{1,2})", lambda y, n: _weeks(int(y), int(n), 1)),
        (_YEAR + r"(Wed|Thu|Fri|Sat|Sun)W([0-9]{1,2})", lambda y, d, n: _weeks(int(y), int(n), 1, _WEEKDAYS[d])),
        (_YEAR + r"BiW([0-9]{1,2})", lambda y, n: _weeks(int(y), 2 * int(n) - 1, 2)),
        (_FHIR_DATE + "/" + _FHIR_DATE, _span),
        (_DATE + r"/P(?:([0-9]{1,4})Y)?(?:([0-9]{1,5})M)?(?:([0-9]{1,6})W)?(?:([0-9]{1,7})D)?", _duration),
    )
)

ACCEPTED_FORMS: Final = (
    "2024, 2024-10, 202410, 2024Q3, 2024S1, 2024-10-15, 20241015, 2024W05, 2024SunW5, 2024BiW3, 202402B (March and "
    "April), 2024April, 2024NovQ1, 2024AprilS1, 2024-9M (1 January to 30 September), 2024-01-01/2024-09-30, "
    "2024-01-01/P9M"
)


def _numbered(year: str, number: str, most: int, months: int, first: int = 1) -> Period:
    """Return the `number`-th of `most` equal parts of a year that begins in the month `first`."""
    if not 1 <= int(number) <= most:
        raise ValueError
    return _months(int(year), first + (int(number) - 1) * months, months)


def parse_period(text: str) -> Period | None:
    """Return the days a period names, or None when the text is no period.

    DHIS2's own readings hold: 202402B is the second pair of months, 2024Nov begins in November 2023.

    >>> parse_period("2024-9M")
    Period(start=datetime.date(2024, 1, 1), end=datetime.date(2024, 9, 30))
    """
    for pattern, build in _FORMS:
        if match := pattern.fullmatch(text):
            try:
                period = build(*match.groups())
            except (ValueError, OverflowError):
                return None
            return period if period.start <= period.end else None
    return None


def last_complete(kind: str, before: dt.date) -> str:
    """Return the last period of a kind that had ended before a day; nine months are those from 1 January.

    >>> last_complete("nine_months", dt.date(2024, 10, 1)), last_complete("quarter", dt.date(2024, 3, 31))
    ('2024-9M', '2023Q4')
    """
    year, month = before.year, before.month
    if kind == PeriodKind.YEAR:
        return f"{year - 1:04}"
    if kind == PeriodKind.NINE_MONTHS:
        return f"{year if month > 9 else year - 1:04}-9M"
    months, letter = {PeriodKind.MONTH: (1, "-"), PeriodKind.QUARTER: (3, "Q"), PeriodKind.HALF: (6, "S")}[
        PeriodKind(kind)
    ]
    ended = (month - 1) // months
    of_year, number = (year, ended) if ended else (year - 1, 12 // months)
    return f"{of_year:04}-{number:02}" if months == 1 else f"{of_year:04}{letter}{number}"
