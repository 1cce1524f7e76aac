"""Watch bands: what is told of a chỉ tiêu that stays met near its threshold, and what it was before."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.evaluator.domain.bands import Band, percentage
from services.evaluator.domain.engine import Engine
from services.evaluator.domain.facts import Measure, measure_of
from services.evaluator.domain.findings import Finding
from services.evaluator.domain.outcome import Outcome
from services.evaluator.domain.plan import Node
from services.evaluator.domain.state import UnitState
from services.evaluator.domain.targets import MET, NEAR, RateTarget
from services.evaluator.domain.telling import tell
from shared.contracts.vocabulary import ChangeKind, Operator, Part
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import CellFinding, IndicatorReported, VerdictChanged
from shared.testing.factories import NOON, a_catalog, a_report
from tests.unit.evaluator.journals import TODAY, Run, reports, with_policies

WATCHED = with_policies(a_catalog(), {"rate": 3, "kids": 2, "food": 5}, {})
NIL: dict[str, Any] = {"numerator": None, "denominator": None}


class Commune:
    """One commune whose men and women are insured to 99 %, seen through what is told of it."""

    def __init__(self, **cells: int) -> None:
        self.engine = Engine(WATCHED, TODAY)
        self.engine.restore([], {}, NOON)
        self.seq = 0
        self.take(*(self.rate(cell, numerator) for cell, numerator in ({"male": 990, "female": 990} | cells).items()))

    def rate(self, cell: str, numerator: int, **fields: Any) -> IndicatorReported:
        return self.of("rate", cell, numerator, **fields)

    def of(self, indicator: str, cell: str, numerator: int, **fields: Any) -> IndicatorReported:
        self.seq += 1
        return a_report(self.seq, unit="C1", indicator=indicator, cell=cell, numerator=numerator, **fields)

    def take(self, *batch: IndicatorReported) -> Outcome:
        return self.engine.apply(batch, NOON)

    def told(self, node: str, *batch: IndicatorReported) -> list[VerdictChanged]:
        outcome = self.take(*batch)
        return [tell(c, outcome) for c in (*outcome.transitions, *outcome.evidence) if c.node.name == node]


def befores(message: VerdictChanged) -> dict[str, float | None]:
    return {cell.cell: cell.before for cell in message.cells}


def test_a_met_criterion_is_told_when_it_moves_into_its_band_within_it_and_out_of_it() -> None:
    commune = Commune()

    steps = [commune.told("base/1.1", commune.rate("male", n)) for n in (950, 930, 910, 931, 940)]

    kinds = [[(message.kind, message.to_status, befores(message)) for message in step] for step in steps]
    met = (ChangeKind.EVIDENCE, Status.MET)
    assert kinds == [
        [],
        [(*met, {"male": 95.0, "female": None})],
        [(*met, {"male": 93.0, "female": None})],
        [(*met, {"male": 91.0, "female": None})],
        [],
    ]


def test_without_a_policy_a_met_criterion_is_not_told() -> None:
    run = Run(TODAY, "as it is")
    rate = {"unit": "C1", "indicator": "rate"}
    run.take([a_report(1, cell="male", numerator=910, **rate), a_report(2, cell="female", numerator=910, **rate)])

    outcome = run.take([a_report(3, cell="male", numerator=905, **rate)])

    assert [change for change in outcome.evidence if change.node.name == "base/1.1"] == []


def test_of_several_reports_at_once_the_percentages_before_are_those_before_all_of_them() -> None:
    commune = Commune(male=960, female=950)
    batch = [commune.rate("male", 930), commune.rate("female", 920), commune.rate("male", 910)]

    (message,) = commune.told("base/1.1", *batch)

    assert [cell.numerator for cell in message.cells] == [910, 920]
    assert befores(message) == {"male": 96.0, "female": 95.0}


def test_a_change_of_the_verdict_tells_what_moved_before_it_and_is_not_told_twice() -> None:
    commune = Commune(male=960, female=950)

    (message,) = commune.told("base/1.1", commune.rate("male", 910), commune.rate("female", 899))

    assert (message.kind, message.to_status) == (ChangeKind.TRANSITION, Status.NOT_MET)
    assert befores(message) == {"male": 96.0, "female": 95.0}


def test_the_way_into_met_tells_what_was_missing_before() -> None:
    commune = Commune(female=800)

    (message,) = commune.told("base/1.1", commune.rate("female", 905))

    assert (message.from_status, message.to_status) == (Status.NOT_MET, Status.MET)
    assert befores(message) == {"male": None, "female": 80.0}


def test_one_sex_near_the_threshold_is_told_with_what_it_was_while_the_other_fails() -> None:
    commune = Commune(male=920, female=800)

    (message,) = commune.told("base/1.1", commune.rate("male", 910))

    assert (message.kind, message.to_status) == (ChangeKind.EVIDENCE, Status.NOT_MET)
    assert befores(message) == {"male": 92.0, "female": None}


def test_one_sex_near_the_threshold_is_not_told_while_the_other_never_reported() -> None:
    engine = Engine(WATCHED, TODAY)
    engine.restore([], {}, NOON)
    men = [a_report(seq, unit="C1", indicator="rate", cell="male", numerator=920 - seq) for seq in (1, 2)]
    engine.apply(men[:1], NOON)

    assert engine.apply(men[1:], NOON).evidence == []


def test_a_ceiling_is_watched_from_below() -> None:
    commune = Commune()

    steps = [commune.told("base/1.3", commune.of("kids", "", n, denominator=100)) for n in (20, 23, 21, 20)]

    assert [[befores(message)[""] for message in step] for step in steps] == [[None], [20.0], [23.0], []]


def test_sectors_are_watched_by_their_sum_and_every_cell_tells_what_the_sum_was() -> None:
    catalog = with_policies(a_catalog(rules=[_food(rule) for rule in a_catalog().rules]), {"food": 5}, {})
    engine = Engine(catalog, TODAY)
    engine.restore([], {}, NOON)

    def food(seq: int, cell: str, numerator: int) -> IndicatorReported:
        return a_report(seq, unit="C1", indicator="food", cell=cell, numerator=numerator, denominator=100)

    engine.apply([food(1, "health", 100), food(2, "industry_trade", 100), food(3, "agriculture", 82)], NOON)
    far = engine.apply([food(4, "health", 99)], NOON)
    near = engine.apply([food(5, "health", 67)], NOON)
    away = engine.apply([food(6, "health", 90)], NOON)

    told = [[befores(tell(change, outcome)) for change in outcome.evidence] for outcome in (far, near, away)]
    sectors = ("health", "industry_trade", "agriculture")
    was = [100 * 281 / 300, 83.0]
    assert told == [[], [dict.fromkeys(sectors, was[0])], [dict.fromkeys(sectors, was[1])]]


def _food(rule: Any) -> Any:
    return rule.model_copy(update={"thresholds": {"default": 80}}) if rule.indicator == "food" else rule


@pytest.mark.parametrize("word", [0.0, 1.0])
def test_the_word_of_an_attestation_is_no_percentage(word: float) -> None:
    rules = [rule.model_copy(update={"either_attested_or_rate": True}) for rule in a_catalog().rules]
    catalog = with_policies(a_catalog(rules=rules), {"mixed": 40}, {})
    engine = Engine(catalog, dt.date(2023, 6, 1))
    engine.restore([], {}, NOON)
    mixed = {"unit": "C1", "indicator": "mixed", "cell": ""}
    engine.apply([a_report(1, part=Part.ATTESTATION, value=word, **mixed, **NIL)], NOON)

    outcome = engine.apply([a_report(2, numerator=60, denominator=100, **mixed)], NOON)

    (message,) = [tell(change, outcome) for change in outcome.transitions if change.node.name == "base/1.4"]
    assert (message.to_reason, befores(message)) == (Reason.TARGET_MET, {"": None})


def test_what_was_near_before_a_restart_is_told_when_it_leaves_its_band_after_it() -> None:
    journal = [a_report(seq, unit="C1", indicator="rate", cell=cell, numerator=910) for seq, cell in
               enumerate(("male", "female"), start=1)]  # fmt: skip
    engine = Engine(WATCHED, TODAY)
    engine.restore(journal, {}, NOON)

    outcome = engine.apply([a_report(3, unit="C1", indicator="rate", cell="male", numerator=949)], NOON)

    assert [befores(tell(change, outcome)) for change in outcome.evidence if change.node.name == "base/1.1"] == [
        {"male": 91.0, "female": None}
    ]


rates = st.sampled_from((Operator.AT_LEAST, Operator.AT_MOST, Operator.MORE_THAN, Operator.LESS_THAN))
percents = st.decimals(0, 100, places=2)


@given(operator=rates, percent=percents, watch=percents, numerator=st.integers(0, 200), of=st.integers(1, 200))
@settings(max_examples=200)
def test_the_compiled_judge_says_near_just_where_the_exact_distance_is_within_the_band(
    operator: Operator, percent: Decimal, watch: Decimal, numerator: int, of: int
) -> None:
    target = RateTarget.of(operator, percent, watch=float(watch))
    measure = measure_of(a_report(1, numerator=numerator, denominator=of))

    result = target.compiled()(measure)

    if target.judge(measure) is not MET:
        assert result is target.judge(measure)
    else:
        distance = abs(Fraction(100 * numerator, of) - Fraction(percent))
        assert (result is NEAR) is (distance <= Fraction(watch))


@pytest.mark.parametrize(("value", "inside"), [(93.0, True), (93.1, False)])
def test_a_rate_reported_as_a_percentage_is_compared_as_one(value: float, inside: bool) -> None:
    measure = measure_of(a_report(1, value=value, **NIL))

    assert Band.of(Operator.AT_LEAST, Decimal(90), 3).holds(measure) is inside


# -- every kind of chỉ tiêu, against what is to be seen before and after each report --------------------------------


def watched(run: Run) -> dict[tuple[str, str], tuple[UnitState, Node]]:
    """Return the watched chỉ tiêu whose former state one report can tell."""
    return {
        (unit.id, node.name): (unit, node)
        for unit in run.engine.units.values()
        for node in unit.plan.nodes
        if node.leaf is not None and node.leaf.watch is not None and not node.leaf.windowed
    }


def distance(cells: list[CellFinding], threshold: float) -> Fraction | None:
    """Return how far the rate of cells, or of their sum, is from the threshold."""
    if len(cells) == 1 and cells[0].value is not None:
        return abs(Fraction(str(cells[0].value)) - Fraction(str(threshold)))
    tops, bottoms = sum(c.numerator or 0 for c in cells), sum(c.denominator or 0 for c in cells)
    return abs(Fraction(100 * tops, bottoms) - Fraction(str(threshold))) if bottoms else None


Seen = tuple[Finding, tuple[CellFinding, ...], tuple[Measure | None, ...]]


def seen(run: Run) -> dict[tuple[str, str], Seen]:
    return {
        key: (
            unit.findings[unit.plan.position[node.name]],
            unit.explain(node, run.engine.as_of),
            tuple(unit.cells),
        )
        for key, (unit, node) in watched(run).items()
    }


def is_told(run: Run, key: tuple[str, str], report: IndicatorReported, before: Seen, after: Seen) -> bool:
    leaf = watched(run)[key][1].leaf
    if leaf is None or leaf.threshold is None or report.indicator != leaf.rule.indicator:
        return False
    if report.part is Part.ATTESTATION or before[2] == after[2]:  # no rate has moved
        return False
    watch = Fraction(str(run.engine.catalog.policies.at_risk_by_indicator[report.indicator].watch))
    for _, cells, _ in (before, after):
        moved = [c for c in cells if c.reason is Reason.TARGET_MET or leaf.rule.combine == "sum"]
        of = moved if leaf.rule.combine == "sum" else [c for c in moved if c.cell == report.cell]
        far = distance(of, leaf.threshold) if of else None
        if far is not None and far <= watch:
            return True
    return False


@given(catalog=st.sampled_from(("with policies", "other kinds of rules with policies")), journal=reports())
@settings(max_examples=80, deadline=None)
def test_what_stays_met_is_told_just_when_it_was_or_is_inside_its_band(
    catalog: str, journal: list[IndicatorReported]
) -> None:
    run = Run(TODAY, catalog)
    for report in journal:
        run.open([report])
        before = seen(run)
        outcome = run.take([report])
        after = seen(run)

        stays = {k for k in before if before[k][0] is after[k][0] and after[k][0].status is Status.MET}
        told = {(c.unit, c.node.name): tell(c, outcome) for c in outcome.evidence if c.new.status is Status.MET}
        assert told.keys() & before.keys() == {k for k in stays if is_told(run, k, report, before[k], after[k])}
        for key in (key for key in told.keys() & before.keys() if report.indicator != "food"):
            was = {cell.cell: percentage(cell) for cell in before[key][1]}
            assert befores(told[key]) == {cell: was[cell] if cell == report.cell else None for cell in was}


def test_the_day_alone_tells_nothing_of_what_is_near() -> None:
    commune = Commune(male=910)

    assert commune.engine.advance(TODAY + dt.timedelta(days=1), NOON).evidence == []
