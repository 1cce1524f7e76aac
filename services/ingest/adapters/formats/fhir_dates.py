"""FHIR's dates, which may leave out month, day or time, as our periods and moments."""

import calendar
import datetime as dt
import re
from typing import Final

from services.ingest.adapters.formats.fhir_model import Span

_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
# A period that begins at midnight or ends at 23:59 says in which zone its days are meant.
_EDGES: Final = ((0, 0), (23, 59))


def period_of(span: Span, zone: dt.timezone) -> str:
    """Return the days of a FHIR Period as "start/end"; what is no date stays as it is, and is refused later."""
    start, end = (span.start or "").strip(), (span.end or "").strip()
    return f"{_day(start, zone, last=False)}/{_day(end, zone, last=True)}"


def moment_of(text: str | None, zone: dt.timezone) -> str | None:
    """Return the moment of a FHIR dateTime: one without a time is the start of its first day in the source's zone."""
    if not text:
        return None
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return text.strip()
    day = _edge(match, last=False)
    return text if day is None else dt.datetime(day.year, day.month, day.day, tzinfo=zone).isoformat()


def _day(text: str, zone: dt.timezone, *, last: bool) -> str:
    match = _DATE.fullmatch(text)
    if match is not None:
        day = _edge(match, last=last)
        return text if day is None else day.isoformat()
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is not None and (moment.hour, moment.minute) not in _EDGES:
            moment = moment.astimezone(zone)
        return moment.date().isoformat()
    except (ValueError, OverflowError):
        return text


def _edge(match: re.Match[str], *, last: bool) -> dt.date | None:
    """Return the first or last day of a year, a month or a day; None when there is no such day."""
    year, month, day = int(match[1]), match[2], match[3]
    try:
        whole_month = int(month) if month else 12 if last else 1
        if day:
            return dt.date(year, whole_month, int(day))
        return dt.date(year, whole_month, calendar.monthrange(year, whole_month)[1] if last else 1)
    except ValueError:
        return None
