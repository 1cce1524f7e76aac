"""How far the threshold that is applied can be trusted."""

import datetime as dt

import pytest

from shared.catalog.load import load_catalog
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.vocabulary import Confidence

VERIFIED, RECALLED, UNCERTAIN = Confidence.VERIFIED, Confidence.RECALLED, Confidence.UNCERTAIN


def rule(confidence: Confidence, regions: Confidence | None) -> IndicatorRule:
    shipped = load_catalog().rule_for("xa_ntm/15.3", dt.date(2024, 10, 15))
    assert shipped is not None
    return shipped.model_copy(update={"confidence": confidence, "regions_confidence": regions})


@pytest.mark.parametrize(
    ("general", "regions", "applied"),
    [
        pytest.param(VERIFIED, UNCERTAIN, UNCERTAIN, id="the region is the weaker"),
        pytest.param(UNCERTAIN, RECALLED, UNCERTAIN, id="the general threshold is the weaker"),
        pytest.param(VERIFIED, None, VERIFIED, id="nothing is said of regions"),
    ],
)
@pytest.mark.parametrize("keys", [(None, "TDMNPB"), ("TDMNPB", None)])
def test_the_weaker_word_holds_for_a_unit_whose_key_is_named_even_with_a_null(
    general: Confidence, regions: Confidence | None, applied: Confidence, keys: tuple[str | None, ...]
) -> None:
    assert rule(general, regions).applied_confidence(keys) is applied


@pytest.mark.parametrize("keys", [(), (None, None), ("N1", None)])
def test_the_confidence_of_the_general_threshold_holds_for_a_unit_whose_key_is_not_named(
    keys: tuple[str | None, ...],
) -> None:
    assert rule(VERIFIED, UNCERTAIN).applied_confidence(keys) is VERIFIED
