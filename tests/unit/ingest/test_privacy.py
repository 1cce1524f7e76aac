"""Data of single persons is refused with the whole request."""

from collections.abc import Callable
from typing import Any

import pytest

from services.ingest.domain.errors import PatientLevelDataError
from services.ingest.domain.privacy import HARMLESS_FIELDS, refuse_personal_data, refuse_personal_text

Event = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    "field",
    ["ho_ten", "HO_TEN", "hoTen", "patient", "patient_name", "cccd", "ma_the_bhyt", "ma_lk", "dob", "ngay_sinh",
     "trackedEntity", "GIAMDINHHS", "trackedEntityInstances"],
)  # fmt: skip
def test_a_field_that_names_a_person_refuses_the_request(read: Callable[..., Any], an_event: Event, field: str) -> None:
    with pytest.raises(PatientLevelDataError):
        read(an_event(), an_event(id="e2", **{field: "x"}))


@pytest.mark.parametrize("kind", ["Patient", "Encounter", "Observation", "Immunization"])
def test_a_resource_of_a_person_is_found_at_any_depth(kind: str) -> None:
    with pytest.raises(PatientLevelDataError):
        refuse_personal_data({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": kind}}]})


def test_a_report_of_individuals_is_refused_and_a_summary_is_not() -> None:
    refuse_personal_data({"resourceType": "MeasureReport", "type": "summary"})
    with pytest.raises(PatientLevelDataError):
        refuse_personal_data({"resourceType": "MeasureReport", "type": "individual"})


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":"e1","ho_ten":"Nguyen Van A","num',
        b'{"patient":{"na',
        b"<GIAMDINHHS><THONGTINDONVI>",
        b'{"resourceType": "Patient", "na',
        b'{"MA_THE_BHYT":"x',
    ],
)
def test_marks_of_persons_are_found_in_text_that_cannot_be_decoded(raw: bytes, read: Callable[..., Any]) -> None:
    with pytest.raises(PatientLevelDataError):
        refuse_personal_text(raw)
    with pytest.raises(PatientLevelDataError):
        read(raw)


@pytest.mark.parametrize(
    "raw", [b'{"id":"e1","commune":"C1","patients_seen":5', b'{"note":"patient', b"<dataValueSet>"]
)
def test_counts_of_people_and_words_in_texts_are_no_marks(raw: bytes) -> None:
    refuse_personal_text(raw)


def test_a_key_hidden_by_escapes_is_found(read: Callable[..., Any]) -> None:
    with pytest.raises(PatientLevelDataError):
        read(b'{"id":"e1","ho\\u005ften":"x"}')


def test_no_field_that_is_passed_over_quickly_is_personal() -> None:
    for name in HARMLESS_FIELDS:
        refuse_personal_data({name: 1, "beside": 2})


@pytest.mark.parametrize("kind", ["individual", "subject-list", "data-collection", "data-exchange"])
def test_measure_reports_on_single_persons_are_refused_anywhere(kind: str) -> None:
    with pytest.raises(PatientLevelDataError):
        refuse_personal_data({"data": [{"resourceType": "MeasureReport", "type": kind}]})


def test_a_measure_report_whose_type_is_no_text_names_no_person() -> None:
    refuse_personal_data({"resourceType": "MeasureReport", "type": {"a": 1}})
