"""The numbers of FHIR MeasureReports: what becomes of every one, and where it stood."""

from typing import Any

import msgspec
import pytest

from shared.contracts.vocabulary import Part, Stage
from shared.contracts.vocabulary import QuarantineReason as Reason
from tests.unit.ingest.fhir_forms import (
    a_group,
    a_measure_report,
    concept,
    population,
    ratio,
)
from tests.unit.ingest.fhir_reading import faults, read, read_body, read_group


def test_numerator_and_denominator_become_one_report_with_place_time_and_stage() -> None:
    reading = read_group(population=ratio(80, 100), measureScore={"value": 0.8})

    (draft,) = reading.good
    event = draft.event
    assert (event.unit, event.indicator, event.numerator, event.denominator) == ("C1", "kids", 80, 100)
    assert (event.period_start.isoformat(), event.period_end.isoformat()) == ("2024-09-01", "2024-09-30")
    assert (event.observed_at.isoformat(), event.stage) == ("2024-10-02T01:30:00+00:00", Stage.FINAL)
    assert reading.rows == 2
    assert [reading.place(row) for row in (draft.row, *draft.mates)] == [
        "MeasureReport.group[0].population[1]",
        "MeasureReport.group[0].population[2]",
    ]


def test_the_initial_population_stands_in_for_a_missing_denominator() -> None:
    reading = read_group(population=[population("initial-population", 100), population("numerator", 80)])

    assert (reading.good[0].event.numerator, reading.good[0].event.denominator) == (80, 100)


def test_a_lone_half_of_a_ratio_is_a_half_report() -> None:
    assert read_group(population=[population("denominator", 100)]).good[0].event.part is Part.DENOMINATOR


def test_pending_is_provisional_and_reconciled_is_final() -> None:
    group = a_group(population=ratio(80, 100))
    extension = [{"url": "https://example.org/realtime-vs-reconciled", "valueCode": "reconciled"}]

    assert read(a_measure_report(group, status="pending")).good[0].event.stage is Stage.PROVISIONAL
    assert read(a_measure_report(group, status="pending", extension=extension)).good[0].event.stage is Stage.FINAL


def test_the_rows_of_a_withdrawn_report_are_set_aside_for_good() -> None:
    reading = read(a_measure_report(a_group(population=ratio(80, 100)), status="error"))

    assert [bad.fault.reason for bad in reading.bad] == [Reason.UNSUPPORTED_DATA] * 2
    assert {bad.fault.detail.split(":")[0] for bad in reading.bad} == {"withdrawn"}
    assert not any(bad.raw.startswith(b"[") for bad in reading.bad)


def test_an_attestation_is_a_yes_or_no() -> None:
    score = {"extension": [{"url": "http://x/StructureDefinition/deqm-alternateScoreType", "valueBoolean": True}]}

    reading = read_group(code="PAPER", population=[population("initial-population", 15)], measureScore=score)

    assert (reading.good[0].event.part, reading.good[0].event.value) == (Part.ATTESTATION, 1.0)


@pytest.mark.parametrize(
    ("score", "more", "value"),
    [
        pytest.param({"value": 96.7, "unit": "%"}, {}, 96.7, id="unit percent"),
        pytest.param({"value": 96.7, "code": "%"}, {}, 96.7, id="UCUM percent"),
        pytest.param({"value": 0.967, "code": "1"}, {}, 96.7, id="UCUM unity"),
        pytest.param({"value": 0.967}, {"scoring": concept("proportion")}, 96.7, id="R5 scoring"),
        pytest.param(
            {"value": 0.967},
            {"extension": [{"url": "http://x/deqm-measureScoring", "valueCodeableConcept": concept("proportion")}]},
            96.7,
            id="DEQM scoring",
        ),
    ],
)
def test_a_score_alone_is_a_rate_in_the_unit_that_somebody_states(
    score: dict[str, Any], more: dict[str, Any], value: float
) -> None:
    reading = read(a_measure_report(a_group("SHARE", measureScore=score), **more))

    assert reading.good[0].event.value == pytest.approx(value)


def test_the_unit_of_the_alias_holds_for_a_score_without_one() -> None:
    assert read_group(code="SHARE_F", measureScore={"value": 0.967}).good[0].event.value == pytest.approx(96.7)
    assert read_group(code="SHARE_F", measureScore={"value": 96.7, "unit": "%"}).good[0].event.value == 96.7


