"""FHIR MeasureReports and Bundles as a whole: whom they are about, when, and what is refused."""

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError, UnsupportedFormatError
from services.ingest.domain.privacy import PERSONAL_FIELDS, plain_letters
from shared.contracts.vocabulary import QuarantineReason as Reason
from tests.unit.ingest.fhir_forms import (
    a_bundle,
    a_group,
    a_measure_report,
    concept,
    population,
    ratio,
)
from tests.unit.ingest.fhir_reading import faults, read, read_body, read_group


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        pytest.param({"status": None}, Reason.MISSING_FIELD, "status", id="no status"),
        pytest.param({"status": "draft"}, Reason.WRONG_TYPE, "status", id="another status"),
        pytest.param({"type": None}, Reason.MISSING_FIELD, "type", id="no type"),
        pytest.param({"type": "else"}, Reason.UNSUPPORTED_DATA, "type", id="another type"),
        pytest.param({"dataUpdateType": "incremental"}, Reason.UNSUPPORTED_DATA, "dataUpdateType", id="an increment"),
        pytest.param({"implicitRules": "http://x"}, Reason.UNSUPPORTED_DATA, "implicitRules", id="rules of others"),
        pytest.param({"group": []}, Reason.NO_MEASURE, "group", id="no group"),
        pytest.param({"period": "2024"}, Reason.WRONG_TYPE, "period", id="a period that is a text"),
    ],
)
def test_what_is_wrong_with_a_report_spoils_only_that_report(
    fields: dict[str, Any], reason: Reason, field: str
) -> None:
    bad = a_measure_report(a_group(population=ratio(1, 2)), **fields)

    reading = read(a_bundle(bad, a_measure_report(a_group(population=ratio(80, 100)))))

    assert faults(reading) == [(reason, f"Bundle.entry[0].resource.{field}")]
    assert [reading.place(draft.row) for draft in reading.good] == ["Bundle.entry[1].resource.group[0].population[1]"]


@pytest.mark.parametrize("kind", ["individual", "subject-list", "data-collection", "data-exchange"])
def test_reports_on_single_persons_refuse_the_request(kind: str) -> None:
    with pytest.raises(PatientLevelDataError):
        read(a_bundle(a_measure_report(a_group(population=ratio(8, 10))), a_measure_report(type=kind)))


@pytest.mark.parametrize("reference", ["Patient/1", "https://x.org/fhir/Patient/1", "RelatedPerson/2"])
def test_a_summary_about_one_person_refuses_the_request(reference: str) -> None:
    with pytest.raises(PatientLevelDataError):
        read(a_measure_report(a_group(population=ratio(1, 1)), subject={"reference": reference}))


@pytest.mark.parametrize("reference", ["Patient/1", "http://x.org/Encounter/2"])
def test_a_summary_that_lists_persons_refuses_the_request(reference: str) -> None:
    with pytest.raises(PatientLevelDataError):
        read(a_measure_report(a_group(population=ratio(1, 1)), evaluatedResource=[{"reference": reference}]))


def test_a_bundle_with_a_clinical_resource_refuses_the_request() -> None:
    with pytest.raises(PatientLevelDataError):
        read(a_bundle(a_measure_report(a_group(population=ratio(8, 10))), {"resourceType": "Encounter"}))


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        pytest.param("2024", "2024", "2024-01-01", "2024-12-31", id="a year"),
        pytest.param("2024-02", "2024-02", "2024-02-01", "2024-02-29", id="a month"),
        pytest.param("2024-01-01T00:00:00+07:00", "2024-09-30T23:59:59+07:00", "2024-01-01", "2024-09-30", id="times"),
        pytest.param("2024-08-31T17:00:00Z", "2024-09-30T16:59:59Z", "2024-09-01", "2024-09-30", id="our days in UTC"),
        pytest.param("2024-09-01T00:00:00Z", "2024-09-30T23:59:59.999Z", "2024-09-01", "2024-09-30", id="UTC's days"),
    ],
)
def test_a_period_is_cut_to_whole_days(start: str, end: str, first: str, last: str) -> None:
    reading = read(a_measure_report(a_group(population=ratio(8, 10)), period={"start": start, "end": end}))

    event = reading.good[0].event
    assert (event.period_start.isoformat(), event.period_end.isoformat()) == (first, last)


