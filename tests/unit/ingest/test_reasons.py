"""One native row for each reason why a row is set aside."""

import codecs
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from services.ingest.domain.reading import Reading
from services.ingest.domain.remedies import REMEDIES
from shared.contracts.vocabulary import QuarantineReason as Reason

Event = Callable[..., dict[str, Any]]
Read = Callable[..., Reading]

BAD_FIELDS: list[tuple[Reason, str, dict[str, Any]]] = [
    (Reason.WRONG_TYPE, "numerator", {"numerator": "10"}),
    (Reason.WRONG_TYPE, "numerator", {"numerator": True}),
    (Reason.WRONG_TYPE, "value", {"numerator": None, "denominator": None, "value": "96.5"}),
    (Reason.WRONG_TYPE, "commune", {"commune": 6187}),
    (Reason.WRONG_TYPE, "id", {"id": 17}),
    (Reason.WRONG_TYPE, "id", {"id": "x" * 201}),
    (Reason.WRONG_TYPE, "id", {"id": "a\x00b"}),
    (Reason.WRONG_TYPE, "id", {"id": "a\nb"}),
    (Reason.WRONG_TYPE, "deleted", {"deleted": "yes"}),
    (Reason.WRONG_TYPE, "stage", {"stage": "done"}),
    (Reason.WRONG_TYPE, "evidence", {"evidence": "certificate 12"}),
    (Reason.WRONG_TYPE, "evidence.issued_on", {"evidence": {"issued_on": "31/12/2023"}}),
    (Reason.MISSING_FIELD, "id", {"id": None}),
    (Reason.MISSING_FIELD, "id", {"id": ""}),
    (Reason.MISSING_FIELD, "commune", {"commune": None}),
    (Reason.MISSING_FIELD, "indicator", {"indicator": None}),
    (Reason.MISSING_FIELD, "period", {"period": None}),
    (Reason.MISSING_FIELD, "observed_at", {"observed_at": None}),
    (Reason.MISSPELT_FIELD, "delete", {"delete": True}),
    (Reason.MISSPELT_FIELD, "observedAt", {"observedAt": "2024-10-02T08:30:00Z"}),
    (Reason.UNKNOWN_COMMUNE, "commune", {"commune": "06187.0"}),
    (Reason.COMMUNE_NOT_VALID_THEN, "commune", {"commune": "C9", "period": "2025-01"}),
    (Reason.UNKNOWN_INDICATOR, "indicator", {"indicator": "99.9"}),
    (Reason.INDICATOR_NOT_FOR_LEVEL, "indicator", {"commune": "D1"}),
    (Reason.UNKNOWN_SEX, "sex", {"sex": "F"}),
    (Reason.UNKNOWN_SECTOR, "sector", {"sex": None, "indicator": "food", "sector": "unknown"}),
    (Reason.MISSING_SEX, "sex", {"sex": None}),
    (Reason.MISSING_SEX, "sex", {"sex": None, "indicator": "tele"}),
    (Reason.MISSING_SECTOR, "sector", {"sex": None, "indicator": "food"}),
    (Reason.UNEXPECTED_SEX, "sex", {"indicator": "kids"}),
    (Reason.UNEXPECTED_SEX, "sex", {"indicator": "tele", "numerator": None, "denominator": None, "value": True}),
    (Reason.UNEXPECTED_SECTOR, "sector", {"sector": "health"}),
    (Reason.BAD_PERIOD, "period", {"period": "tháng 9"}),
    (Reason.BAD_PERIOD, "period", {"period": "2942-10"}),
    (Reason.BAD_PERIOD, "period", {"period": "2024-01-01/9999-12-31"}),
    (Reason.BAD_OBSERVED_AT, "observed_at", {"observed_at": "2024-10-02T08:30:00"}),
    (Reason.BAD_OBSERVED_AT, "observed_at", {"observed_at": "0000-01-01T00:00:00Z"}),
    (Reason.BAD_OBSERVED_AT, "observed_at", {"observed_at": "0001-01-01T00:00:00+14:00"}),
    (Reason.BAD_OBSERVED_AT, "observed_at", {"observed_at": 1728000000}),
    (Reason.OBSERVED_IN_FUTURE, "observed_at", {"observed_at": "2024-10-16T05:00:01Z"}),
    (Reason.OBSERVED_IN_FUTURE, "observed_at", {"observed_at": "9999-12-31T23:59:59-14:00"}),
    (Reason.NO_MEASURE, "value", {"numerator": None, "denominator": None}),
    (Reason.NO_MEASURE, "value", {"indicator": "book", "sex": None, "numerator": None, "denominator": None,
                                  "deleted": True}),
    (Reason.WRONG_MEASURE, "value", {"numerator": None, "denominator": None, "value": True}),
    (Reason.WRONG_MEASURE, "numerator", {"indicator": "paper", "sex": None}),
    (Reason.WRONG_MEASURE, "value", {"value": 12.5}),
    (Reason.WRONG_MEASURE, "value", {"indicator": "book", "sex": None, "numerator": None, "denominator": None,
                                     "value": 1}),
    (Reason.NOT_AN_INTEGER, "numerator", {"numerator": 9.5}),
    (Reason.NEGATIVE_NUMBER, "numerator", {"numerator": -5}),
    (Reason.NEGATIVE_NUMBER, "value", {"numerator": None, "denominator": None, "value": -0.5}),
    (Reason.NUMBER_TOO_LARGE, "denominator", {"denominator": 100_000_001}),
    (Reason.NUMBER_TOO_LARGE, "numerator", {"numerator": 10**30}),
    (Reason.NUMBER_TOO_LARGE, "value", {"numerator": None, "denominator": None, "value": 100.5}),
    (Reason.ZERO_DENOMINATOR, "denominator", {"numerator": 0, "denominator": 0}),
    (Reason.NUMERATOR_OVER_DENOMINATOR, "numerator", {"numerator": 101, "denominator": 100}),
    (Reason.SOURCE_NOT_ALLOWED, "source", {"source": "agri"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "field", "fields"),
    [pytest.param(*case, id=f"{case[0].value}-{number}") for number, case in enumerate(BAD_FIELDS)],
)
def test_a_bad_field_is_set_aside_with_its_reason_and_name(
    read: Read, an_event: Event, reason: Reason, field: str, fields: dict[str, Any]
) -> None:
    reading = read(an_event(**fields))

    assert [(bad.fault.reason, bad.fault.field) for bad in reading.bad] == [(reason, field)]
    assert reading.good == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(b'{"id":"e1","commune":"C1","per', Reason.MALFORMED_JSON, id="cut off"),
        pytest.param(b"nonsense", Reason.MALFORMED_JSON, id="no JSON"),
        pytest.param(b'{"id":"\xff"}', Reason.MALFORMED_JSON, id="no UTF-8"),
        pytest.param(b"[" * 100_000, Reason.MALFORMED_JSON, id="nested too deeply"),
        pytest.param(b'{"id":' + b'{"a":' * 100_000, Reason.MALFORMED_JSON, id="objects nested too deeply"),
        pytest.param(b"[1,2]", Reason.WRONG_TYPE, id="an array"),
        pytest.param(b"null", Reason.WRONG_TYPE, id="null"),
        pytest.param(b'"text"', Reason.WRONG_TYPE, id="a text"),
        pytest.param(b'{"resourceType":"MeasureReport","type":"summary"}', Reason.UNSUPPORTED_DATA, id="FHIR"),
    ],
)
def test_a_line_that_is_no_event_is_set_aside(read: Read, line: bytes, reason: Reason) -> None:
    assert [bad.fault.reason for bad in read(line).bad] == [reason]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
