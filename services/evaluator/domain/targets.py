"""Targets: how one measure compares with one threshold, and how far it is from it. Exact arithmetic, no floats."""

from dataclasses import dataclass
from decimal import Decimal

from services.evaluator.domain.facts import Measure
from shared.contracts.vocabulary import Operator
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status

CellResult = tuple[Status, Reason]

MET: CellResult = (Status.MET, Reason.TARGET_MET)
BELOW: CellResult = (Status.NOT_MET, Reason.BELOW_TARGET)
ABOVE: CellResult = (Status.NOT_MET, Reason.ABOVE_CEILING)
MISSING: CellResult = (Status.NOT_EVALUABLE, Reason.NO_DATA)
PART_MISSING: CellResult = (Status.NOT_EVALUABLE, Reason.MISSING_PART)
INCONSISTENT: CellResult = (Status.NOT_EVALUABLE, Reason.NUMERATOR_OVER_DENOMINATOR)
ZERO: CellResult = (Status.NOT_EVALUABLE, Reason.ZERO_DENOMINATOR)
ZERO_NOT_APPLICABLE: CellResult = (Status.NOT_APPLICABLE, Reason.ZERO_DENOMINATOR)


@dataclass(frozen=True, slots=True)
class RateTarget:
    """A rate against a percentage. `top` / `bottom` is the threshold as a share: 21.8 % is 109 / 500."""

    operator: Operator
    percent: Decimal
    top: int
    bottom: int
    zero: CellResult = ZERO

    @classmethod
    def of(cls, operator: Operator, percent: Decimal, *, zero_not_applicable: bool = False) -> "RateTarget":
        """Return the target for a threshold in percent."""
        top, bottom = (percent / 100).as_integer_ratio()
        return cls(operator, percent, top, bottom, ZERO_NOT_APPLICABLE if zero_not_applicable else ZERO)

    def judge(self, measure: Measure | None) -> CellResult:
        """Return the verdict on one cell."""
        if measure is None:
            return MISSING
        if measure.value is not None:
            return self._compare(Decimal(str(measure.value)), self.percent)
        if measure.numerator is None or measure.denominator is None:
            return PART_MISSING
        return self.judge_counts(measure.numerator, measure.denominator)

    def judge_counts(self, numerator: int, denominator: int) -> CellResult:
        """Return the verdict on a numerator over a denominator."""
        if denominator == 0:
            return self.zero
        if numerator > denominator:
            return INCONSISTENT
        # The commonest operator first: this runs for every report.
        if self.operator is Operator.AT_LEAST:
            return MET if numerator * self.bottom >= self.top * denominator else BELOW
        return self._compare(numerator * self.bottom, self.top * denominator)

    def _compare(self, left: Decimal | int, right: Decimal | int) -> CellResult:
        match self.operator:
            case Operator.AT_LEAST:
                return MET if left >= right else BELOW
            case Operator.MORE_THAN:
                return MET if left > right else BELOW
            case Operator.AT_MOST:
                return MET if left <= right else ABOVE
            case _:
                return MET if left < right else ABOVE

    def gap(self, numerator: int, denominator: int) -> int:
        """Return how many more are needed to meet a floor, or how many are too many for a ceiling; 0 when met.

        >>> RateTarget.of(Operator.AT_LEAST, Decimal(90)).gap(853, 987)
        36
        """
        exact, rest = divmod(self.top * denominator, self.bottom)
        match self.operator:
            case Operator.AT_LEAST:
                return max(0, exact + (rest > 0) - numerator)
            case Operator.MORE_THAN:
                return max(0, exact + 1 - numerator)
            case Operator.AT_MOST:
                return max(0, numerator - exact)
            case _:
                return max(0, numerator - (exact - (rest == 0)))
