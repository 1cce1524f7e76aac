"""Restarts, changed rules and changed catalogs: what ends is ended, what the law did is told as the law's doing."""

import datetime as dt
from typing import Any

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.findings import NO_DATA, finding
from services.evaluator.domain.outcome import Outcome, StoredVerdict
from services.evaluator.domain.telling import before_cells, tell, verdicts_of
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Cause, Part
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import IndicatorReported, VerdictChanged
from shared.testing.factories import NOON, a_catalog, a_report

NEW_YEAR = dt.date(2024, 1, 1)
NIL: dict[str, Any] = {"numerator": None, "denominator": None}


def an_engine(as_of: dt.date, *reports: IndicatorReported, catalog: Catalog | None = None) -> Engine:
    engine = Engine(catalog or a_catalog(), as_of)
    engine.restore([], {}, NOON)
    engine.apply(reports, NOON)
    return engine


def as_stored(engine: Engine) -> dict[tuple[str, str], StoredVerdict]:
    return {
        (unit.id, node.name): StoredVerdict(found, NOON, node.ruleset, 0)
        for unit in engine.units.values()
        for node, found in zip(unit.plan.nodes, unit.findings, strict=True)
    }


def told(outcome: Outcome) -> list[VerdictChanged]:
    return [tell(change, outcome) for change in outcome.transitions]


def causes(outcome: Outcome, unit: str = "C1") -> dict[str, Cause]:
    return {change.node: change.cause for change in told(outcome) if change.unit == unit}


def mixed(seq: int, **fields: Any) -> IndicatorReported:
    return a_report(seq, unit="C1", indicator="mixed", cell="", **fields)


def test_what_a_new_rule_does_to_a_criterion_and_a_standard_is_told_as_the_rules_doing_too() -> None:
    engine = an_engine(dt.date(2023, 6, 1), mixed(1, numerator=10, denominator=100))

    outcome = engine.advance(NEW_YEAR, NOON)

    assert causes(outcome) == dict.fromkeys(("base/1.4", "base/1", "base", "high"), Cause.RULESET)
    changed = {change.node.name: change for change in outcome.transitions}["base/1.4"]
    before = before_cells(changed, outcome)
    assert [(cell.numerator, cell.status) for cell in before] == [(10, Status.NOT_MET)]


def test_a_certificate_that_expired_while_the_catalog_was_edited_is_told_as_the_clocks_doing() -> None:
    paper = {"unit": "C1", "indicator": "paper", "cell": "", "part": Part.ATTESTATION, "value": 1.0} | NIL
    certificate = a_report(1, valid_until=dt.date(2024, 10, 20), **paper)
    lost = an_engine(dt.date(2024, 10, 15), certificate)

    restored = Engine(a_catalog(), dt.date(2024, 10, 30))
    outcome = restored.restore([certificate], as_stored(lost), NOON, rules_changed=True)

    assert causes(outcome)["base/1.2"] is Cause.CLOCK


def test_dispatches_and_addresses_are_no_part_of_the_rules_but_thresholds_are() -> None:
    plain = a_catalog()
    rules = [rule.model_copy(update={"thresholds": {"default": 91}}) for rule in plain.rules]

    assert a_catalog(digest="test", profiles=[{"source": "x", "name_vi": "X", "aliases": []}]).rules_digest == (
        plain.rules_digest
    )
    assert a_catalog(rules=rules).rules_digest != plain.rules_digest


def test_a_restart_ends_the_roll_ups_and_the_verdicts_of_what_the_catalog_no_longer_has() -> None:
    lost = an_engine(dt.date(2024, 10, 15), a_report(1, unit="C9", indicator="kids", cell="", numerator=90))
    units = [unit for unit in a_catalog().units if unit.id != "C9"]

    restored = Engine(a_catalog(units=units), dt.date(2024, 10, 15))
    outcome = restored.restore([], as_stored(lost), NOON, rollups=[("GONE", "base"), ("D1", "base")])

    assert {change.to_reason for change in told(outcome) if change.unit == "C9"} == {Reason.UNIT_ENDED}
    assert outcome.rollups["GONE", "base"].total == 0
    assert outcome.rollups["D1", "base"].total == 2


