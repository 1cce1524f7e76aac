"""What a good native event becomes."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.formats.native_body import read_ndjson
from services.ingest.domain.errors import PatientLevelDataError
from services.ingest.domain.faults import Fault
from services.ingest.domain.native import NativeEvent, decode_fast, diagnose
from services.ingest.domain.normalize import Limits, Normalizer
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.tokens import Grant
from shared.contracts.vocabulary import Part, QuarantineReason, Stage
from shared.contracts.wire import IndicatorReported

NOW = dt.datetime(2024, 10, 15, 5, 0, tzinfo=dt.UTC)
Event = Callable[..., dict[str, Any]]
Read = Callable[..., Reading]
NO_RATIO: dict[str, Any] = {"numerator": None, "denominator": None}


@pytest.fixture
def report(read: Read, an_event: Event) -> Callable[..., IndicatorReported]:
    """Reads one good event."""

    def run(**fields: Any) -> IndicatorReported:
        reading = read(an_event(**fields))
        assert [bad.fault for bad in reading.bad] == []
        return reading.good[0].event

    return run


def test_a_native_event_becomes_a_report(report: Callable[..., IndicatorReported]) -> None:
    assert report(stage="final") == IndicatorReported(
        seq=0,
        event_id="e1",
        source="hmis",
        unit="C1",
        indicator="rate",
        cell="female",
        period_start=dt.date(2024, 9, 1),
        period_end=dt.date(2024, 9, 30),
        observed_at=dt.datetime(2024, 10, 2, 1, 30, tzinfo=dt.UTC),
        part=Part.MEASURE,
        numerator=950,
        denominator=1000,
        stage=Stage.FINAL,
    )


@pytest.mark.parametrize(
    ("period", "unit"),
    [
        pytest.param("2024-06", "C7", id="the old unit until its last day"),
        pytest.param("2024-07", "C7@new", id="the new unit from its first day"),
        pytest.param("2024Q2", "C7", id="a quarter that ends before"),
        pytest.param("2024", "C7@new", id="a year counts by its last day"),
    ],
)
def test_a_code_that_changed_hands_means_the_unit_of_the_periods_last_day(
    report: Callable[..., IndicatorReported], period: str, unit: str
) -> None:
    assert report(commune="C7", period=period).unit == unit


def test_a_unit_id_that_is_no_code_names_its_unit(report: Callable[..., IndicatorReported]) -> None:
    assert report(commune="C7@new", period="2024-08").unit == "C7@new"


@pytest.mark.parametrize(
    ("fields", "part", "numbers"),
    [
        pytest.param({"numerator": 10.0}, Part.MEASURE, (10, 1000, None), id="10.0 is 10"),
        pytest.param({"numerator": 0}, Part.MEASURE, (0, 1000, None), id="zero of many"),
        pytest.param({"denominator": None}, Part.NUMERATOR, (950, None, None), id="numerator alone"),
        pytest.param({"numerator": None}, Part.DENOMINATOR, (None, 1000, None), id="denominator alone"),
        pytest.param({"value": 95.0}, Part.MEASURE, (950, 1000, None), id="a rate that agrees with its ratio"),
        pytest.param(NO_RATIO | {"value": 96.7}, Part.MEASURE, (None, None, 96.7), id="percent"),
        pytest.param(NO_RATIO | {"value": 1}, Part.MEASURE, (None, None, 1.0), id="one percent"),
        pytest.param(
            NO_RATIO | {"indicator": "paper", "sex": None, "value": True},
            Part.ATTESTATION,
            (None, None, 1.0),
            id="true",
        ),
        pytest.param(
            NO_RATIO | {"indicator": "paper", "sex": None, "value": 0},
            Part.ATTESTATION,
            (None, None, 0.0),
            id="0 is no",
        ),
        pytest.param(
            NO_RATIO | {"indicator": "tele", "sex": None, "value": True},
            Part.ATTESTATION,
            (None, None, 1.0),
            id="an attestation of an indicator that is by sex otherwise",
        ),
        pytest.param(
            NO_RATIO | {"indicator": "tele", "value": 1}, Part.MEASURE, (None, None, 1.0), id="a percentage of one sex"
        ),
        pytest.param(
            NO_RATIO | {"indicator": "events", "sex": None, "sector": "health", "value": 2},
            Part.MEASURE,
            (None, None, 2.0),
            id="events",
        ),
        pytest.param(
            {"indicator": "food", "sex": None, "sector": "health", "numerator": 0, "denominator": 0},
            Part.MEASURE,
            (0, 0, None),
            id="0 of 0 where there may be none",
        ),
    ],
)
def test_the_numbers_say_which_part_of_the_fact_they_are(
    report: Callable[..., IndicatorReported], fields: dict[str, Any], part: Part, numbers: tuple[Any, ...]
) -> None:
    event = report(**fields)

    assert (event.part, (event.numerator, event.denominator, event.value)) == (part, numbers)


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        pytest.param(NO_RATIO, Part.MEASURE, id="without a measure"),
        pytest.param({}, Part.MEASURE, id="with its ratio"),
        pytest.param({"denominator": None}, Part.NUMERATOR, id="of the numerator"),
        pytest.param(NO_RATIO | {"indicator": "paper", "sex": None}, Part.ATTESTATION, id="of a yes/no"),
        pytest.param(NO_RATIO | {"indicator": "tele", "sex": None}, Part.ATTESTATION, id="of the unit's yes/no"),
        pytest.param(
            NO_RATIO | {"indicator": "book", "sex": None, "value": False}, Part.ATTESTATION, id="by its value"
        ),
    ],
)
def test_a_deletion_needs_no_number_and_says_what_it_voids(
    report: Callable[..., IndicatorReported], fields: dict[str, Any], part: Part
) -> None:
    event = report(deleted=True, **fields)

    assert (event.deleted, event.part) == (True, part)
    assert (event.numerator, event.denominator, event.value) == (None, None, None)


@pytest.mark.parametrize(
    ("evidence", "valid_until"),
    [
        pytest.param({"valid_until": "2026-03-09"}, dt.date(2026, 3, 9), id="as given"),
        pytest.param({"issued_on": "2023-03-09"}, dt.date(2026, 3, 8), id="three years by the rule"),
        pytest.param({"issued_on": "2024-01-01"}, dt.date(2026, 12, 31), id="three calendar years"),
        pytest.param({"issued_on": "2024-02-29"}, dt.date(2027, 2, 28), id="a day that the last year lacks"),
        pytest.param({"uri": "https://example.vn/qd-12.pdf", "note": "bản giấy"}, None, id="without dates"),
        pytest.param({"issued_on": "9998-01-01"}, None, id="past the calendar"),
        pytest.param({"valid_until": "2026-03-09", "khác": 1}, dt.date(2026, 3, 9), id="with an unknown field"),
    ],
)
def test_evidence_says_how_long_a_certificate_is_valid(
    report: Callable[..., IndicatorReported], evidence: dict[str, Any], valid_until: dt.date | None
) -> None:
    event = report(indicator="paper", sex=None, value=True, evidence=evidence, **NO_RATIO)

    assert event.valid_until == valid_until


def test_a_source_that_the_token_may_send_for_is_kept(report: Callable[..., IndicatorReported]) -> None:
    assert report(source="bhxh").source == "bhxh"


def test_unknown_fields_change_nothing(report: Callable[..., IndicatorReported]) -> None:
    assert report(ghi_chu="x", nested={"a": [1]}) == report()


def test_24_hours_of_wrong_clock_are_forgiven(report: Callable[..., IndicatorReported]) -> None:
    assert report(observed_at="2024-10-16T05:00:00Z").observed_at == NOW + dt.timedelta(hours=24)


@pytest.mark.parametrize("period", ["2024", "2024S2", "2024Q4", "2024-12M", "2024-10", "2024W42", "2024-10-15"])
def test_a_running_period_is_taken(report: Callable[..., IndicatorReported], period: str) -> None:
    assert report(period=period).period_end >= NOW.date()


@pytest.mark.parametrize(
    ("now", "period", "detail"),
    [
        pytest.param("2024-10-15T05:00Z", "2024-11", "begins only on 2024-11-01", id="a month that has not begun"),
        pytest.param("2024-10-15T05:00Z", "2024-10-16", "begins only on 2024-10-16", id="tomorrow"),
        pytest.param("2024-10-15T16:59Z", "2024-10-16", "begins only on 2024-10-16", id="a minute before midnight"),
        pytest.param("2024-10-15T17:00Z", "2024-10-16", None, id="midnight in Viet Nam"),
        pytest.param("2024-10-15T05:00Z", "2024-01-01/9999-12-31", "ends on 9999-12-31", id="without end"),
        pytest.param("2024-10-15T05:00Z", "2024-01-01/2025-01-01", "ends on 2025-01-01", id="a day past the year"),
        pytest.param("2024-10-15T05:00Z", "2024-07-01/P1Y", "ends on 2025-06-30", id="a year from July"),
        pytest.param("2024-12-31T17:00Z", "2025", None, id="the new year has come to Viet Nam"),
        pytest.param("2024-12-31T05:00Z", "2025W01", None, id="the running week across New Year"),
        pytest.param("2024-12-31T05:00Z", "2025BiW1", None, id="the running two weeks across New Year"),
        pytest.param("2024-12-31T05:00Z", "2024-12-01/2025-01-31", "ends on 2025-01-31", id="more than two weeks"),
    ],
)
def test_a_period_that_has_not_begun_or_ends_after_the_running_year_is_refused(
    normalizer: Normalizer, an_event: Event, now: str, period: str, detail: str | None
) -> None:
    limits = Limits(dt.datetime.fromisoformat(now))
    event = decode_fast(msgspec.json.encode(an_event(period=period)))
    assert isinstance(event, NativeEvent)

    judged = normalizer.normalize(event, "hmis", limits)

    if detail is None:
        assert isinstance(judged, IndicatorReported)
    else:
        assert isinstance(judged, Fault)
        assert (judged.reason, judged.field, judged.value) == (QuarantineReason.BAD_PERIOD, "period", period)
        assert detail in judged.detail


def test_the_strict_and_the_lenient_decoder_read_the_same_event(an_event: Event) -> None:
    for fields in ({}, {"evidence": {"issued_on": "2023-03-09"}, "stage": "final"}, {"value": True}, {"value": 5}):
        raw = msgspec.json.encode(an_event(**fields))

        assert decode_fast(raw) == diagnose(raw)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner))
_FIELD_VALUES = _JSON | st.sampled_from(["C1", "C7", "rate", "paper", "male", "2024-09", "2024-10-02T08:30:00Z"])


def rows_read(normalizer: Normalizer, raw: bytes) -> int:
    """Return how many rows a line gives, good and bad, or 1 when it was refused as personal data."""
    reading = Reading(PayloadFormat.NDJSON)
    try:
        for _ in read_ndjson(raw, Desk(normalizer, Grant("hmis"), NOW), reading):
            pass
    except PatientLevelDataError:
        return 1
    assert reading.rows == len(reading.good) + len(reading.bad)
    return reading.rows


@given(st.dictionaries(st.sampled_from(NativeEvent.__struct_fields__), _FIELD_VALUES) | _JSON)
def test_any_json_is_judged_without_an_exception(normalizer: Normalizer, document: Any) -> None:
    assert rows_read(normalizer, json.dumps(document).encode()) == 1


@given(st.binary(min_size=1, max_size=60).map(lambda raw: b"x" + raw.replace(b"\n", b"")))
def test_any_bytes_are_judged_without_an_exception(normalizer: Normalizer, raw: bytes) -> None:
    assert rows_read(normalizer, raw) == 1
