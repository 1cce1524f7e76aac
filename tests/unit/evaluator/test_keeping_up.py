"""What the engine keeps so that a report costs little (results of cells, tallies of children) against fresh judging."""

import datetime as dt
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from services.evaluator.domain.facts import measure_of
from services.evaluator.domain.findings import Finding, finding, roll_up, rolled_up
from services.evaluator.domain.targets import RateTarget
from shared.contracts.vocabulary import Operator, VerdictReason, VerdictStatus
from shared.contracts.wire import IndicatorReported
from shared.testing.factories import NOON, a_report
from tests.unit.evaluator.journals import TODAY, Run, catalogs, reports

findings = st.sampled_from([finding(status, VerdictReason.NO_DATA) for status in VerdictStatus])
numbers = st.none() | st.integers(0, 1000)
rates = st.sampled_from((Operator.AT_LEAST, Operator.AT_MOST, Operator.MORE_THAN, Operator.LESS_THAN))


def moved_through(catalog: str, journal: list[IndicatorReported], days: list[dt.date]) -> Run:
    """Return a run that took half of a journal, moved through the days, and took the other half."""
    run = Run(TODAY, catalog)
    half = len(journal) // 2
    run.take(journal[:half])
    for day in days:
        run.engine.advance(day, NOON)
    run.take(journal[half:])
    return run


@given(children=st.lists(findings, max_size=20))
def test_a_tally_of_children_gives_what_looking_at_all_of_them_gives(children: list[Finding]) -> None:
    assert rolled_up(sum(child.weight for child in children)) is roll_up(children)


@given(
    operator=rates,
    percent=st.decimals(0, 100, places=2),
    measure=st.tuples(numbers, numbers, st.none() | st.floats(0, 100)),
    zero=st.booleans(),
)
def test_the_compiled_judge_of_a_rate_gives_what_the_plain_one_gives(
    operator: Operator, percent: Decimal, measure: tuple[int | None, int | None, float | None], zero: bool
) -> None:
    numerator, denominator, value = measure
    target = RateTarget.of(operator, percent, zero_not_applicable=zero)
    one = measure_of(a_report(1, numerator=numerator, denominator=denominator, value=value))

    assert target.compiled()(one) is target.judge(one)
    assert target.compiled()(None) is target.judge(None)


@given(
    catalog=catalogs,
    journal=reports(),
    days=st.lists(st.dates(dt.date(2023, 1, 1), dt.date(2025, 12, 31)), max_size=2),
)
@settings(max_examples=150, deadline=None)
def test_the_results_that_the_engine_keeps_are_those_of_judging_afresh(
    catalog: str, journal: list[IndicatorReported], days: list[dt.date]
) -> None:
    run = moved_through(catalog, journal, days)

    for unit in run.engine.units.values():
        results = list(unit.results)
        unit.keep_up()
        assert results == unit.results
        for reader in (reader for readers in unit.plan.readers for reader in readers):
            fresh = unit.judge(unit.plan.nodes[reader.position], run.engine.as_of)
            assert reader.combined[tuple(results[reader.span])] is unit.findings[reader.position] is fresh


@given(
    catalog=catalogs,
    journal=reports(),
    days=st.lists(st.dates(dt.date(2023, 1, 1), dt.date(2025, 12, 31)), max_size=2),
)
@settings(max_examples=150, deadline=None)
def test_the_tallies_that_the_engine_keeps_give_what_the_children_give(
    catalog: str, journal: list[IndicatorReported], days: list[dt.date]
) -> None:
    run = moved_through(catalog, journal, days)

    for unit in run.engine.units.values():
        for tally, current, node in zip(unit.tallies, unit.findings, unit.plan.nodes, strict=True):
            if node.leaf is None and node.titled:
                assert rolled_up(tally) is current is roll_up([unit.findings[child] for child in node.children])
