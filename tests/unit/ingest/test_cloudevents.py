"""CloudEvents in their three modes."""

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from services.ingest.adapters.formats import cloudevents
from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.tokens import Grant
from shared.contracts.vocabulary import QuarantineReason as Reason

DATA = {"indicator": "rate", "sex": "female", "period": "2024-09", "numerator": 950, "denominator": 1000}
ReadCloudEvents = Callable[..., Reading]
READER = cloudevents.CloudEventReader({})


def a_cloud_event(**attributes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "specversion": "1.0",
        "id": "A234",
        "source": "hmis",
        "type": "vn.datchuan.indicator.reported",
        "time": "2024-10-02T08:30:00+07:00",
        "subject": "C1",
        "datacontenttype": "application/json",
        "data": DATA,
    }
    return {name: value for name, value in (known | attributes).items() if value is not None}


@pytest.fixture
def read_cloud(desk: Desk) -> ReadCloudEvents:
    """Reads one CloudEvent, or a batch of several."""

    def run(*events: Any, at: Desk | None = None) -> Reading:
        reading = Reading(PayloadFormat.CLOUDEVENTS)
        read = READER.read_structured if len(events) == 1 else READER.read_batch
        body = msgspec.json.encode(events[0] if len(events) == 1 else events)
        for _ in read(body, at or desk, reading):
            pass
        return reading

    return run


def test_id_and_source_are_those_of_the_cloud_event_and_time_and_subject_stand_in(read_cloud: ReadCloudEvents) -> None:
    event = read_cloud(a_cloud_event()).good[0].event

    assert (event.event_id, event.source, event.unit) == ("A234", "hmis", "C1")
    assert event.observed_at.isoformat() == "2024-10-02T01:30:00+00:00"


def test_what_the_data_say_goes_before_time_and_subject(read_cloud: ReadCloudEvents) -> None:
    data = DATA | {"commune": "C2", "observed_at": "2024-10-03T00:00:00Z", "id": "inner", "source": "agri"}

    event = read_cloud(a_cloud_event(data=data)).good[0].event

    assert (event.event_id, event.source, event.unit) == ("A234", "hmis", "C2")
    assert event.observed_at.isoformat() == "2024-10-03T00:00:00+00:00"


def test_an_array_of_data_gives_each_event_an_id_of_its_own(read_cloud: ReadCloudEvents) -> None:
    reading = read_cloud(a_cloud_event(data=[DATA, DATA | {"sex": "M"}, DATA | {"sex": "male"}]))

    assert [draft.event.event_id for draft in reading.good] == ["A234/0", "A234/2"]
    assert [(bad.event_id, bad.fault.field) for bad in reading.bad] == [("A234/1", "data[1].sex")]


def test_a_quarantined_part_can_be_read_again_by_itself(read_cloud: ReadCloudEvents) -> None:
    bad = read_cloud(a_cloud_event(data=[DATA, DATA | {"sex": "M"}])).bad[0]

    again = read_cloud(msgspec.json.decode(bad.raw)).bad[0]

    assert (again.event_id, again.fault.reason) == ("A234/1", Reason.UNKNOWN_SEX)


@pytest.mark.parametrize(
    ("attributes", "reason", "field"),
    [
        pytest.param({"id": None}, Reason.MISSING_FIELD, "id", id="no id is never invented"),
        pytest.param({"id": ""}, Reason.MISSING_FIELD, "id", id="empty id"),
        pytest.param({"source": None}, Reason.MISSING_FIELD, "source", id="no source"),
        pytest.param({"type": None}, Reason.MISSING_FIELD, "type", id="no type"),
        pytest.param({"id": 5}, Reason.WRONG_TYPE, "id", id="id is a number"),
        pytest.param({"specversion": "0.3"}, Reason.UNSUPPORTED_DATA, "specversion", id="older version"),
        pytest.param({"specversion": None}, Reason.UNSUPPORTED_DATA, "specversion", id="no version"),
        pytest.param({"datacontenttype": "application/xml"}, Reason.UNSUPPORTED_DATA, "datacontenttype", id="xml"),
        pytest.param({"data": "I'm just a string"}, Reason.UNSUPPORTED_DATA, "data", id="a string"),
        pytest.param({"data": None}, Reason.UNSUPPORTED_DATA, "data", id="no data"),
        pytest.param({"data": []}, Reason.UNSUPPORTED_DATA, "data", id="no event in the data"),
        pytest.param({"data": None, "data_base64": "???"}, Reason.UNSUPPORTED_DATA, "data_base64", id="no base64"),
        pytest.param({"type": "com.example.e", "data": {"a": 1}}, Reason.UNSUPPORTED_DATA, "data", id="another's data"),
        pytest.param({"data": {"period": "2024"}}, Reason.MISSING_FIELD, "data.indicator", id="ours without indicator"),
        pytest.param(
            {"source": "/mycontext"}, Reason.SOURCE_NOT_ALLOWED, "data.source", id="a source not ours to send"
        ),
        pytest.param({"time": None}, Reason.MISSING_FIELD, "data.observed_at", id="no time at all"),
        pytest.param({"subject": None}, Reason.MISSING_FIELD, "data.commune", id="no commune at all"),
    ],
)
def test_what_cannot_be_taken_is_set_aside(
    read_cloud: ReadCloudEvents, attributes: dict[str, Any], reason: Reason, field: str
) -> None:
    reading = read_cloud(a_cloud_event(**attributes))

    assert [(bad.fault.reason, bad.fault.field) for bad in reading.bad] == [(reason, field)]
    assert reading.good == []


