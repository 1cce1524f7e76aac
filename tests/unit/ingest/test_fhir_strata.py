"""FHIR strata: which of them are read, and what becomes of the total beside them."""

import msgspec
from fhir.resources.measurereport import MeasureReport as OracleR5
from fhir.resources.R4B.measurereport import MeasureReport as OracleR4
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.formats import native_body
from services.ingest.adapters.formats.fhir_strata import MAX_STRATA
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.tokens import Grant
from shared.contracts.vocabulary import QuarantineReason as Reason
from tests.unit.ingest.conftest import NOW
from tests.unit.ingest.fhir_forms import (
    GENDER,
    a_group,
    a_measure_report,
    by_sex_in_deqm,
    by_sex_in_madx,
    by_sex_in_r5,
    component,
    population,
    ratio,
)
from tests.unit.ingest.fhir_reading import NORMALIZER, facts, faults, read, read_group

CELLS = st.fixed_dictionaries(
    {
        sex: st.integers(1, 10_000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))
        for sex in ("male", "female")
    }
)


@given(cells=CELLS)
def test_a_ratio_by_sex_means_the_same_in_every_way_to_write_it(cells: dict[str, tuple[int, int]]) -> None:
    events = [
        {"id": sex, "commune": "C1", "indicator": "rate", "sex": sex, "period": "2024-09", "numerator": numerator,
         "denominator": denominator, "observed_at": "2024-10-02T08:30:00+07:00", "stage": "final"}
        for sex, (numerator, denominator) in cells.items()
    ]  # fmt: skip
    native = Reading(PayloadFormat.NATIVE_JSON)
    for _ in native_body.read_json(msgspec.json.encode(events), Desk(NORMALIZER, Grant("hmis"), NOW), native):
        pass

    written = [read(write(cells)) for write in (by_sex_in_deqm, by_sex_in_madx, by_sex_in_r5)]

    assert len(native.good) == 2
    assert [facts(reading) for reading in written] == [facts(native)] * 3
    assert [reading.bad for reading in written] == [[], [], []]


def test_the_oracle_reads_every_way_to_write_a_ratio_by_sex() -> None:
    cells = {"male": (80, 100), "female": (90, 100)}

    for document in (by_sex_in_deqm(cells), by_sex_in_madx(cells)):
        OracleR4.model_validate(document)
    OracleR5.model_validate(by_sex_in_r5(cells))


def test_strata_take_the_place_of_the_total_when_the_indicator_is_by_sex() -> None:
    reading = read(by_sex_in_deqm({"male": (80, 100), "female": (90, 100)}))

    assert [draft.event.cell for draft in reading.good] == ["male", "female"]
    assert reading.place(reading.good[1].row) == "MeasureReport.group[0].stratifier[0].stratum[1].population[1]"
    assert (reading.bad, reading.remarks) == ([], [])


def test_a_missing_stratum_is_no_report_and_never_zero() -> None:
    reading = read(by_sex_in_deqm({"male": (80, 100)}))

    assert [draft.event.cell for draft in reading.good] == ["male"]


def test_strata_that_do_not_add_up_to_the_total_are_kept_and_said() -> None:
    document = by_sex_in_deqm({"male": (80, 100), "female": (90, 100)})
    document["group"][0]["population"] = ratio(200, 250)

    reading = read(document)

    assert len(reading.good) == 2
    assert [remark.place for remark in reading.remarks] == ["MeasureReport.group[0].stratifier[0]"] * 2
    assert "170, the group says 200" in reading.remarks[0].text


def test_what_is_wrong_with_a_total_is_said_though_its_strata_are_taken() -> None:
    document = by_sex_in_deqm({"male": (80, 100), "female": (90, 100)})
    document["group"][0]["measureScore"] = {"value": 0.2}

    reading = read(document)

    assert (len(reading.good), reading.bad) == (2, [])
    assert [(remark.place, "wrong_measure" in remark.text) for remark in reading.remarks] == [
        ("MeasureReport.group[0].measureScore", True)
    ]


def test_strata_by_age_alone_leave_the_total_of_an_indicator_that_is_not_by_sex() -> None:
    strata = [{"component": [component("age", "P0Y--P5Y")], "population": ratio(80, 100)}]

    reading = read_group(population=ratio(80, 100), stratifier=[{"stratum": strata}])

    assert [draft.event.numerator for draft in reading.good] == [80]
    assert "age" in reading.remarks[0].text


def test_a_total_without_the_strata_that_are_needed_is_set_aside() -> None:
    strata = [{"component": [component("age", "x"), component(GENDER, "male")], "population": ratio(80, 100)}]

    reading = read_group(code="RATE", population=ratio(80, 100), stratifier=[{"stratum": strata}])

    assert [bad.fault.reason for bad in reading.bad] == [Reason.MISSING_SEX]


def test_strata_by_sex_and_all_ages_count_as_strata_by_sex() -> None:
    strata = [{"component": [component("sex", "all"), component("sector", "farm")], "measureScore": {"value": 3}}]

    reading = read_group(code="EVENTS", population=[population("initial-population", 3)],
                         stratifier=[{"stratum": strata}])  # fmt: skip

    assert [(draft.event.cell, draft.event.value) for draft in reading.good] == [("agriculture", 3)]


def test_strata_that_nobody_can_place_are_set_aside_when_there_is_no_total() -> None:
    strata = [{"component": [component("age", "x")], "population": [population("numerator", 1)]}, {}]

    reading = read_group(stratifier=[{"stratum": strata}])

    assert faults(reading) == [
        (Reason.UNKNOWN_ALIAS, "MeasureReport.group[0].stratifier[0].stratum[0].population[0]"),
        (Reason.NO_MEASURE, "MeasureReport.group[0].stratifier[0].stratum[1]"),
    ]


def test_an_unlisted_sex_is_set_aside_beside_those_that_are_listed() -> None:
    document = by_sex_in_madx({"male": (80, 100), "unknown": (1, 2)})

    reading = read(document)

    assert [draft.event.cell for draft in reading.good] == ["male"]
    assert [bad.fault.reason for bad in reading.bad] == [Reason.UNKNOWN_ALIAS] * 2


def test_the_score_of_a_stratum_of_counts_is_never_taken_for_a_rate() -> None:
    strata = [{"component": [component(GENDER, "male")], "measureScore": {"value": 35}}]

    reading = read_group(code="RATE", population=[population("initial-population", 35)],
                         stratifier=[{"stratum": strata}])  # fmt: skip

    assert [bad.fault.reason for bad in reading.bad] == [Reason.AMBIGUOUS_NUMBER]


def test_a_stratum_that_lies_in_two_options_of_one_category_is_set_aside() -> None:
    stratum = {"component": [component(GENDER, "male"), component(GENDER, "female")], "population": ratio(8, 10)}

    reading = read_group(code="RATE", stratifier=[{"stratum": [stratum]}])

    assert [bad.fault.value for bad in reading.bad] == ["male, female"] * 2


def test_more_strata_than_anybody_sends_are_refused_as_one_group() -> None:
    strata = [{"component": [component(GENDER, "male")], "population": ratio(8, 10)}] * (MAX_STRATA + 1)

    reading = read(
        a_measure_report(a_group("RATE", stratifier=[{"stratum": strata}]), a_group(population=ratio(8, 10)))
    )

    assert (reading.rows, len(reading.good)) == (3, 1)
    assert faults(reading) == [(Reason.UNSUPPORTED_DATA, "MeasureReport.group[0].stratifier")]