@pytest.mark.parametrize("period", [{"start": "2024-09-01"}, {"start": "2024-13", "end": "2024-12"}, {}])
def test_a_period_that_is_none_is_set_aside(period: dict[str, str]) -> None:
    reading = read(a_measure_report(a_group(population=[population("numerator", 8)]), period=period))

    assert [bad.fault.reason for bad in reading.bad] == [Reason.BAD_PERIOD]


@pytest.mark.parametrize(
    ("date", "moment"), [("2024-10-02", "2024-10-01T17:00:00+00:00"), ("2024-10", "2024-09-30T17:00:00+00:00")]
)
def test_a_date_without_a_time_is_the_start_of_that_day_where_the_source_is(date: str, moment: str) -> None:
    reading = read(a_measure_report(a_group(population=ratio(8, 10)), date=date))

    assert reading.good[0].event.observed_at.isoformat() == moment


def test_a_report_without_a_date_gets_its_moment_on_arrival_or_from_the_request() -> None:
    document = a_measure_report(a_group(population=ratio(8, 10)), date=None, period=None)

    reading = read(document, observed_at="2024-10-05T00:00:00Z", period="202409")

    assert reading.good[0].event.observed_at.isoformat() == "2024-10-05T00:00:00+00:00"
    assert read(a_measure_report(a_group(population=ratio(8, 10)), date=None)).good[0].arrival is not None


@pytest.mark.parametrize(
    ("subject", "unit"),
    [
        pytest.param({"identifier": {"value": "C2"}, "display": "Trạm Y tế"}, "C2", id="an identifier"),
        pytest.param({"reference": "Location/C2"}, "C2", id="an id that is a code"),
        pytest.param(
            {"reference": "https://x.org/fhir/Location/station-1/_history/3"}, "C1", id="an id of the profile"
        ),
        pytest.param({"reference": "Location/a"}, "C2", id="a location of the Bundle"),
        pytest.param({"reference": "urn:uuid:1"}, "C2", id="an organisation by its full URL"),
        pytest.param({"reference": "#post1"}, "C2", id="a contained location that the profile knows"),
        pytest.param({"reference": "#named"}, "C1", id="a contained location by its name"),
        pytest.param({"display": "Xã Một"}, "C1", id="a name alone"),
        pytest.param(None, "C2", id="the reporter without a subject"),
    ],
)
def test_the_unit_is_whom_the_subject_means(subject: dict[str, Any] | None, unit: str) -> None:
    contained = [
        {"resourceType": "Location", "id": "post1", "name": "Good Health Post"},
        {"resourceType": "Location", "id": "named", "name": "Xã Một"},
    ]
    report = a_measure_report(a_group(population=ratio(8, 10)), subject=subject, contained=contained,
                              reporter={"identifier": {"value": "C2"}})  # fmt: skip
    location = {"resourceType": "Location", "id": "a", "identifier": [{"value": "C2"}], "name": "Xã Hai"}
    organization = {"resourceType": "Organization", "id": "b", "identifier": [{"value": "x"}, {"value": "post1"}],
                    "name": "Trạm Y tế xã Hai"}  # fmt: skip

    reading = read(a_bundle(report, location, {"fullUrl": "urn:uuid:1", "resource": organization}))

    assert [draft.event.unit for draft in reading.good] == [unit]


def test_a_group_without_a_code_is_named_by_its_link_its_id_or_the_measure() -> None:
    numbers = ratio(8, 10)

    assert read(a_measure_report({"linkId": "KIDS", "population": numbers})).good[0].event.indicator == "kids"
    assert read(a_measure_report({"id": "SHARE", "population": numbers})).good[0].event.indicator == "share"
    assert read(a_measure_report({"id": "g1", "population": numbers})).good[0].event.indicator == "kids"
    assert read_group(code="no-such-part", population=numbers).bad[0].fault.value == "no-such-part"


def test_the_first_code_that_the_profile_knows_names_the_group() -> None:
    group = {"code": concept("LOCAL-1", "SHARE", "KIDS"), "population": ratio(8, 10)}

    assert read(a_measure_report(group)).good[0].event.indicator == "share"


