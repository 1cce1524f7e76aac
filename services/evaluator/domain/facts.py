"""Facts: which report of a cell counts, and how halves, corrections and deletions of it come together.

A fact is keyed by (unit, indicator, cell, period, part); its newest report by (observed_at, seq) wins, so the order of
arrival does not matter. The current measure of a cell is that of its newest complete period.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from shared.contracts.vocabulary import Part
from shared.contracts.wire import IndicatorReported

# Looked up once: in Python 3.11 a member of an enum costs ten times what a global does.
NUMERATOR, DENOMINATOR = Part.NUMERATOR, Part.DENOMINATOR

Period: TypeAlias = tuple[dt.date, dt.date]
"""(last day, first day): the later end is the newer period, and of two with one end the one that starts later."""

Stamp: TypeAlias = tuple[dt.datetime, int]
"""(observed_at, journal id): the order of reports of one fact."""


class Measure(msgspec.Struct, frozen=True, gc=False):
    """What is known of one cell in one period: what a report says, or several part reports together.

    Small, and apart from its reports: one lives as long as it is the newest, and that is what the engine's memory is.
    """

    numerator: int | None
    denominator: int | None
    value: float | None
    valid_until: dt.date | None
    period_start: dt.date
    period_end: dt.date
    observed_at: dt.datetime
    seq: int


def measure_of(report: IndicatorReported) -> Measure:
    """Return the measure that a report is by itself."""
    return Measure(
        report.numerator,
        report.denominator,
        report.value,
        report.valid_until,
        report.period_start,
        report.period_end,
        report.observed_at,
        report.seq,
    )


def period_of(report: IndicatorReported) -> Period:
    """Return the period of a report."""
    return report.period_end, report.period_start


def overlaps(period: Period, other: Period) -> bool:
    """Return whether two periods share a day."""
    return period[1] <= other[0] and other[1] <= period[0]


def stamp(report: IndicatorReported) -> Stamp:
    """Return what orders two reports of one fact."""
    return report.observed_at, report.seq


def is_complete(measure: Measure) -> bool:
    """Return whether a measure can be judged: it has a value, or both halves of a ratio."""
    return measure.value is not None or (measure.numerator is not None and measure.denominator is not None)


def is_plain(report: IndicatorReported) -> bool:
    """Return whether a report is a whole measure by itself, so that no other report of its period matters."""
    if report.deleted or report.part is NUMERATOR or report.part is DENOMINATOR:
        return False
    return report.value is not None or (report.numerator is not None and report.denominator is not None)


def assemble(parts: Iterable[IndicatorReported]) -> Measure | None:
    """Return the measure of one period from the newest report of each part, or None when all of it is deleted.

    Each number comes from the newest report that carries it; a deleted one takes it away. A single value (a percentage,
    a count) gives way to a newer half of a ratio.
    """
    by_part = {report.part: report for report in parts}
    whole = by_part.get(Part.MEASURE) or by_part.get(Part.ATTESTATION)
    top = _newest(whole, by_part.get(Part.NUMERATOR))
    bottom = _newest(whole, by_part.get(Part.DENOMINATOR))
    if whole is not None and top is whole and bottom is whole:
        return None if whole.deleted else measure_of(whole)
    numerator = None if top is None or top.deleted else top.numerator
    denominator = None if bottom is None or bottom.deleted else bottom.denominator
    if numerator is None and denominator is None:
        return None
    newest = max((r for r in (top, bottom) if r is not None), key=stamp)
    return Measure(
        numerator=numerator,
        denominator=denominator,
        value=None,
        valid_until=None,
        period_start=newest.period_start,
        period_end=newest.period_end,
        observed_at=newest.observed_at,
        seq=newest.seq,
    )


def _newest(one: IndicatorReported | None, other: IndicatorReported | None) -> IndicatorReported | None:
    if one is None or other is None:
        return one or other
    return one if stamp(one) > stamp(other) else other


@dataclass(slots=True)
class History:
    """All reports of one cell, for the cells where one report is not the whole story.

    Halves of ratios, deletions and no-event windows need the other periods and parts; plain cells keep only their
    newest report in memory (see engine.py).
    """

    periods: dict[Period, dict[Part, IndicatorReported]] = field(default_factory=dict)

    def add(self, report: IndicatorReported) -> bool:
        """Take a report in; return False when a newer report of the same fact is here already."""
        parts = self.periods.setdefault(period_of(report), {})
        known = parts.get(report.part)
        if known is not None and stamp(known) >= stamp(report):
            return False
        parts[report.part] = report
        return True

    def standing(self, report: IndicatorReported) -> Measure | None:
        """Return what a report that is not added yet takes the place of; nothing when that is deleted."""
        known = self.periods.get(period_of(report), {}).get(report.part)
        return None if known is None or known.deleted else measure_of(known)

    def measures(self) -> Iterator[tuple[Period, Measure]]:
        """Yield the measure of every period that has one, newest period first."""
        for period in sorted(self.periods, reverse=True):
            measure = assemble(self.periods[period].values())
            if measure is not None:
                yield period, measure

    def current(self, window: Period | None = None) -> Measure | None:
        """Return the measure of the newest complete period, else the newest incomplete one, else None.

        With a window only the periods that share a day with it count.
        """
        incomplete: Measure | None = None
        for period, measure in self.measures():
            if window is not None and not overlaps(period, window):
                continue
            if is_complete(measure):
                return measure
            incomplete = incomplete or measure
        return incomplete
