"""DHIS2 data value sets: one number a row, and what the alias table makes of it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from services.ingest.adapters.formats.dhis2 import decode_data_value_set, read_data_values
from services.ingest.adapters.formats.dhis2_parameters import read_dry_run
from services.ingest.adapters.intake import alias_tables
from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError, UnsupportedRequestError
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Part, Stage
from shared.contracts.vocabulary import QuarantineReason as Reason

ReadSet = Callable[..., Reading]
TIME = "2024-10-02T01:30:00.000+0000"


def a_value(**fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "dataElement": "Cards",
        "categoryOptionCombo": "Male",
        "period": "202409",
        "orgUnit": "C1",
        "value": "950",
        "lastUpdated": TIME,
    }
    return {name: value for name, value in (known | fields).items() if value is not None}


@pytest.fixture
def read_set(desk: Desk, catalog: Catalog) -> ReadSet:
    """Reads data values; keywords stand above the rows."""

    def run(*values: Any, **above: Any) -> Reading:
        reading = Reading(PayloadFormat.DHIS2)
        request = decode_data_value_set(msgspec.json.encode(above | {"dataValues": list(values)}))
        for _ in read_data_values(request, desk, reading, alias_tables(catalog)["hmis"]):
            pass
        return reading

    return run


def test_numerator_and_denominator_of_one_request_become_one_report(read_set: ReadSet) -> None:
    reading = read_set(a_value(), a_value(dataElement="People", value=1000))

    (draft,) = reading.good
    assert (draft.row, draft.mate) == (0, 1)
    assert (draft.event.numerator, draft.event.denominator, draft.event.cell) == (950, 1000, "male")
    assert draft.event.part is Part.MEASURE
    assert reading.rows == 2


def test_a_lone_half_becomes_half_a_report(read_set: ReadSet) -> None:
    reading = read_set(a_value(), a_value(dataElement="People", period="202408"))

    assert [draft.event.part for draft in reading.good] == [Part.NUMERATOR, Part.DENOMINATOR]


def test_what_stands_above_the_rows_holds_for_those_that_do_not_say(read_set: ReadSet) -> None:
    bare = {"value": "950", "categoryOptionCombo": "Male"}

    reading = read_set(bare, bare | {"dataElement": "People", "value": "1000"}, dataElement="Cards", period="202409",
                       orgUnit="OrgUnit0001", completeDate="2024-10-02")  # fmt: skip

    (draft,) = reading.good
    assert (draft.event.unit, draft.event.stage) == ("C1", Stage.FINAL)


@pytest.mark.parametrize("value", ["true", True, "1", 1, "1.0"])
def test_a_yes_comes_in_many_forms(read_set: ReadSet, value: Any) -> None:
    (draft,) = read_set(a_value(dataElement="Paper", categoryOptionCombo=None, value=value)).good

    assert (draft.event.part, draft.event.value) == (Part.ATTESTATION, 1.0)


def test_a_deletion_needs_no_value(read_set: ReadSet) -> None:
    (draft,) = read_set(a_value(value=None, deleted=True)).good

    assert (draft.event.deleted, draft.event.part, draft.event.numerator) == (True, Part.NUMERATOR, None)


def test_a_sender_with_times_gets_the_same_id_for_the_same_content(read_set: ReadSet) -> None:
    one, same, other, later = (
        read_set(a_value(**fields)).good[0]
        for fields in ({}, {}, {"value": "951"}, {"lastUpdated": "2024-10-02T01:30:01.000+0000"})
    )

    assert one.event.event_id == same.event.event_id
    assert len({one.event.event_id, other.event.event_id, later.event.event_id}) == 3
    assert one.arrival is None


def test_a_sender_without_times_is_left_to_the_journal(read_set: ReadSet, desk: Desk) -> None:
    one, same, other = (read_set(a_value(lastUpdated=None, **fields)).good[0] for fields in ({}, {}, {"value": "951"}))

    assert one.arrival is not None
    assert other.arrival is not None
    assert one.arrival == same.arrival
    assert (one.arrival.key, one.arrival.value) != (other.arrival.key, other.arrival.value)
    assert one.arrival.key == other.arrival.key
    assert one.event.observed_at == desk.received_at


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        pytest.param({"dataElement": "f7n9E0hX8qk"}, Reason.UNKNOWN_ALIAS, "dataElement", id="unknown element"),
        pytest.param({"categoryOptionCombo": "X"}, Reason.UNKNOWN_ALIAS, "categoryOptionCombo", id="unknown option"),
        pytest.param({"categoryOptionCombo": None}, Reason.UNKNOWN_ALIAS, "categoryOptionCombo", id="no option"),
        pytest.param(
            {"attributeOptionCombo": "Mechanism1"}, Reason.UNKNOWN_ALIAS, "attributeOptionCombo", id="an attribute"
        ),
        pytest.param({"orgUnit": "DiszpKrYNg8"}, Reason.UNKNOWN_COMMUNE, "orgUnit", id="unknown unit"),
        pytest.param({"orgUnit": None}, Reason.MISSING_FIELD, "orgUnit", id="no unit"),
        pytest.param({"period": "2024Sep"}, Reason.BAD_PERIOD, "period", id="no period we know"),
        pytest.param({"value": None}, Reason.NO_MEASURE, "value", id="no value"),
        pytest.param({"value": ""}, Reason.NO_MEASURE, "value", id="empty value"),
        pytest.param({"value": "abc"}, Reason.NOT_A_NUMBER, "value", id="a word"),
        pytest.param({"value": "1,000"}, Reason.NOT_A_NUMBER, "value", id="thousands by comma"),
        pytest.param({"value": "3.620"}, Reason.NOT_AN_INTEGER, "value", id="thousands by point"),
        pytest.param({"value": "1e400"}, Reason.NOT_A_NUMBER, "value", id="beyond numbers"),
        pytest.param({"value": "NaN"}, Reason.NOT_A_NUMBER, "value", id="NaN"),
        pytest.param({"value": "true"}, Reason.NOT_A_NUMBER, "value", id="yes as a count"),
        pytest.param({"value": ["1"]}, Reason.WRONG_TYPE, "value", id="a list"),
        pytest.param({"value": "-1"}, Reason.NEGATIVE_NUMBER, "value", id="below zero"),
        pytest.param({"lastUpdated": "2024-10-02T01:30:00"}, Reason.BAD_OBSERVED_AT, "lastUpdated", id="no offset"),
        pytest.param({"lastUpdated": "yesterday"}, Reason.BAD_OBSERVED_AT, "lastUpdated", id="no time"),
        pytest.param({"deleted": "true"}, Reason.WRONG_TYPE, "deleted", id="deleted as text"),
    ],
)
def test_a_bad_value_is_set_aside_in_dhis2s_words(
    read_set: ReadSet, fields: dict[str, Any], reason: Reason, field: str
) -> None:
    reading = read_set(a_value(**fields), a_value(period="202408"))

    assert [(bad.row, bad.fault.reason, bad.fault.field) for bad in reading.bad] == [(0, reason, field)]
    assert [draft.row for draft in reading.good] == [1]


def test_a_pair_that_cannot_be_is_set_aside_with_both_rows_and_can_be_read_again(
    read_set: ReadSet,
) -> None:
    reading = read_set(a_value(value="1001"), a_value(dataElement="People", value="1000"), dataSet="F")
    (bad,) = reading.bad

    again = msgspec.json.decode(bad.raw)

    assert (bad.row, bad.mate, bad.fault.reason) == (0, 1, Reason.NUMERATOR_OVER_DENOMINATOR)
    assert again["dataSet"] == "F"
    assert [row["dataElement"] for row in again["dataValues"]] == ["Cards", "People"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"dataValues":{}}', b'{"dataValues":[],"deletion":{"a":1}}']
)
def test_a_body_that_is_no_data_value_set_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        decode_data_value_set(body)


def test_tracker_data_are_refused() -> None:
    with pytest.raises(PatientLevelDataError):
        decode_data_value_set(b'{"trackedEntities":[{"trackedEntity":"x"}]}')


@pytest.mark.parametrize(
    ("parameters", "dry_run"),
    [
        ({}, False),
        ({"dryRun": "true"}, True),
        ({"dryRun": "FALSE", "importStrategy": "CREATE_AND_UPDATE", "async": "false"}, False),
        ({"idScheme": "CODE", "orgUnitIdScheme": "uid"}, False),
    ],
)
def test_parameters_that_ask_for_what_is_done_anyway_are_taken(parameters: dict[str, str], dry_run: bool) -> None:
    assert read_dry_run(parameters) is dry_run


@pytest.mark.parametrize(
    "parameters",
    [{"importStrategy": "DELETE"}, {"async": "true"}, {"orgUnitIdScheme": "NAME"}, {"dryRun": "yes"}, {"unknown": "1"}],
)
def test_parameters_that_would_change_the_meaning_are_refused_by_name(parameters: dict[str, str]) -> None:
    with pytest.raises(UnsupportedRequestError, match=next(iter(parameters))):
        read_dry_run(parameters)