@pytest.mark.parametrize(
    ("fields", "reason", "place"),
    [
        pytest.param({"code": "SHARE", "measureScore": {"value": 0.5}}, Reason.AMBIGUOUS_NUMBER, "measureScore",
                     id="nobody states the unit"),
        pytest.param({"code": "SHARE", "measureScore": {"value": 96.7, "code": "1"}}, Reason.AMBIGUOUS_NUMBER,
                     "measureScore", id="a fraction above 1"),
        pytest.param({"population": ratio(80, 100), "measureScore": {"value": 0.5}}, Reason.WRONG_MEASURE,
                     "measureScore", id="the score contradicts the counts"),
        pytest.param({"population": ratio(80, 100), "measureScore": {"value": 0.8, "unit": "%"}}, Reason.WRONG_MEASURE,
                     "measureScore", id="0.8 % is not 80 of 100"),
        pytest.param({"population": [population("numerator", 80)], "measureScore": {"value": 0.8}},
                     Reason.WRONG_MEASURE, "measureScore", id="a score beside half a ratio"),
        pytest.param({"population": [population("initial-population", 80)]}, Reason.WRONG_MEASURE, "population",
                     id="no count is numerator or denominator"),
        pytest.param({"code": "SHARE", "population": ratio(5000, 2600), "measureScore": {"value": 0.9}},
                     Reason.NUMERATOR_OVER_DENOMINATOR, "population[1]", id="more than all beside a score"),
        pytest.param({"population": [*ratio(80, 100), population("denominator-exclusion", 5)]},
                     Reason.AMBIGUOUS_NUMBER, "population[3]", id="persons excluded"),
        pytest.param({"population": [*ratio(80, 100), population("numerator", 81)]}, Reason.AMBIGUOUS_NUMBER,
                     "population[3]", id="two numerators"),
        pytest.param({"code": "KIDS_N", "population": [population("denominator", 100)]}, Reason.WRONG_MEASURE,
                     "population", id="a denominator where the profile says numerator"),
        pytest.param({"code": "KIDS_N", "measureScore": {"value": 80, "unit": "%"}}, Reason.WRONG_MEASURE,
                     "measureScore", id="a percentage as a count"),
        pytest.param({"code": "PAPER", "population": ratio(1, 2)}, Reason.WRONG_MEASURE, "population",
                     id="counts where the profile expects one value"),
        pytest.param({"measureScoreDateTime": "2024"}, Reason.UNSUPPORTED_DATA, "measureScoreDateTime", id="a date"),
        pytest.param({}, Reason.NO_MEASURE, "population", id="nothing"),
        pytest.param({"population": [{"code": concept("numerator")}]}, Reason.NO_MEASURE, "population",
                     id="a population without a count"),
        pytest.param({"modifierExtension": [{"url": "x"}], "population": ratio(1, 2)}, Reason.UNSUPPORTED_DATA,
                     "modifierExtension", id="an extension that changes the meaning"),
        pytest.param({"population": [population("numerator", "80")]}, Reason.WRONG_TYPE, "population[0].count",
                     id="a count in quotes"),
        pytest.param({"population": [population("numerator", True)]}, Reason.WRONG_TYPE, "population[0].count",
                     id="a count that is a truth value"),
        pytest.param({"population": [population("numerator", 10**400)]}, Reason.NUMBER_TOO_LARGE, "population[0]",
                     id="a count of 400 digits"),
        pytest.param({"population": [population("numerator", 80.5)]}, Reason.NOT_AN_INTEGER, "population[0]",
                     id="half a person"),
        pytest.param({"code": "SHARE", "population": ratio(120, 100)}, Reason.NUMERATOR_OVER_DENOMINATOR,
                     "population[1]", id="more than all"),
        pytest.param({"code": "OTHER", "population": [population("numerator", 1)]}, Reason.UNKNOWN_ALIAS,
                     "population[0]", id="a group that the profile does not know"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_group_is_said_at_its_place(fields: dict[str, Any], reason: Reason, place: str) -> None:
    good = a_group(population=ratio(80, 100))

    body = read(a_measure_report(a_group(**fields), good))

    assert faults(body) == [(reason, f"MeasureReport.group[0].{place}")]
    assert [draft.event.indicator for draft in body.good] == ["kids"]


@pytest.mark.parametrize("number", [b"NaN", b"1e400", b"-Infinity"])
@pytest.mark.parametrize("place", ["count", "score"])
def test_numbers_that_are_none_are_set_aside(number: bytes, place: str) -> None:
    fields: dict[str, Any] = {"measureScore": {"value": 7777}} if place == "score" else {}
    document = a_measure_report(a_group(population=ratio(80, 7777 if place == "count" else 100), **fields))

    reading = read_body(msgspec.json.encode(document).replace(b"7777", number))

    assert [bad.fault.reason for bad in reading.bad] == [Reason.NOT_A_NUMBER]
    assert not reading.good
