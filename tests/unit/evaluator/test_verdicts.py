"""Verdicts of one commune: sexes, sectors, incidents, certificates, attestations and what hangs on them."""

import datetime as dt
from typing import Any

import pytest

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.findings import Finding, finding
from services.evaluator.domain.telling import tell
from shared.contracts.vocabulary import Cause, Part
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import IndicatorReported
from shared.testing.factories import NOON, a_catalog, a_report

TODAY = dt.date(2024, 10, 15)
NIL: dict[str, Any] = {"numerator": None, "denominator": None}
YEAR: dict[str, Any] = {"period_start": dt.date(2024, 1, 1), "period_end": dt.date(2024, 12, 31)}
SECTORS = ("health", "industry_trade", "agriculture")


class Commune:
    """The engine seen from one commune."""

    def __init__(self, unit: str = "C1", as_of: dt.date = TODAY) -> None:
        self.engine = Engine(a_catalog(), as_of)
        self.engine.restore([], {}, NOON)
        self.unit = unit
        self.seq = 0
        self.causes: list[tuple[str, Cause]] = []

    def report(self, indicator: str, cell: str = "", **fields: Any) -> "Commune":
        self.seq += 1
        report = a_report(self.seq, unit=self.unit, indicator=indicator, cell=cell, **fields)
        return self.take(report)

    def take(self, *reports: IndicatorReported) -> "Commune":
        outcome = self.engine.apply(reports, NOON)
        self.causes += [(change.node.name, change.cause) for change in outcome.transitions]
        return self

    def on(self, day: dt.date) -> "Commune":
        outcome = self.engine.advance(day, NOON)
        self.causes = [(c.node.name, c.cause) for c in outcome.transitions if c.unit == self.unit]
        return self

    def __getitem__(self, node: str) -> Finding:
        state = self.engine.units[self.unit]
        return state.findings[state.plan.position[node]]


def test_both_sexes_must_meet_the_target() -> None:
    commune = Commune().report("rate", "male", numerator=960).report("rate", "female", numerator=899)

    assert commune["base/1.1"] == finding(Status.NOT_MET, Reason.BELOW_TARGET, ("female",))


def test_a_missing_sex_is_not_evaluable_even_when_the_other_fails() -> None:
    commune = Commune().report("rate", "male", numerator=100)

    assert commune["base/1.1"] == finding(Status.NOT_EVALUABLE, Reason.MISSING_SEX, ("female",))


def test_one_report_feeds_every_rule_that_reads_it() -> None:
    commune = Commune().report("rate", "male", numerator=960).report("rate", "female", numerator=940)

    assert commune["base/1.1"].status is Status.MET
    assert commune["high/3.1"] == finding(Status.NOT_MET, Reason.BELOW_TARGET, ("female",))


def test_the_ceiling_of_the_region_holds_before_the_default() -> None:
    near, far = Commune("C1"), Commune("C2")

    for commune in (near, far):
        commune.report("kids", numerator=23, denominator=100)

    assert (near["base/1.3"].status, far["base/1.3"].status) == (Status.MET, Status.NOT_MET)


def test_sectors_add_up_and_one_that_has_nothing_to_count_takes_part_with_zero() -> None:
    commune = Commune().report("food", "health", numerator=10, denominator=10)
    assert commune["base/2.1"] == finding(Status.NOT_EVALUABLE, Reason.MISSING_SECTOR, SECTORS[1:])

    commune.report("food", "industry_trade", numerator=0, denominator=0)
    commune.report("food", "agriculture", numerator=4, denominator=5)

    assert commune["base/2.1"] == finding(Status.NOT_MET, Reason.BELOW_TARGET, ("agriculture",))


def test_no_incident_needs_a_positive_report_of_every_sector_for_the_whole_year_so_far() -> None:
    commune = Commune()
    for sector in SECTORS[:2]:
        commune.report("events", sector, value=0.0, **NIL, **YEAR)
    september: dict[str, Any] = {"period_start": dt.date(2024, 9, 1), "period_end": dt.date(2024, 9, 30)}

    commune.report("events", "agriculture", value=0.0, **NIL, **september)
    assert commune["high/3.2"] == finding(Status.NOT_EVALUABLE, Reason.NO_POSITIVE_REPORT, ("agriculture",))

    first_half: dict[str, Any] = {"period_start": dt.date(2024, 1, 1), "period_end": dt.date(2024, 8, 31)}
    commune.report("events", "agriculture", value=0.0, **NIL, **first_half)
    assert commune["high/3.2"] == finding(Status.MET, Reason.NO_INCIDENT)


def test_an_incident_stays_open_until_it_is_corrected_or_the_year_ends() -> None:
    commune = Commune()
    for sector in SECTORS:
        commune.report("events", sector, value=0.0, **NIL, **YEAR)
    commune.report("events", "health", value=1.0, **NIL, **YEAR)
    assert commune["high/3.2"] == finding(Status.NOT_MET, Reason.INCIDENT_OPEN, ("health",))

    assert commune.on(dt.date(2025, 1, 1))["high/3.2"].status is Status.NOT_EVALUABLE
    assert ("high/3.2", Cause.CLOCK) in commune.causes

    commune.on(TODAY).report("events", "health", value=0.0, **NIL, **YEAR)
    assert commune["high/3.2"] == finding(Status.MET, Reason.NO_INCIDENT)
    assert ("high/3.2", Cause.CORRECTION) in commune.causes