def test_a_rule_that_comes_back_goes_on_with_the_chain_it_left() -> None:
    rules = [
        rule.model_copy(update={"effective_to": dt.date(2024, 10, 31)})
        for rule in a_catalog().rules
        if rule.code == "1.3"
    ]
    again = [rules[0].model_copy(update={"effective_from": dt.date(2025, 2, 1), "effective_to": None})]
    engine = an_engine(
        dt.date(2024, 10, 15),
        a_report(1, unit="C1", indicator="kids", cell="", numerator=1, denominator=100),
        catalog=a_catalog(rules=rules + again),
    )

    ended = engine.advance(dt.date(2024, 11, 1), NOON)
    back = engine.advance(dt.date(2025, 2, 1), NOON)

    chain = [c for o in (ended, back) for c in told(o) if c.unit == "C1" and c.node == "base/1.3"]
    assert [(c.from_status, c.to_status, c.cause) for c in chain] == [
        (Status.MET, Status.NOT_APPLICABLE, Cause.RULESET),
        (Status.NOT_APPLICABLE, Status.MET, Cause.RULESET),
    ]


def test_a_report_kept_for_a_later_catalog_makes_its_verdict_when_that_comes() -> None:
    report = a_report(1, unit="C1", indicator="kids", cell="", numerator=1, denominator=100)
    old = a_catalog(
        indicators=[i for i in a_catalog().indicators if i.key != "kids"],
        rules=[r for r in a_catalog().rules if r.indicator != "kids"],
    )
    engine = Engine(old, dt.date(2024, 10, 15))
    engine.restore([], {}, NOON)
    assert engine.apply([report], NOON).unknown == [report]

    upgraded = Engine(a_catalog(), dt.date(2024, 10, 15))
    upgraded.restore([report], as_stored(engine), NOON, rules_changed=True)

    state = upgraded.units["C1"]
    assert state.findings[state.plan.position["base/1.3"]] == finding(Status.MET, Reason.TARGET_MET)


def test_the_fall_of_one_sex_is_told_while_the_other_is_silent_and_so_is_its_recovery() -> None:
    engine = an_engine(dt.date(2024, 10, 15), a_report(1, unit="C1", indicator="rate", cell="male", numerator=960))

    fall = engine.apply([a_report(2, unit="C1", indicator="rate", cell="male", numerator=100)], NOON)
    still = engine.apply([a_report(3, unit="C1", indicator="rate", cell="male", numerator=101)], NOON)
    rise = engine.apply([a_report(4, unit="C1", indicator="rate", cell="male", numerator=970)], NOON)

    evidence = [[tell(change, outcome) for change in outcome.evidence] for outcome in (fall, still, rise)]
    silent, nodes = Status.NOT_EVALUABLE, ("base/1.1", "high/3.1")
    assert [[(e.node, [c.status for c in e.cells]) for e in step] for step in evidence] == [
        [(node, [Status.NOT_MET, silent]) for node in nodes],
        [],
        [(node, [Status.MET, silent]) for node in nodes],
    ]


def test_half_a_report_of_a_newer_period_does_not_hide_a_whole_one_inside_a_window() -> None:
    windowed = [rule.model_copy(update={"window": "calendar_year"}) for rule in a_catalog().rules if rule.code == "1.3"]
    half_year = {"period_start": dt.date(2024, 1, 1), "period_end": dt.date(2024, 6, 30)}
    kids = {"unit": "C1", "indicator": "kids", "cell": ""}
    engine = an_engine(
        dt.date(2024, 10, 15),
        a_report(1, numerator=1, denominator=100, **kids, **half_year),
        a_report(2, part=Part.DENOMINATOR, numerator=None, denominator=90, **kids),
        catalog=a_catalog(rules=windowed),
    )

    assert engine.units["C1"].findings[0].status is Status.MET


def test_correcting_an_older_month_of_the_year_is_a_correction() -> None:
    def month(seq: int, number: int, value: float) -> IndicatorReported:
        first = dt.date(2024, number, 1)
        last = dt.date(2024, number + 1, 1) - dt.timedelta(days=1)
        span = {"period_start": first, "period_end": last}
        return a_report(seq, unit="C1", indicator="events", cell="health", value=value, **NIL, **span)

    engine = an_engine(dt.date(2024, 10, 15), *(month(n, n, float(n == 3)) for n in range(1, 10)))

    outcome = engine.apply([month(20, 3, 0.0)], NOON)

    assert causes(outcome)["high/3.2"] is Cause.CORRECTION


def test_a_verdict_without_data_is_born_silently() -> None:
    engine = Engine(a_catalog(), NEW_YEAR)

    outcome = engine.restore([], {}, NOON)

    assert outcome.transitions == []
    assert verdicts_of(outcome)["C1", "base/1.1"].finding is NO_DATA
