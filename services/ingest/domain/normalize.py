"""From a native event to the report the evaluator reads: unit by date, cell, checked measure. The hot path."""

import datetime as dt
from typing import Final

import msgspec

from services.ingest.domain.cells import (
    CellKey,
    CellPlan,
    compile_cells,
    explain_no_plan,
)
from services.ingest.domain.communes import Communes, Registry
from services.ingest.domain.faults import Fault, RefusedError, refuse
from services.ingest.domain.measures import read_measure
from services.ingest.domain.native import NativeEvent
from services.ingest.domain.places import Place, Span, Spans
from services.ingest.domain.remedies import add_field
from shared.catalog.catalog import Catalog
from shared.catalog.indicators import Indicator
from shared.contracts.vocabulary import QuarantineReason
from shared.contracts.wire import IndicatorReported

CLOCK_TOLERANCE: Final = dt.timedelta(hours=24)
_UTC: Final = dt.UTC
_VIET_NAM: Final = dt.timezone(dt.timedelta(hours=7))
_REST_OF_TWO_WEEKS: Final = dt.timedelta(days=13)


class Limits:
    """The latest moment that may have been observed and the latest days a period may start and end, as of `now`.

    The newest period is the one that counts, so one that ends years from now would silence every later report. A
    running period is welcome: it has begun and ends with the calendar year, or in the days after New Year when a week
    or two weeks run across it.
    """

    __slots__ = ("observed", "period_end", "period_start", "spans")

    def __init__(self, now: dt.datetime) -> None:
        self.observed = now.astimezone(dt.UTC) + CLOCK_TOLERANCE
        self.period_start = now.astimezone(_VIET_NAM).date()
        self.period_end = max(dt.date(self.period_start.year, 12, 31), self.period_start + _REST_OF_TWO_WEEKS)
        self.spans: dict[str, Span] = {}

    def admit(self, period: str, span: Span) -> None:
        """Note that a period, as sent, lies within, so that it is not looked at again for every row; or refuse it."""
        if span.start > self.period_start:
            raise refuse(QuarantineReason.BAD_PERIOD, "period", period, f"begins only on {span.start.isoformat()}")
        if span.end > self.period_end:
            detail = f"ends on {span.end.isoformat()}, after the running year"
            raise refuse(QuarantineReason.BAD_PERIOD, "period", period, detail)
        self.spans[period] = span


class Normalizer:
    """Compiled look-up tables of one catalog; `normalize` is a pure function of them and its arguments."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._plans: dict[CellKey, CellPlan] = compile_cells(catalog)
        self._spans = Spans(catalog)
        self._indicators: dict[str, Indicator] = dict(catalog.indicator_by_key)
        self._registry = Registry(catalog)
        self._communes: dict[dt.date | None, Communes] = {}

    def communes(self, codes_as_of: dt.date | None) -> Communes:
        """Return the look-up of units for sources whose codes are read on a day, or on the last day of the period."""
        found = self._communes.get(codes_as_of)
        if found is None:
            found = self._communes[codes_as_of] = Communes(self._registry, self._spans, codes_as_of)
        return found

    def takes_events(self, indicator: str, sex: str | None, sector: str | None) -> bool:
        """Return whether a value of this cell is a number of events, which can be added up, and no percentage."""
        plan = self._plans.get((indicator, sex, sector))
        return plan is not None and plan.count

    def normalize(self, event: NativeEvent, source: str, limits: Limits) -> IndicatorReported | Fault:
        """Return the report with `seq` 0 (the journal numbers it), or what is wrong with the event."""
        try:
            plan = self._plans.get((event.indicator, event.sex, event.sector))
            if plan is None:
                raise explain_no_plan(self._indicators, event)
            admitted = limits.spans.get(event.period)
            span = admitted or self._spans[event.period]
            place = span.places[event.commune]
            observed_at = event.observed_at
            if place.level not in plan.levels or not event.id.isprintable():
                raise _misfit(place, event)
            if admitted is None:
                limits.admit(event.period, span)
            if observed_at is None or observed_at.tzinfo is not _UTC or observed_at > limits.observed:
                observed_at = _observed(observed_at, limits)
            part, numerator, denominator, value = read_measure(plan, event)
            report = IndicatorReported(  # with no more than 15 keywords, or Python makes a dictionary of them first
                seq=0,
                event_id=event.id,
                source=source,
                unit=place.unit,
                indicator=plan.indicator,
                cell=plan.cell,
                period_start=span.start,
                period_end=span.end,
                observed_at=observed_at,
                part=part,
                numerator=numerator,
                denominator=denominator,
                value=value,
                deleted=event.deleted,
                stage=event.stage,
            )
            if event.evidence is None:
                return report
            return msgspec.structs.replace(report, valid_until=_valid_until(plan, event, span.end))
        except RefusedError as refused:
            return refused.fault


def _misfit(place: Place, event: NativeEvent) -> RefusedError:
    if not event.id.isprintable():
        return refuse(QuarantineReason.WRONG_TYPE, "id", event.id, "has characters that cannot be printed")
    return refuse(QuarantineReason.INDICATOR_NOT_FOR_LEVEL, "indicator", event.indicator, f"a {place.level} unit")


def _observed(observed_at: dt.datetime | None, limits: Limits) -> dt.datetime:
    if observed_at is None:
        raise refuse(QuarantineReason.MISSING_FIELD, "observed_at", remedy=add_field("observed_at"))
    if observed_at > limits.observed:
        raise refuse(QuarantineReason.OBSERVED_IN_FUTURE, "observed_at", observed_at.isoformat())
    try:
        return observed_at.astimezone(dt.UTC)
    except OverflowError:
        raise refuse(QuarantineReason.BAD_OBSERVED_AT, "observed_at", observed_at.isoformat()) from None


def _valid_until(plan: CellPlan, event: NativeEvent, on: dt.date) -> dt.date | None:
    evidence = event.evidence
    if evidence is None or evidence.valid_until is not None or evidence.issued_on is None:
        return None if evidence is None else evidence.valid_until
    return plan.valid_until(evidence.issued_on, on)
