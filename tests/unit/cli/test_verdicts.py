"""How a verdict is shown: rounding, periods, confidence, duties and the order of places."""

import datetime as dt
from pathlib import Path

import pytest
from msgspec import structs

from datchuan.cli.explain import concerned, value_lines
from datchuan.cli.status import provinces_first
from datchuan.cli.verdicts import cell_line, confidence_document, confidences_vi, measure_vi
from services.evaluator.adapters.queries import NodeStatus
from services.evaluator.domain.findings import Finding
from services.evaluator.domain.plan import Node, PlanKey, compile_plan
from services.evaluator.domain.recompute import histories_of, state_of
from services.evaluator.domain.slots import slot_table
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.labels_vi import ROLE_VI
from shared.contracts.vocabulary import Confidence, NodeKind, Part, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, IndicatorReported

DAY = dt.date(2024, 10, 15)
GLOSSARY = Path(__file__).resolve().parents[3] / "docs" / "glossary.md"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def rule_of(catalog: Catalog, node: str) -> IndicatorRule:
    rule = catalog.rule_for(node, DAY)
    assert rule is not None
    return rule


def cell(name: str, status: VerdictStatus, numerator: int | None = None, denominator: int | None = None) -> CellFinding:
    reason = VerdictReason.BELOW_TARGET if status is VerdictStatus.NOT_MET else VerdictReason.TARGET_MET
    return CellFinding(cell=name, status=status, reason=reason, numerator=numerator, denominator=denominator, gap=1)


def verdict(node: str, *cells: CellFinding, at_fault: tuple[str, ...] = ()) -> NodeStatus:
    finding = Finding(VerdictStatus.NOT_MET, VerdictReason.BELOW_TARGET, at_fault)
    return NodeStatus(Node(node, NodeKind.INDICATOR, "R318"), finding, None, "R318", cells)


def fact(cell_name: str, month: int, numerator: int = 9) -> IndicatorReported:
    start = dt.date(2024, month, 1)
    return IndicatorReported(
        seq=month, source="hmis", event_id=f"{cell_name}-{month}", unit="06208", indicator="bhyt_coverage",
        cell=cell_name, period_start=start, period_end=start.replace(day=28), part=Part.MEASURE,
        observed_at=dt.datetime(2024, month, 28, tzinfo=dt.UTC), numerator=numerator, denominator=10,
    )  # fmt: skip


def test_a_rate_that_misses_its_target_by_a_hair_does_not_read_as_the_target(catalog: Catalog) -> None:
    rule = rule_of(catalog, "xa_ntm/15.1")

    line = cell_line(cell("female", VerdictStatus.NOT_MET, 89_999, 100_000), rule, 90.0)

    assert line == "nữ: 89,99 % (89.999/100.000), còn thiếu 1"


def test_a_rate_over_its_ceiling_by_a_hair_does_not_read_as_the_ceiling(catalog: Catalog) -> None:
    over = cell("", VerdictStatus.NOT_MET, 24_001, 100_000)

    assert measure_vi(over, rule_of(catalog, "xa_ntm/15.3"), 24.0) == "24,01 % (24.001/100.000)"


def test_the_same_counts_read_alike_whether_they_meet_the_target_or_miss_it(catalog: Catalog) -> None:
    basic, advanced = rule_of(catalog, "xa_ntm/15.1"), rule_of(catalog, "xa_ntm_nang_cao/14.1")
    met, missed = (cell("female", status, 1_200, 1_292) for status in (VerdictStatus.MET, VerdictStatus.NOT_MET))

    assert measure_vi(met, basic, 90.0) == "92,88 % (1.200/1.292)"
    assert measure_vi(missed, advanced, 95.0) == "92,88 % (1.200/1.292)"


def test_the_threshold_of_a_region_is_shown_with_the_confidence_of_that_region(catalog: Catalog) -> None:
    rule, unit = rule_of(catalog, "xa_ntm/15.3"), catalog.unit_by_id["06208"]

    assert rule.confidence is Confidence.VERIFIED
    assert confidence_document(rule, unit)["confidence"] is Confidence.UNCERTAIN
    assert confidences_vi(rule, unit)[0] == "ngưỡng: chưa chắc chắn (uncertain)"


def test_the_confidence_of_a_window_is_shown(catalog: Catalog) -> None:
    rule, unit = rule_of(catalog, "xa_ntm_nang_cao/18.5"), catalog.unit_by_id["06208"]

    assert confidences_vi(rule, unit)[-1] == "thời gian xét (trong năm): chưa chắc chắn (uncertain)"


def test_the_duties_of_every_sex_or_sector_that_is_not_met_are_explained(catalog: Catalog) -> None:
    rule = rule_of(catalog, "xa_ntm/17.10")
    status = verdict(
        rule.node,
        cell("health", VerdictStatus.NOT_MET),
        cell("industry_trade", VerdictStatus.NOT_EVALUABLE),
        cell("agriculture", VerdictStatus.MET),
        at_fault=("health",),
    )

    assert concerned(catalog, status, rule) == ("health", "industry_trade")
    assert concerned(catalog, verdict(rule.node), rule) == ("health", "industry_trade", "agriculture")


def test_a_chi_tieu_without_sexes_and_sectors_has_one_duty(catalog: Catalog) -> None:
    rule = rule_of(catalog, "xa_ntm/15.3")

    assert concerned(catalog, verdict(rule.node, cell("", VerdictStatus.NOT_MET)), rule) == ("",)


def test_a_value_stands_with_the_period_of_the_report_that_counts(catalog: Catalog) -> None:
    nine_months = structs.replace(fact("male", 9, 8), seq=10, period_start=dt.date(2024, 1, 1))
    journal = [fact("male", 9), nine_months, fact("male", 8)]
    place, slots, on = catalog.unit_by_id["06208"], slot_table(catalog), DAY
    plan = compile_plan(catalog, slots, PlanKey.of(place), on)
    state = state_of(place, catalog, plan, slots, histories_of(journal, slots)["06208"])
    node = plan.nodes[plan.position["xa_ntm/15.1"]]
    finding = Finding(VerdictStatus.NOT_EVALUABLE, VerdictReason.MISSING_SEX)
    status = NodeStatus(node, finding, None, "R318", state.explain(node, on), state.told_measures(node, on))

    assert node.leaf is not None
    assert value_lines(status, node.leaf.rule) == ["nam: 90,00 % (9/10), kỳ 01/09/2024 – 28/09/2024", "nữ: –"]


def test_a_province_stands_before_its_districts() -> None:
    places = [{"unit": unit, "standard": "s"} for unit in ("914", "183", "91", "20")]

    ordered = [row["unit"] for row in provinces_first(load_catalog(), places)]

    assert ordered == ["20", "183", "91", "914"]


def test_a_role_has_the_one_label_of_the_glossary() -> None:
    section = GLOSSARY.read_text(encoding="utf-8").partition("### Role\n")[2].partition("###")[0]
    words = {
        columns[3].strip("` "): columns[1].strip()
        for line in section.splitlines()
        if len(columns := line.split("|")) > 4
    }

    assert {role.value: label for role, label in ROLE_VI.items()}.items() <= words.items()