@pytest.mark.parametrize("field", ["numerator", "value"])
def test_what_json_cannot_say_is_not_a_number(read: Read, number: str, field: str) -> None:
    line = (
        f'{{"id":"e1","commune":"C1","indicator":"rate","sex":"male","period":"2024","{field}":{number},'
        '"observed_at":"2024-10-02T00:00:00Z"}'
    )

    reading = read(line)

    assert [(bad.fault.reason, bad.fault.field) for bad in reading.bad] == [(Reason.NOT_A_NUMBER, field)]
    assert reading.bad[0].event_id in ("e1", None)


def test_every_reason_has_a_remedy_in_both_languages() -> None:
    assert set(REMEDIES) == set(Reason)
    assert all(remedy.en.strip() and remedy.vi.strip() and remedy.en != remedy.vi for remedy in REMEDIES.values())


def test_every_reason_of_a_native_row_is_in_the_table_above() -> None:
    elsewhere = {
        Reason.ID_REUSED, Reason.UNKNOWN_ALIAS, Reason.UNSUPPORTED_DATA, Reason.CONTRADICTED, Reason.COMMUNE_SPLIT,
        Reason.COMMUNE_PART, Reason.COMMUNE_NAME_DIFFERS, Reason.AMBIGUOUS_COMMUNE, Reason.AMBIGUOUS_NUMBER,
        Reason.UNCOMPUTED_FORMULA,
    }  # fmt: skip
    whole_line = {Reason.MALFORMED_JSON, Reason.NOT_A_NUMBER}

    assert {reason for reason, _, _ in BAD_FIELDS} == set(Reason) - elsewhere - whole_line


def test_a_bad_row_never_harms_its_neighbours(read: Read, an_event: Event) -> None:
    reading = read(
        an_event(id="a"), b'{"id":"b","comm', "", an_event(id="c"), an_event(id="d", commune="?"), an_event()
    )

    assert [(draft.row, draft.event.event_id) for draft in reading.good] == [(1, "a"), (4, "c"), (6, "e1")]
    assert [(bad.row, bad.event_id) for bad in reading.bad] == [(2, None), (5, "d")]
    assert reading.rows == 5


def test_the_raw_row_is_kept_as_it_came(read: Read) -> None:
    raw = b'{"id": "e1",  "commune":"C1"}'

    assert read(raw + b"\r").bad[0].raw == raw


def test_a_byte_order_mark_is_no_fault(read: Read, an_event: Event) -> None:
    assert len(read(codecs.BOM_UTF8 + msgspec.json.encode(an_event())).good) == 1


def test_a_source_that_nobody_can_print_is_shown_without_what_cannot_be_stored(read: Read, an_event: Event) -> None:
    (bad,) = read(an_event(source="a\x00b")).bad

    assert (bad.fault.reason, bad.fault.value) == (Reason.SOURCE_NOT_ALLOWED, "a\N{REPLACEMENT CHARACTER}b")


def test_of_several_misspelt_fields_the_first_is_told(read: Read, an_event: Event) -> None:
    fields = {"comune": "C1", "indicater": "rate", "perod": "2024-09", "numerater": 1, "denominater": 2}

    (bad,) = read(an_event() | fields).bad

    assert bad.fault.field == "comune"
