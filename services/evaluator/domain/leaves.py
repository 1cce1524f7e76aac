"""Leaves: from the rule of a chỉ tiêu to the judge that applies it, with the slots it reads."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import TypeAlias

from services.evaluator.domain.attestations import AttestationJudge, CertificateJudge, EitherJudge
from services.evaluator.domain.bands import Watch
from services.evaluator.domain.facts import Measure
from services.evaluator.domain.incidents import EventJudge
from services.evaluator.domain.judges import ByCell, Judge, UnknownJudge
from services.evaluator.domain.rates import RateJudge, SumJudge
from services.evaluator.domain.silence import SilenceJudge
from services.evaluator.domain.slots import SlotTable
from services.evaluator.domain.targets import RateTarget
from shared.catalog.catalog import Catalog
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.vocabulary import Combine, Operator
from shared.contracts.vocabulary import VerdictReason as Reason

Measures: TypeAlias = tuple[Measure | None, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A chỉ tiêu: the rule, its judge, the slots it reads, and the threshold for this kind of unit (percent or count).

    A `timed` leaf can change its verdict with no report: its certificate expires, its window rolls over, or its source
    falls silent. `by_cell` is how its judge is kept up cell by cell, if it can be. `read` takes the measures in the
    slots from those of a unit. `watch` is there when local policy asks how near the met chỉ tiêu is to its threshold.
    """

    rule: IndicatorRule
    judge: Judge
    slots: tuple[int, ...]
    threshold: float | None
    timed: bool
    windowed: bool
    by_cell: ByCell | None
    read: Callable[[Sequence[Measure | None]], Measures]
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the reports of an indicator land: (cell, slot) of its measures, and the slot of its attestation."""

    measured: tuple[tuple[str, int], ...]
    attested: int | None


def leaf_of(catalog: Catalog, slots: SlotTable, rule: IndicatorRule, keys: tuple[str | None, ...]) -> Leaf:
    """Return the leaf of a rule for units whose thresholds are keyed by `keys` (commune group, region)."""
    indicator = catalog.indicator_by_key[rule.indicator]
    places = _Places(
        measured=tuple(
            (cell, slots.measured[rule.indicator, cell])
            for cell in indicator.cells
            if (rule.indicator, cell) in slots.measured
        ),
        attested=slots.attested.get((rule.indicator, "")),
    )
    threshold = rule.threshold_for(keys)
    known = not (rule.disabled or catalog.ruleset_by_id[rule.ruleset].disabled)
    risk = catalog.policies.at_risk_by_indicator.get(rule.indicator)
    silence = catalog.policies.silence_by_indicator.get(rule.indicator)
    judge = _judge(rule, places, threshold, indicator.by, risk.watch if risk else None) if known else UnknownJudge()
    watch = _watch(judge, places)
    if silence is not None and not isinstance(judge, UnknownJudge):
        lasting = dt.timedelta(days=silence.stale_after_days)
        judge = SilenceJudge(judge, lasting, one_breaks=isinstance(judge, EventJudge))
    read = tuple(slot for _, slot in places.measured) + (() if places.attested is None else (places.attested,))
    timed = rule.window is not None or rule.validity_years is not None or isinstance(judge, SilenceJudge)
    return Leaf(
        rule=rule,
        judge=judge,
        slots=read,
        threshold=None if threshold is None else float(threshold),
        timed=timed,
        windowed=rule.window is not None,
        by_cell=judge.by_cell(),
        read=_read(read),
        watch=watch,
    )


def _read(slots: tuple[int, ...]) -> Callable[[Sequence[Measure | None]], Measures]:
    if len(slots) == 1:
        (only,) = slots
        return lambda cells: (cells[only],)
    return itemgetter(*slots) if slots else lambda _: ()


def _watch(judge: Judge, places: _Places) -> Watch | None:
    """Return how a chỉ tiêu is watched; None for one that is no rate, or that no policy asks about."""
    rate = judge.rate if isinstance(judge, SumJudge | EitherJudge) else judge
    if not isinstance(rate, RateJudge) or rate.target.band is None:
        return None
    cells = {slot: cell for cell, slot in places.measured}
    return Watch(rate.target.band, cells, adds_up=isinstance(judge, SumJudge))


def _judge(
    rule: IndicatorRule, places: _Places, threshold: Decimal | None, by: str | None, watch: float | None
) -> Judge:
    operator, attested = rule.operator, places.attested
    if operator is Operator.IS_TRUE and attested is not None:
        return AttestationJudge(attested, tuple(slot for _, slot in places.measured))
    if operator is Operator.CERTIFICATE_VALID and attested is not None and rule.validity_years:
        return CertificateJudge(attested, rule.validity_years)
    if operator is None or threshold is None or not places.measured:
        return UnknownJudge()
    if operator is Operator.NO_EVENT_IN_WINDOW:
        return EventJudge(places.measured, int(threshold), windowed=rule.window is not None)
    zero_not_applicable = rule.zero_denominator_not_applicable
    target = RateTarget.of(operator, threshold, zero_not_applicable=zero_not_applicable, watch=watch)
    return _rate_judge(rule, places, target, by)


def _rate_judge(rule: IndicatorRule, places: _Places, target: RateTarget, by: str | None) -> Judge:
    rate = RateJudge(
        groups=places.measured,
        target=target,
        missing=Reason.MISSING_SECTOR if by == "sector" else Reason.MISSING_SEX,
        this_year=rule.window is not None,
    )
    if rule.combine is Combine.SUM:
        return SumJudge(rate)
    if rule.either_attested_or_rate and places.attested is not None:
        return EitherJudge(rate, AttestationJudge(places.attested))
    return rate
