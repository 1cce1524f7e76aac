"""Targets: comparisons and gaps are exact, operator by operator."""

from decimal import Decimal

import pytest

from services.evaluator.domain.facts import measure_of
from services.evaluator.domain.targets import RateTarget
from shared.contracts.vocabulary import Operator, VerdictReason, VerdictStatus
from shared.testing.factories import a_report

AT_LEAST, AT_MOST, MORE, LESS = Operator.AT_LEAST, Operator.AT_MOST, Operator.MORE_THAN, Operator.LESS_THAN


@pytest.mark.parametrize(
    ("operator", "percent", "numerator", "denominator", "met", "gap"),
    [
        pytest.param(AT_LEAST, "90", 900, 1000, True, 0, id="exactly at a floor meets it"),
        pytest.param(AT_LEAST, "90", 899, 1000, False, 1, id="one below a floor misses one"),
        pytest.param(AT_LEAST, "90", 853, 987, False, 36, id="888.3 people are 889 people"),
        pytest.param(MORE, "95", 950, 1000, False, 1, id="trên 95 % is strictly more"),
        pytest.param(MORE, "95", 951, 1000, True, 0, id="one over a strict floor meets it"),
        pytest.param(AT_MOST, "24", 24, 100, True, 0, id="exactly at a ceiling meets it"),
        pytest.param(AT_MOST, "21.8", 22, 100, False, 1, id="a ceiling with a decimal"),
        pytest.param(AT_MOST, "21.8", 109, 500, True, 0, id="21.8 % of 500 is exactly 109"),
        pytest.param(LESS, "24", 24, 100, False, 1, id="a strict ceiling is not met at its value"),
        pytest.param(LESS, "24", 26, 100, False, 3, id="three too many under a strict ceiling"),
    ],
)
def test_a_rate_is_compared_exactly_and_its_gap_is_the_smallest_that_meets_the_target(
    operator: Operator, percent: str, numerator: int, denominator: int, met: bool, gap: int
) -> None:
    target = RateTarget.of(operator, Decimal(percent))

    result = target.judge_counts(numerator, denominator)

    assert (result.status is VerdictStatus.MET) == met
    assert target.gap(numerator, denominator) == gap
    if gap:
        closer = numerator + gap if operator in {AT_LEAST, MORE} else numerator - gap
        assert target.judge_counts(closer, denominator).status is VerdictStatus.MET
        nearly = closer - 1 if operator in {AT_LEAST, MORE} else closer + 1
        assert target.judge_counts(nearly, denominator).status is VerdictStatus.NOT_MET


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"numerator": 5, "denominator": 0}, VerdictReason.ZERO_DENOMINATOR, id="nobody to count"),
        pytest.param({"numerator": 5, "denominator": None}, VerdictReason.MISSING_PART, id="half a ratio"),
        pytest.param({"numerator": 6, "denominator": 5}, VerdictReason.NUMERATOR_OVER_DENOMINATOR, id="over 100 %"),
    ],
)
def test_a_measure_that_cannot_be_judged_says_why(fields: dict[str, int | None], reason: VerdictReason) -> None:
    target = RateTarget.of(AT_LEAST, Decimal(90))

    result = target.judge(measure_of(a_report(1, **fields)))

    assert (result.status, result.reason) == (VerdictStatus.NOT_EVALUABLE, reason)


def test_zero_of_zero_is_not_applicable_where_the_rule_says_so() -> None:
    target = RateTarget.of(AT_LEAST, Decimal(100), zero_not_applicable=True)

    result = target.judge_counts(0, 0)

    assert (result.status, result.reason) == (VerdictStatus.NOT_APPLICABLE, VerdictReason.ZERO_DENOMINATOR)


def test_a_percentage_without_counts_is_compared_as_it_was_written() -> None:
    target = RateTarget.of(AT_MOST, Decimal("21.8"))

    assert (
        target.judge(measure_of(a_report(1, numerator=None, denominator=None, value=21.8))).status is VerdictStatus.MET
    )