def test_any_type_may_carry_a_native_event(read_cloud: ReadCloudEvents) -> None:
    assert len(read_cloud(a_cloud_event(type="com.example.report")).good) == 1


def test_any_source_may_be_sent_with_a_token_for_all(read_cloud: ReadCloudEvents, desk: Desk) -> None:
    relay = Desk(desk.normalizer, Grant("gateway", frozenset({"*"})), desk.received_at)

    assert read_cloud(a_cloud_event(source="/mycontext/4"), at=relay).good[0].event.source == "/mycontext/4"


def test_base64_data_are_decoded(read_cloud: ReadCloudEvents) -> None:
    encoded = base64.b64encode(msgspec.json.encode(DATA)).decode()

    assert len(read_cloud(a_cloud_event(data=None, data_base64=encoded)).good) == 1


def test_a_bad_event_of_a_batch_never_harms_its_neighbours(read_cloud: ReadCloudEvents) -> None:
    reading = read_cloud(a_cloud_event(id="a"), 7, a_cloud_event(id="b", data="x"), a_cloud_event(id="c"))

    assert [draft.event.event_id for draft in reading.good] == ["a", "c"]
    assert [bad.row for bad in reading.bad] == [1, 2]


def test_binary_mode_is_known_by_its_headers_whose_values_are_percent_decoded(desk: Desk) -> None:
    headers = {
        "content-type": "application/json; charset=utf-8",
        "ce-specversion": "1.0",
        "ce-id": "x%201",
        "ce-source": "hmis",
        "ce-type": "com.example",
        "ce-time": "2024-10-02T08:30:00Z",
        "ce-subject": "C1",
    }
    reading = Reading(PayloadFormat.CLOUDEVENTS)

    assert cloudevents.is_binary(headers)
    body = cloudevents.from_binary(headers, msgspec.json.encode(DATA))
    for _ in READER.read_structured(body, desk, reading):
        pass

    assert reading.good[0].event.event_id == "x 1"


def test_binary_mode_with_another_content_type_is_set_aside(desk: Desk) -> None:
    headers = {"content-type": "text/plain", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "hmis", "ce-type": "t"}
    reading = Reading(PayloadFormat.CLOUDEVENTS)

    for _ in READER.read_structured(cloudevents.from_binary(headers, b"Hello"), desk, reading):
        pass

    assert reading.bad[0].fault.reason is Reason.UNSUPPORTED_DATA


def test_personal_data_inside_refuse_the_request(read_cloud: ReadCloudEvents) -> None:
    with pytest.raises(PatientLevelDataError):
        read_cloud(a_cloud_event(data={"resourceType": "Patient"}))


@pytest.mark.parametrize("body", [b"", b"{", b"[1"])
def test_a_body_that_is_no_json_is_refused_as_a_whole(desk: Desk, body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        next(READER.read_structured(body, desk, Reading(PayloadFormat.CLOUDEVENTS)))


def test_batch_and_single_are_not_mixed_up(desk: Desk) -> None:
    with pytest.raises(MalformedBodyError):
        next(READER.read_structured(b"[]", desk, Reading(PayloadFormat.CLOUDEVENTS)))
    with pytest.raises(MalformedBodyError):
        next(READER.read_batch(b"{}", desk, Reading(PayloadFormat.CLOUDEVENTS)))
