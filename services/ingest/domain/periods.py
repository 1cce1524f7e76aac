"""Reporting periods: the ISO forms of DHIS2, cumulative spans of Circular 37/2019/TT-BYT, and plain start/end dates."""

import calendar
import datetime as dt
import re
from collections.abc import Callable
from typing import Final

import msgspec


class Period(msgspec.Struct, frozen=True, gc=False):
    """A span of days, both included."""

    start: dt.date
    end: dt.date


def _months(year: int, first: int, last: int) -> Period:
    return Period(dt.date(year, first, 1), dt.date(year, last, calendar.monthrange(year, last)[1]))


def _weeks(year: int, first: int, last: int) -> Period:
    return Period(dt.date.fromisocalendar(year, first, 1), dt.date.fromisocalendar(year, last, 7))


def _year(match: re.Match[str]) -> Period:
    return _months(int(match[1]), 1, 12)


def _month(match: re.Match[str]) -> Period:
    return _months(int(match[1]), int(match[2]), int(match[2]))


def _two_months(match: re.Match[str]) -> Period:
    return _months(int(match[1]), int(match[2]), int(match[2]) + 1)


def _quarter(match: re.Match[str]) -> Period:
    last = 3 * int(match[2])
    return _months(int(match[1]), last - 2, last)


def _half_year(match: re.Match[str]) -> Period:
    last = 6 * int(match[2])
    return _months(int(match[1]), last - 5, last)


def _cumulative(match: re.Match[str]) -> Period:
    return _months(int(match[1]), 1, int(match[2]))


def _day(match: re.Match[str]) -> Period:
    day = dt.date(int(match[1]), int(match[2]), int(match[3]))
    return Period(day, day)


def _week(match: re.Match[str]) -> Period:
    return _weeks(int(match[1]), int(match[2]), int(match[2]))


def _two_weeks(match: re.Match[str]) -> Period:
    last = 2 * int(match[2])
    return _weeks(int(match[1]), last - 1, last)


def _span(match: re.Match[str]) -> Period:
    return Period(dt.date.fromisoformat(match[1]), dt.date.fromisoformat(match[2]))


def _duration(match: re.Match[str]) -> Period:
    start, count, unit = dt.date.fromisoformat(match[1]), int(match[2]), match[3]
    if unit == "D":
        return Period(start, start + dt.timedelta(days=count - 1))
    months = start.year * 12 + start.month - 1 + count * (12 if unit == "Y" else 1)
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return Period(start, dt.date(year, month + 1, day) - dt.timedelta(days=1))


_DATE: Final = r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Period]], ...]] = tuple(
    (re.compile(pattern), build)
    for pattern, build in (
        (r"([0-9]{4})", _year),
        (r"([0-9]{4})-?([0-9]{2})", _month),
        (r"([0-9]{4})([0-9]{2})B", _two_months),
        (r"([0-9]{4})-?Q([1-4])", _quarter),
        (r"([0-9]{4})-?S([12])", _half_year),
        (r"([0-9]{4})-(3|6|9|12)M", _cumulative),
        (r"([0-9]{4})-([0-9]{2})-([0-9]{2})", _day),
        (r"([0-9]{4})([0-9]{2})([0-9]{2})", _day),
        (r"([0-9]{4})-?W([0-9]{1,2})", _week),
        (r"([0-9]{4})BiW([0-9]{1,2})", _two_weeks),
        (_DATE + "/" + _DATE, _span),
        (_DATE + r"/P([0-9]{1,4})([DMY])", _duration),
    )
)

ACCEPTED_FORMS: Final = (
    "2024, 2024-10, 202410, 2024Q3, 2024S1, 2024-10-15, 20241015, 2024W05, 2024-9M (1 January to 30 September), "
    "2024-01-01/2024-09-30, 2024-01-01/P9M"
)


def parse_period(text: str) -> Period | None:
    """Return the days a period names, or None when the text is no period.

    >>> parse_period("2024-9M")
    Period(start=datetime.date(2024, 1, 1), end=datetime.date(2024, 9, 30))
    """
    for pattern, build in _FORMS:
        if match := pattern.fullmatch(text):
            try:
                period = build(match)
            except (ValueError, OverflowError):
                return None
            return period if period.start <= period.end else None
    return None
