"""The numbers of a message for a look at it, against the arithmetic of the evaluator."""

from decimal import Decimal

import pytest

from services.evaluator.domain.targets import RateTarget
from services.notifier.domain.specimen_evidence import specimen_evidence
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.vocabulary import NoticeKind, Operator, VerdictStatus
from shared.testing.verdicts import MORNING

RATES = (Operator.AT_LEAST, Operator.MORE_THAN, Operator.AT_MOST, Operator.LESS_THAN)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def rate(catalog: Catalog, operator: Operator, threshold: Decimal) -> IndicatorRule:
    rule = next(rule for rule in catalog.rules if rule.node == "xa_ntm/15.4" and rule.operator is Operator.AT_LEAST)
    return rule.model_copy(update={"operator": operator, "thresholds": {"default": threshold}})


@pytest.mark.parametrize("threshold", ["0.5", "24", "50", "90", "99.5"])
@pytest.mark.parametrize("operator", RATES)
@pytest.mark.parametrize("notice", [NoticeKind.OPENED, NoticeKind.AT_RISK, NoticeKind.RESOLVED])
def test_the_gap_and_verdict_of_a_sample_are_those_that_the_evaluator_would_find(
    catalog: Catalog, operator: Operator, threshold: str, notice: NoticeKind
) -> None:
    target = RateTarget.of(operator, Decimal(threshold))
    rule = rate(catalog, operator, Decimal(threshold))

    (cell,) = specimen_evidence(catalog.unit_by_id["06208"], rule, "", notice, MORNING).cells

    assert cell.numerator is not None
    assert cell.denominator is not None
    assert cell.gap == target.gap(cell.numerator, cell.denominator)
    assert (cell.status is VerdictStatus.MET) is (cell.gap == 0)


def test_of_at_most_24_percent_the_sample_counts_from_the_last_child_that_is_allowed(catalog: Catalog) -> None:
    rule = rate(catalog, Operator.AT_MOST, Decimal(24))

    (cell,) = specimen_evidence(catalog.unit_by_id["06208"], rule, "", NoticeKind.OPENED, MORNING).cells

    assert (cell.numerator, cell.denominator, cell.gap) == (310 + 14, 1292, 14)