@pytest.mark.parametrize(
    ("valid_until", "last_day"),
    [
        pytest.param(dt.date(2025, 3, 9), dt.date(2025, 3, 9), id="the reported last day"),
        pytest.param(None, dt.date(2026, 12, 31), id="three years from the start of the period"),
    ],
)
def test_a_certificate_expires_without_any_report(valid_until: dt.date | None, last_day: dt.date) -> None:
    certificate: dict[str, Any] = {"part": Part.ATTESTATION, "value": 1.0, "valid_until": valid_until}
    commune = Commune().report("paper", **certificate, **NIL, **YEAR)
    assert commune["base/1.2"] == finding(Status.MET, Reason.CERTIFICATE_VALID)

    assert commune.on(last_day)["base/1.2"].status is Status.MET
    assert commune.on(last_day + dt.timedelta(days=1))["base/1.2"].reason is Reason.CERTIFICATE_EXPIRED
    assert ("base/1.2", Cause.CLOCK) in commune.causes


def test_a_rule_that_turns_from_rate_to_attestation_changes_verdicts_by_ruleset_and_rates_become_information() -> None:
    commune = Commune(as_of=dt.date(2023, 6, 1)).report("mixed", numerator=80, denominator=100)
    assert commune["base/1.4"].status is Status.MET

    commune.on(dt.date(2024, 1, 1))
    assert commune["base/1.4"] == finding(Status.NOT_EVALUABLE, Reason.NO_ATTESTATION)
    assert ("base/1.4", Cause.RULESET) in commune.causes

    commune.report("mixed", part=Part.ATTESTATION, value=1.0, **NIL)
    commune.report("mixed", numerator=1, denominator=100)
    assert commune["base/1.4"] == finding(Status.MET, Reason.ATTESTED)


def test_a_township_is_judged_but_has_no_title_and_a_ward_has_no_rules() -> None:
    township, ward = Commune("T1"), Commune("W1")
    township.report("rate", "male", numerator=100).report("rate", "female", numerator=100)
    ward.report("rate", "male", numerator=100)

    assert township["base/1.1"].status is Status.NOT_MET
    assert township["base"] == finding(Status.NOT_APPLICABLE, Reason.NO_TITLE_FOR_UNIT)
    assert ward.engine.units["W1"].findings == []


def test_the_verdicts_of_a_unit_that_ended_are_not_applicable() -> None:
    commune = Commune("C9").report("rate", "male", numerator=100).report("rate", "female", numerator=100)

    outcome = commune.engine.advance(dt.date(2025, 1, 1), NOON)

    changes = [tell(change, outcome) for change in outcome.transitions]
    ended = {change.node: change for change in changes if change.unit == "C9"}
    assert ended["base/1.1"].to_reason is Reason.UNIT_ENDED
    assert {change.to_status for change in ended.values()} == {Status.NOT_APPLICABLE}


def test_a_change_moves_the_counts_of_district_and_province_once() -> None:
    commune = Commune()
    certificate: dict[str, Any] = {"part": Part.ATTESTATION, "value": 1.0, **NIL, **YEAR}
    commune.report("paper", **certificate).report("mixed", **certificate)
    commune.report("kids", numerator=1, denominator=100)
    for sector in SECTORS:
        commune.report("food", sector, numerator=1, denominator=1)
    commune.report("rate", "male", numerator=990).report("rate", "female", numerator=990)

    counts = commune.engine.rollups.counts
    assert {place: counts[place, "base"].counts[Status.MET] for place in ("D1", "P1")} == {"D1": 1, "P1": 1}
    assert counts["D1", "base"].total == 3


def test_the_higher_standard_needs_the_lower_one() -> None:
    commune = Commune().report("rate", "male", numerator=990).report("rate", "female", numerator=990)
    for sector in SECTORS:
        commune.report("events", sector, value=0.0, **NIL, **YEAR)

    assert (commune["high/3"].status, commune["base"].status) == (Status.MET, Status.NOT_EVALUABLE)
    assert commune["high"].status is Status.NOT_EVALUABLE


def test_numbers_that_move_under_a_standing_verdict_are_told_as_evidence() -> None:
    commune = Commune().report("kids", numerator=30, denominator=100)

    outcome = commune.engine.apply(
        [a_report(9, unit="C1", indicator="kids", cell="", numerator=29, denominator=100)], NOON
    )

    assert outcome.transitions == []
    (evidence,) = [tell(change, outcome) for change in outcome.evidence]
    assert (evidence.node, evidence.cells[0].numerator, evidence.cells[0].gap) == ("base/1.3", 29, 5)


def test_a_report_that_the_catalog_has_no_place_for_is_told() -> None:
    stranger = a_report(1, unit="C1", indicator="unheard_of")

    outcome = Commune().engine.apply([stranger], NOON)

    assert outcome.unknown == [stranger]