@pytest.mark.parametrize(
    "fields",
    [
        {"measure": "m" * 10_000},
        {"date": "2" * 10_000},
        {"period": {"start": "2" * 10_000, "end": "2024"}},
        {"subject": {"identifier": {"value": "C" * 10_000}}},
    ],
)
def test_a_long_text_that_would_go_into_every_row_is_refused_once(fields: dict[str, Any]) -> None:
    groups = [a_group(population=ratio(8, 10))] * 100

    reading = read(a_measure_report(*groups, **fields))

    assert [(bad.fault.reason, bad.fault.field) for bad in reading.bad] == [(Reason.WRONG_TYPE, next(iter(fields)))]
    assert reading.rows == 1


def test_many_reports_that_mean_one_large_resource_look_it_up_once() -> None:
    location = {"resourceType": "Location", "id": "a", "identifier": [{"value": "x"}] * 20_000 + [{"value": "post1"}]}
    group, subject = a_group(population=ratio(8, 10)), {"reference": "Location/a"}
    days = [f"2024-09-{day:02d}" for day in range(1, 31)] * 40
    reports = [a_measure_report(group, subject=subject, date=day) for day in days]
    started = time.process_time()

    reading = read(a_bundle(location, *reports))

    assert {draft.event.unit for draft in reading.good} == {"C2"}
    assert time.process_time() - started < 5


def test_a_transaction_is_read_like_a_post_and_a_deletion_is_not() -> None:
    put = {"request": {"method": "PUT", "url": "MeasureReport/1"},
           "resource": a_measure_report(a_group(population=ratio(8, 10)))}  # fmt: skip
    delete = {"request": {"method": "DELETE", "url": "MeasureReport/1"}}

    reading = read(a_bundle(put, delete, {"response": {"status": "200"}}, type="transaction"))

    assert len(reading.good) == 1
    assert faults(reading) == [(Reason.UNSUPPORTED_DATA, "Bundle.entry[1]")]


def test_entries_that_are_no_resources_spoil_only_themselves() -> None:
    good = {"resource": a_measure_report(a_group(population=ratio(8, 10)))}
    document = a_bundle(good) | {"entry": [7, good, {"resource": "x"}, {"resource": a_bundle()}]}

    reading = read(document)

    assert len(reading.good) == 1
    assert [reason for reason, _ in faults(reading)] == [Reason.WRONG_TYPE, Reason.WRONG_TYPE, Reason.UNSUPPORTED_DATA]


def test_a_bundle_without_any_report_says_so() -> None:
    reading = read(a_bundle({"resourceType": "Location", "id": "a"}))

    assert (reading.rows, [remark.place for remark in reading.remarks]) == (0, ["Bundle.entry"])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"resourceType":"Measure"}', b'{"resourceType":"Bundle","entry":7}']
)
def test_a_body_that_is_no_report_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        read_body(body)


def test_fhir_in_xml_is_refused_with_what_to_send() -> None:
    with pytest.raises(UnsupportedFormatError, match=r"application/fhir\+json"):
        read_body(b'<MeasureReport xmlns="http://hl7.org/fhir"/>')


def test_a_byte_order_mark_does_no_harm() -> None:
    assert read_body(b"\xef\xbb\xbf" + msgspec.json.encode(a_measure_report(a_group(population=ratio(8, 10))))).good


# hypothesis takes words from our own code, also names of persons' data, for which a report is refused as a whole.
NAMES = st.text(max_size=5).filter(lambda name: plain_letters(name) not in PERSONAL_FIELDS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


@given(field=st.sampled_from(["status", "measure", "subject", "reporter", "date", "period", "group", "contained",
                              "extension", "scoring", "implicitRules", "modifierExtension"]), junk=JSON)  # fmt: skip
def test_whatever_stands_in_a_field_the_report_is_taken_or_set_aside(field: str, junk: Any) -> None:
    reading = read(a_measure_report(a_group(population=ratio(8, 10))) | {field: junk})

    mates = [item.mates for item in reading.good] + [item.mates for item in reading.bad]
    assert reading.rows == len(mates) + sum(map(len, mates))


@given(field=st.sampled_from(["code", "population", "measureScore", "stratifier", "subject", "extension", "id",
                              "measureScoreInteger", "measureScoreQuantity"]), junk=JSON)  # fmt: skip
def test_whatever_stands_in_a_group_the_next_group_is_taken(field: str, junk: Any) -> None:
    bad = a_group("SHARE", population=ratio(8, 10)) | {field: junk}

    reading = read(a_measure_report(bad, a_group(population=ratio(8, 10))))

    assert "kids" in [draft.event.indicator for draft in reading.good]
