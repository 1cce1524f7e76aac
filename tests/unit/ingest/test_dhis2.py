"""DHIS2 data value sets in JSON: one number a row, and what the alias table makes of it."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError, UnsupportedRequestError
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.values import decode_values
from shared.contracts.vocabulary import Part, Stage
from shared.contracts.vocabulary import QuarantineReason as Reason

ReadSet = Callable[..., Awaitable[Reading]]
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
def read_json(read_body: ReadSet) -> ReadSet:
    """Reads a body in JSON; keywords are wishes."""

    async def run(body: bytes, **wishes: Any) -> Reading:
        return await read_body(PayloadFormat.DHIS2, body, **wishes)

    return run


@pytest.fixture
def read_set(read_json: ReadSet) -> ReadSet:
    """Reads data values; keywords stand above the rows."""

    async def run(*values: Any, **above: Any) -> Reading:
        return await read_json(msgspec.json.encode(above | {"dataValues": list(values)}))

    return run


async def test_numerator_and_denominator_of_one_request_become_one_report(read_set: ReadSet) -> None:
    reading = await read_set(a_value(), a_value(dataElement="People", value=1000))

    (draft,) = reading.good
    assert (draft.row, draft.mates) == (0, (1,))
    assert (draft.event.numerator, draft.event.denominator, draft.event.cell) == (950, 1000, "male")
    assert draft.event.part is Part.MEASURE
    assert reading.rows == 2


async def test_a_lone_half_becomes_half_a_report(read_set: ReadSet) -> None:
    reading = await read_set(a_value(), a_value(dataElement="People", period="202408"))

    assert [draft.event.part for draft in reading.good] == [Part.NUMERATOR, Part.DENOMINATOR]


async def test_what_stands_above_the_rows_holds_for_those_that_do_not_say(read_set: ReadSet) -> None:
    bare = {"value": "950", "categoryOptionCombo": "Male", "orgUnit": ""}

    reading = await read_set(bare, bare | {"dataElement": "People", "value": "1000"}, dataElement="Cards",
                             period="202409", orgUnit="OrgUnit0001", completeDate="2024-10-02")  # fmt: skip

    (draft,) = reading.good
    assert (draft.event.unit, draft.event.stage) == ("C1", Stage.FINAL)
    assert reading.complete_date == "2024-10-02"


@pytest.mark.parametrize("value", ["true", True, "1", 1, "1.0"])
async def test_a_yes_comes_in_many_forms(read_set: ReadSet, value: Any) -> None:
    (draft,) = (await read_set(a_value(dataElement="Paper", categoryOptionCombo=None, value=value))).good

    assert (draft.event.part, draft.event.value) == (Part.ATTESTATION, 1.0)


async def test_a_deletion_needs_no_value(read_set: ReadSet) -> None:
    (draft,) = (await read_set(a_value(value=None, deleted=True))).good

    assert (draft.event.deleted, draft.event.part, draft.event.numerator) == (True, Part.NUMERATOR, None)


async def test_a_request_to_delete_takes_every_row_back(read_json: ReadSet) -> None:
    body = msgspec.json.encode({"dataValues": [a_value(), a_value(value=None, categoryOptionCombo="Female")]})

    reading = await read_json(body, delete=True)

    assert [draft.event.deleted for draft in reading.good] == [True, True]


@pytest.mark.parametrize("strategy", ["DELETE", "delete", "DELETES"])
async def test_a_strategy_in_the_body_holds_as_one_in_the_address(read_set: ReadSet, strategy: str) -> None:
    (draft,) = (await read_set(a_value(), importStrategy=strategy)).good

    assert draft.event.deleted


@pytest.mark.parametrize(
    "above", [{"importStrategy": "CREATE"}, {"dryRun": True}, {"idScheme": "NAME"}, {"orgUnitIdScheme": "ATTRIBUTE:x"}]
)
async def test_a_body_that_asks_for_what_we_do_not_do_is_refused(read_set: ReadSet, above: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedRequestError):
        await read_set(a_value(), **above)


async def test_options_by_category_are_looked_up_as_such(read_set: ReadSet) -> None:
    men, women, unknown = (a_value(dataElement="Members", categoryOptionCombo=options)
                           for options in ({"sex": "M"}, {"SEX": "F"}, {"age": "under5"}))  # fmt: skip

    reading = await read_set(men, women, unknown)

    assert [draft.event.cell for draft in reading.good] == ["male", "female"]
    assert [(bad.row, bad.fault.reason, bad.fault.field) for bad in reading.bad] == [(2, Reason.UNKNOWN_ALIAS, "age")]


async def test_empty_options_are_none(read_set: ReadSet) -> None:
    (draft,) = (await read_set(a_value(dataElement="Paper", categoryOptionCombo={}, attributeOptionCombo={},
                                       value="1"))).good  # fmt: skip

    assert draft.event.part is Part.ATTESTATION


async def test_an_empty_attribute_above_the_rows_is_none(read_set: ReadSet) -> None:
    assert len((await read_set(a_value(), attributeOptionCombo={})).good) == 1


async def test_numbers_and_flags_that_dhis2_takes_are_taken(read_set: ReadSet) -> None:
    reading = await read_set(a_value(period=202409, value=950.0, comment=None, followup=False, storedBy="admin"))

    assert [draft.event.numerator for draft in reading.good] == [950]


async def test_fields_that_nobody_knows_are_ignored_as_in_dhis2(read_set: ReadSet) -> None:
    reading = await read_set(a_value(lastUpdatedBy="admin", note={"a": [1]}), someday=True)

    assert len(reading.good) == 1


async def test_a_time_without_an_offset_is_in_the_zone_of_the_source(read_set: ReadSet) -> None:
    (draft,) = (await read_set(a_value(lastUpdated=None, timestamp="2024-10-02"))).good

    assert draft.event.observed_at.isoformat() == "2024-10-01T17:00:00+00:00"


async def test_a_sender_with_times_gets_the_same_id_for_the_same_content(read_set: ReadSet) -> None:
    one, same, other, later = [
        (await read_set(a_value(**fields))).good[0]
        for fields in ({}, {}, {"value": "951"}, {"lastUpdated": "2024-10-02T01:30:01.000+0000"})
    ]

    assert one.event.event_id == same.event.event_id
    assert len({one.event.event_id, other.event.event_id, later.event.event_id}) == 3
    assert one.arrival is None


async def test_a_sender_without_times_is_left_to_the_journal(read_set: ReadSet, desk: Desk) -> None:
    one, same, other = [
        (await read_set(a_value(lastUpdated=None, **fields))).good[0] for fields in ({}, {}, {"value": "951"})
    ]

    assert one.arrival is not None
    assert other.arrival is not None
    assert one.arrival == same.arrival
    assert one.arrival.numerator != other.arrival.numerator
    assert one.arrival.key == other.arrival.key
    assert one.event.observed_at == desk.received_at


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        pytest.param({"dataElement": "f7n9E0hX8qk"}, Reason.UNKNOWN_ALIAS, "dataElement", id="unknown element"),
        pytest.param({"dataElement": None}, Reason.MISSING_FIELD, "dataElement", id="no element"),
        pytest.param({"dataElement": ["Cards"]}, Reason.WRONG_TYPE, "dataElement", id="a list of elements"),
        pytest.param({"categoryOptionCombo": "X"}, Reason.UNKNOWN_ALIAS, "categoryOptionCombo", id="unknown option"),
        pytest.param({"categoryOptionCombo": None}, Reason.UNKNOWN_ALIAS, "categoryOptionCombo", id="no option"),
        pytest.param({"categoryOptionCombo": {"sex": 1}}, Reason.WRONG_TYPE, "categoryOptionCombo", id="a bare 1"),
        pytest.param(
            {"attributeOptionCombo": "Mechanism1"}, Reason.UNKNOWN_ALIAS, "attributeOptionCombo", id="an attribute"
        ),
        pytest.param(
            {"attributeOptionCombo": {"m": "X"}}, Reason.UNKNOWN_ALIAS, "attributeOptionCombo", id="attribute options"
        ),
        pytest.param(
            {"attributeCategoryOptions": ["X"]}, Reason.UNKNOWN_ALIAS, "attributeOptionCombo", id="listed options"
        ),
        pytest.param({"orgUnit": "DiszpKrYNg8"}, Reason.UNKNOWN_COMMUNE, "commune", id="unknown unit"),
        pytest.param({"orgUnit": None}, Reason.MISSING_FIELD, "orgUnit", id="no unit"),
        pytest.param({"period": "2024Sep"}, Reason.BAD_PERIOD, "period", id="no period we know"),
        pytest.param({"value": None}, Reason.NO_MEASURE, "value", id="no value"),
        pytest.param({"value": ""}, Reason.NO_MEASURE, "value", id="empty value"),
        pytest.param({"value": "abc"}, Reason.NOT_A_NUMBER, "value", id="a word"),
        pytest.param({"value": "1,000"}, Reason.NOT_A_NUMBER, "value", id="thousands by comma"),
        pytest.param({"value": "3.620"}, Reason.NOT_AN_INTEGER, "value", id="thousands by point"),
        pytest.param({"value": "1e400"}, Reason.NOT_A_NUMBER, "value", id="beyond numbers"),
        pytest.param({"value": 10**40}, Reason.NOT_A_NUMBER, "value", id="a bare giant"),
        pytest.param({"value": "NaN"}, Reason.NOT_A_NUMBER, "value", id="NaN"),
        pytest.param({"value": "true"}, Reason.NOT_A_NUMBER, "value", id="yes as a count"),
        pytest.param({"value": ["1"]}, Reason.WRONG_TYPE, "value", id="a list"),
        pytest.param({"value": "-1"}, Reason.NEGATIVE_NUMBER, "numerator", id="below zero"),
        pytest.param({"lastUpdated": "yesterday"}, Reason.BAD_OBSERVED_AT, "lastUpdated", id="no time"),
        pytest.param({"deleted": "true"}, Reason.WRONG_TYPE, "deleted", id="deleted as text"),
    ],
)
async def test_a_bad_value_is_set_aside_alone(
    read_set: ReadSet, fields: dict[str, Any], reason: Reason, field: str
) -> None:
    reading = await read_set(a_value(**fields), a_value(period="202408"))

    assert [(bad.row, bad.fault.reason, bad.fault.field) for bad in reading.bad] == [(0, reason, field)]
    assert [draft.row for draft in reading.good] == [1]
    assert reading.place(0) == "dataValues[0]"


async def test_a_row_that_is_no_object_is_set_aside(read_set: ReadSet) -> None:
    reading = await read_set(7, a_value())

    assert [(bad.row, bad.fault.reason) for bad in reading.bad] == [(0, Reason.WRONG_TYPE)]
    assert len(reading.good) == 1


async def test_a_row_that_is_no_utf_8_is_set_aside(read_json: ReadSet) -> None:
    reading = await read_json(b'{"dataValues":[{"comment":"\xff"},%s]}' % msgspec.json.encode(a_value()))

    assert [(bad.row, bad.fault.reason) for bad in reading.bad] == [(0, Reason.MALFORMED_JSON)]
    assert len(reading.good) == 1


async def test_a_bare_nan_spoils_only_its_row(read_json: ReadSet) -> None:
    good, bad = (msgspec.json.encode(a_value(period=period)) for period in ("202408", "202409"))

    reading = await read_json(b'{"dataValues":[%s,%s]}' % (bad.replace(b'"950"', b"NaN"), good))

    assert [(bad.row, bad.fault.reason) for bad in reading.bad] == [(0, Reason.NOT_A_NUMBER)]
    assert [draft.row for draft in reading.good] == [1]


async def test_a_pair_that_cannot_be_is_set_aside_with_both_rows_and_can_be_read_again(
    read_set: ReadSet, read_body: ReadSet
) -> None:
    reading = await read_set(a_value(value="1001"), a_value(dataElement="People", value="1000"), completeDate="x")
    (bad,) = reading.bad

    kept = decode_values(bad.raw)
    again = await read_body(PayloadFormat.DATA_VALUES, bad.raw)

    assert (bad.row, bad.mates, bad.fault.reason) == (0, (1,), Reason.NUMERATOR_OVER_DENOMINATOR)
    assert [(value.element, value.stage) for value in kept] == [("Cards", Stage.FINAL), ("People", Stage.FINAL)]
    assert [bad.fault.reason for bad in again.bad] == [Reason.NUMERATOR_OVER_DENOMINATOR]


@pytest.mark.parametrize("twice", [b'"value":"1","value":"2"', b'"value":"1","value" :"2"', b'"value":null,"value":1'])
async def test_a_value_that_is_given_twice_in_one_row_is_not_guessed_at(read_json: ReadSet, twice: bytes) -> None:
    row = msgspec.json.encode(a_value(value=None)).replace(b"}", b"," + twice + b"}")

    reading = await read_json(b'{"dataValues":[%s,%s]}' % (msgspec.json.encode(a_value(period="202408")), row))

    assert [(bad.row, bad.fault.reason) for bad in reading.bad] == [(1, Reason.MALFORMED_JSON)]
    assert len(reading.good) == 1


async def test_rows_that_are_given_twice_refuse_the_body(read_json: ReadSet) -> None:
    rows = b"[" + msgspec.json.encode(a_value()) + b"]"

    with pytest.raises(MalformedBodyError, match="dataValues"):
        await read_json(b'{"dataValues":%s,"dataValues":%s}' % (rows, rows))


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"{", b"[]", b"{}", b"7", b'{"dataValues":{}}', b'{"dataValues":[],"deletion":{"a":1}}',
     b'{"dataValues":[],"period":{"a":1}}', b'{"dataValues":[{]}'],
)  # fmt: skip
async def test_a_body_that_is_no_data_value_set_is_refused_as_a_whole(read_json: ReadSet, body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        await read_json(body)


@pytest.mark.parametrize(
    "body",
    [b'{"trackedEntities":[{"trackedEntity":"x"}]}', b'{"dataValues":[],"HO_TEN":"x"}',
     b'{"dataValues":[{"dataElement":"Cards","patientId":"x"}]}'],
)  # fmt: skip
async def test_data_of_persons_are_refused(read_json: ReadSet, body: bytes) -> None:
    with pytest.raises(PatientLevelDataError):
        await read_json(body)
