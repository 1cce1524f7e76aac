"""Targets: how one measure compares with one threshold, and how far it is from it. Exact arithmetic, no floats."""

import operator as op
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from services.evaluator.domain.bands import Band
from services.evaluator.domain.facts import Measure
from shared.contracts.vocabulary import Operator
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status


@dataclass(frozen=True, slots=True, eq=False)
class CellResult:
    """The verdict on one cell. Every result is one object, compared and hashed by identity: this is the hot path."""

    status: Status
    reason: Reason


JudgeCell: TypeAlias = Callable[[Measure | None], CellResult]

MET = CellResult(Status.MET, Reason.TARGET_MET)
# The same for a rate inside its watch band: a result of its own, so that whoever keeps results sees that at no cost.
NEAR = CellResult(Status.MET, Reason.TARGET_MET)
BELOW = CellResult(Status.NOT_MET, Reason.BELOW_TARGET)
ABOVE = CellResult(Status.NOT_MET, Reason.ABOVE_CEILING)
MISSING = CellResult(Status.NOT_EVALUABLE, Reason.NO_DATA)
PART_MISSING = CellResult(Status.NOT_EVALUABLE, Reason.MISSING_PART)
INCONSISTENT = CellResult(Status.NOT_EVALUABLE, Reason.NUMERATOR_OVER_DENOMINATOR)
ZERO = CellResult(Status.NOT_EVALUABLE, Reason.ZERO_DENOMINATOR)
ZERO_NOT_APPLICABLE = CellResult(Status.NOT_APPLICABLE, Reason.ZERO_DENOMINATOR)

AT_LEAST, MORE_THAN, AT_MOST = Operator.AT_LEAST, Operator.MORE_THAN, Operator.AT_MOST
_COMPARE: dict[Operator, tuple[Callable[[Any, Any], bool], CellResult]] = {
    Operator.AT_LEAST: (op.ge, BELOW),
    Operator.MORE_THAN: (op.gt, BELOW),
    Operator.AT_MOST: (op.le, ABOVE),
    Operator.LESS_THAN: (op.lt, ABOVE),
}


@dataclass(frozen=True, slots=True)
class RateTarget:
    """A rate against a percentage. `top` / `bottom` is the threshold as a share: 21.8 % is 109 / 500.

    A rate is met when it `holds` against the threshold, else `broken` is its result. With a `band` the compiled judge
    says NEAR where the band holds a met rate.
    """

    operator: Operator
    percent: Decimal
    top: int
    bottom: int
    holds: Callable[[Any, Any], bool]
    broken: CellResult
    zero: CellResult
    band: Band | None = None

    @classmethod
    def of(
        cls, operator: Operator, percent: Decimal, *, zero_not_applicable: bool = False, watch: float | None = None
    ) -> "RateTarget":
        """Return the target for a threshold in percent, watched within so many percentage points of it."""
        top, bottom = (percent / 100).as_integer_ratio()
        holds, broken = _COMPARE[operator]
        zero = ZERO_NOT_APPLICABLE if zero_not_applicable else ZERO
        band = None if watch is None else Band.of(operator, percent, watch)
        return cls(operator, percent, top, bottom, holds, broken, zero, band)

    def judge(self, measure: Measure | None) -> CellResult:
        """Return the verdict on one cell."""
        if measure is None:
            return MISSING
        if measure.value is not None:
            return MET if self.holds(Decimal(str(measure.value)), self.percent) else self.broken
        if measure.numerator is None or measure.denominator is None:
            return PART_MISSING
        return self.judge_counts(measure.numerator, measure.denominator)

    def judge_counts(self, numerator: int, denominator: int) -> CellResult:
        """Return the verdict on a numerator over a denominator."""
        if denominator == 0:
            return self.zero
        if numerator > denominator:
            return INCONSISTENT
        return MET if self.holds(numerator * self.bottom, self.top * denominator) else self.broken

    def compiled(self) -> JudgeCell:
        """Return `judge` as one function with everything at hand: it runs for every report."""
        holds, broken, top, bottom, otherwise = self.holds, self.broken, self.top, self.bottom, self.judge

        def judge(measure: Measure | None) -> CellResult:
            if measure is not None and measure.value is None:
                numerator, denominator = measure.numerator, measure.denominator
                if numerator is not None and denominator and numerator <= denominator:
                    return MET if holds(numerator * bottom, top * denominator) else broken
            return otherwise(measure)

        return judge if self.band is None else _watched(judge, self.band)

    def gap(self, numerator: int, denominator: int) -> int:
        """Return how many more are needed to meet a floor, or how many are too many for a ceiling; 0 when met.

        >>> RateTarget.of(Operator.AT_LEAST, Decimal(90)).gap(853, 987)
        36
        """
        exact, rest = divmod(self.top * denominator, self.bottom)
        if self.operator is AT_LEAST:
            return max(0, exact + (rest > 0) - numerator)
        if self.operator is MORE_THAN:
            return max(0, exact + 1 - numerator)
        if self.operator is AT_MOST:
            return max(0, numerator - exact)
        return max(0, numerator - (exact - (rest == 0)))


def _watched(judge: JudgeCell, band: Band) -> JudgeCell:
    def judge_watched(measure: Measure | None) -> CellResult:
        result = judge(measure)
        return NEAR if result is MET and measure is not None and band.holds(measure) else result

    return judge_watched
