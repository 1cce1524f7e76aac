"""Silent sources: figures that are too old no longer count, by the clock alone, and a newer report brings them back."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.findings import finding
from services.evaluator.domain.outcome import Outcome, StoredVerdict
from services.evaluator.domain.telling import tell
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Cause
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import IndicatorReported, VerdictChanged
from shared.testing.factories import NOON, a_catalog, a_report
from tests.unit.evaluator.journals import (
    CATALOGS,
    TODAY,
    Run,
    catalogs,
    expected,
    newest_facts,
    reports,
    with_policies,
)

SILENT = with_policies(a_catalog(), {}, {"rate": 30, "events": 30})
SEPTEMBER = {"period_start": dt.date(2024, 9, 1), "period_end": dt.date(2024, 9, 30)}
OCTOBER = {"period_start": dt.date(2024, 10, 1), "period_end": dt.date(2024, 10, 31)}
LAST_DAY = dt.date(2024, 10, 30)
DAY = dt.timedelta(days=1)
NIL: dict[str, Any] = {"numerator": None, "denominator": None}


def rate(seq: int, cell: str, numerator: int, **fields: Any) -> IndicatorReported:
    return a_report(seq, unit="C1", indicator="rate", cell=cell, numerator=numerator, **(SEPTEMBER | fields))


def an_engine(*journal: IndicatorReported, catalog: Catalog = SILENT, as_of: dt.date = TODAY) -> Engine:
    engine = Engine(catalog, as_of)
    engine.restore([], {}, NOON)
    engine.apply(journal, NOON)
    return engine


def as_stored(engine: Engine) -> dict[tuple[str, str], StoredVerdict]:
    return {
        (unit.id, node.name): StoredVerdict(found, NOON, node.ruleset, 0)
        for unit in engine.units.values()
        for node, found in zip(unit.plan.nodes, unit.findings, strict=True)
    }


def of(outcome: Outcome, node: str) -> list[VerdictChanged]:
    return [tell(c, outcome) for c in (*outcome.transitions, *outcome.evidence) if c.node.name == node]


def test_figures_count_on_the_last_day_and_are_stale_on_the_next() -> None:
    engine = an_engine(rate(1, "male", 960), rate(2, "female", 899))

    still, stale = engine.advance(LAST_DAY, NOON), engine.advance(LAST_DAY + DAY, NOON)

    assert still.transitions == []
    (change,) = of(stale, "base/1.1")
    assert (change.from_status, change.to_status, change.cause) == (Status.NOT_MET, Status.NOT_EVALUABLE, Cause.CLOCK)
    assert change.to_reason is Reason.STALE_DATA


def test_stale_figures_are_told_with_their_numbers_and_their_period_and_without_a_gap() -> None:
    engine = an_engine(rate(1, "male", 960), rate(2, "female", 899))

    (change,) = of(engine.advance(LAST_DAY + DAY, NOON), "base/1.1")

    told = [(cell.cell, cell.status, cell.reason, cell.numerator, cell.gap) for cell in change.cells]
    stale = (Status.NOT_EVALUABLE, Reason.STALE_DATA)
    assert told == [("male", *stale, 960, None), ("female", *stale, 899, None)]
    assert (change.period_start, change.period_end) == (SEPTEMBER["period_start"], SEPTEMBER["period_end"])


def test_one_silent_source_leaves_the_criterion_open_and_is_named() -> None:
    engine = an_engine(rate(1, "male", 960), rate(2, "female", 100, **OCTOBER))

    (change,) = of(engine.advance(LAST_DAY + DAY, NOON), "base/1.1")

    assert (change.to_status, change.to_reason) == (Status.NOT_EVALUABLE, Reason.STALE_DATA)
    assert [(cell.cell, cell.status) for cell in change.cells] == [
        ("male", Status.NOT_EVALUABLE),
        ("female", Status.NOT_MET),
    ]


def test_a_newer_report_brings_the_verdict_back_and_is_its_cause() -> None:
    engine = an_engine(rate(1, "male", 960), rate(2, "female", 899))
    engine.advance(LAST_DAY + DAY, NOON)

    half = engine.apply([rate(3, "female", 950, **OCTOBER)], NOON)
    whole = engine.apply([rate(4, "male", 950, **OCTOBER)], NOON)

    (one,), (other,) = of(half, "base/1.1"), of(whole, "base/1.1")
    assert (one.to_reason, one.cause) == (Reason.STALE_DATA, Cause.DATA)
    assert (other.to_status, other.cause) == (Status.MET, Cause.DATA)


def test_a_late_report_of_a_period_that_is_too_old_does_not_bring_it_back() -> None:
    engine = an_engine(rate(1, "male", 960), rate(2, "female", 950))
    engine.advance(LAST_DAY + DAY, NOON)

    outcome = engine.apply([rate(3, "female", 940)], NOON)

    assert (outcome.transitions, outcome.evidence) == ([], [])


def test_a_sex_that_falls_silent_while_the_other_never_reported_is_a_change_of_its_own() -> None:
    engine = an_engine(rate(1, "male", 100))

    (change,) = of(engine.advance(LAST_DAY + DAY, NOON), "base/1.1")

    assert (change.from_reason, change.to_reason) == (Reason.MISSING_SEX, Reason.STALE_DATA)


@pytest.mark.parametrize(("value", "status"), [(1.0, Status.NOT_MET), (0.0, Status.NOT_EVALUABLE)])
def test_an_incident_in_fresh_figures_decides_though_another_sector_is_silent(value: float, status: Status) -> None:
    year = {"period_start": dt.date(2024, 1, 1)}
    events = {"unit": "C1", "indicator": "events"} | NIL
    engine = an_engine(
        a_report(1, cell="health", value=value, **events, **(OCTOBER | year)),
        a_report(2, cell="industry_trade", value=0.0, **events, **(SEPTEMBER | year)),
        a_report(3, cell="agriculture", value=1.0, **events, **(SEPTEMBER | year)),
    )

    engine.advance(LAST_DAY + DAY, NOON)

    state = engine.units["C1"]
    found = state.findings[state.plan.position["high/3.2"]]
    stale = finding(Status.NOT_EVALUABLE, Reason.STALE_DATA, ("industry_trade", "agriculture"))
    assert found == (finding(status, Reason.INCIDENT_OPEN, ("health",)) if status is Status.NOT_MET else stale)


def test_what_became_stale_while_nobody_was_there_is_told_at_the_start_as_the_clocks_doing() -> None:
    journal = [rate(1, "male", 960), rate(2, "female", 899)]
    lost = an_engine(*journal)

    restored = Engine(SILENT, LAST_DAY + DAY)
    outcome = restored.restore(journal, as_stored(lost), NOON)
    again = Engine(SILENT, LAST_DAY + DAY).restore(journal, as_stored(restored), NOON)

    (change,) = of(outcome, "base/1.1")
    assert (change.to_reason, change.cause) == (Reason.STALE_DATA, Cause.CLOCK)
    assert change.period_end == SEPTEMBER["period_end"]
    assert again.transitions == []


def test_a_new_policy_finds_figures_stale_by_the_clock_and_its_end_counts_them_again_by_the_rules() -> None:
    journal, after = [rate(1, "male", 960), rate(2, "female", 950)], LAST_DAY + DAY
    without = an_engine(*journal, catalog=a_catalog(), as_of=after)

    silent = Engine(SILENT, after)
    begun = silent.restore(journal, as_stored(without), NOON, rules_changed=True)
    ended = Engine(a_catalog(), after).restore(journal, as_stored(silent), NOON, rules_changed=True)

    assert [(c.to_reason, c.cause) for c in of(begun, "base/1.1")] == [(Reason.STALE_DATA, Cause.CLOCK)]
    assert [(c.to_reason, c.cause) for c in of(ended, "base/1.1")] == [(Reason.TARGET_MET, Cause.RULESET)]


def test_silence_is_a_part_of_the_rules_and_margins_are_none() -> None:
    plain = a_catalog()

    assert with_policies(plain, {"rate": 5}, {}).rules_digest == plain.rules_digest
    assert with_policies(plain, {}, {"rate": 30}).rules_digest != plain.rules_digest
    assert with_policies(plain, {}, {"rate": 30}).rules_digest != with_policies(plain, {}, {"rate": 31}).rules_digest


@given(
    catalog=catalogs,
    journal=reports(),
    days=st.lists(st.dates(dt.date(2024, 1, 1), dt.date(2025, 12, 31)), min_size=1, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_an_engine_that_is_lost_on_any_day_goes_on_from_its_verdicts_on_any_other(
    catalog: str, journal: list[IndicatorReported], days: list[dt.date]
) -> None:
    run = Run(TODAY, catalog)
    run.take(journal)
    engine = run.engine
    for day in days:
        stored = as_stored(engine)
        engine = Engine(CATALOGS[catalog], day)
        engine.restore(list(newest_facts(journal).values()), stored, NOON)

    run.engine = engine
    assert run.findings() == expected(catalog, journal, days[-1]).findings
