"""No-event windows and certificates: the verdicts that time alone can change."""

import datetime as dt
from collections.abc import Iterable

from services.evaluator.domain.facts import History, Measure, Period, overlaps
from services.evaluator.domain.targets import MISSING, CellResult
from shared.catalog.certificates import last_day
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status

NO_INCIDENT = CellResult(Status.MET, Reason.NO_INCIDENT)
INCIDENT = CellResult(Status.NOT_MET, Reason.INCIDENT_OPEN)
SILENT = CellResult(Status.NOT_EVALUABLE, Reason.NO_POSITIVE_REPORT)

CERTIFIED = CellResult(Status.MET, Reason.CERTIFICATE_VALID)
EXPIRED = CellResult(Status.NOT_MET, Reason.CERTIFICATE_EXPIRED)
NOT_CERTIFIED = CellResult(Status.NOT_MET, Reason.NO_CERTIFICATE)


def calendar_year(on: dt.date) -> Period:
    """Return the calendar year of a day as (last day, first day)."""
    return dt.date(on.year, 12, 31), dt.date(on.year, 1, 1)


def covers_from_start(periods: Iterable[Period], window: Period) -> bool:
    """Return whether the periods begin at or before the window and follow each other without a hole.

    A report on October alone proves nothing about January: silence is no proof.
    """
    reached = window[1]
    started = False
    for end, start in sorted(periods, key=lambda period: period[1]):
        if start > reached:
            return False
        started = True
        reached = max(reached, end + dt.timedelta(days=1))
    return started


def judge_window(history: History | None, limit: int, on: dt.date) -> CellResult:
    """Return the verdict on "no event this year" from all reports of one cell."""
    window = calendar_year(on)
    inside = [(p, m) for p, m in (history.measures() if history else ()) if overlaps(p, window)]
    if sum(measure.value or 0 for _, measure in inside) > limit:
        return INCIDENT
    return NO_INCIDENT if covers_from_start((period for period, _ in inside), window) else SILENT


def expiry(measure: Measure, validity_years: int) -> dt.date:
    """Return the last day of a certificate: the reported one, else `validity_years` from the start of its period.

    The start is the earliest day it can have been issued, so an unknown date never makes a certificate last longer.
    """
    if measure.valid_until is not None:
        return measure.valid_until
    return last_day(measure.period_start, validity_years)


def judge_certificate(measure: Measure | None, validity_years: int, on: dt.date) -> CellResult:
    """Return the verdict on a dated certificate."""
    if measure is None or measure.value is None:
        return MISSING
    if measure.value < 1:
        return NOT_CERTIFIED
    return CERTIFIED if on <= expiry(measure, validity_years) else EXPIRED
