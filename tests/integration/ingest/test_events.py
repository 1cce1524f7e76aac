"""POST /v1/events: what is committed, what is answered, and what reaches the stream."""

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import redis.asyncio as redis

from shared.contracts.streams import MAX_EVENTS_PER_MESSAGE
from shared.contracts.wire import IndicatorReported, decode_indicator_reported
from shared.testing.polling import until

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]
decode_event = msgspec.json.Decoder(IndicatorReported).decode


async def test_accepted_reports_are_in_the_journal_and_in_the_mailbox_before_the_answer(
    service: Any, an_event: Event
) -> None:
    answer = await service.post(an_event(1), an_event(2, source="bhxh"))

    assert answer.status_code == 202
    assert answer.json() == {"accepted": 2, "duplicates": 0, "quarantined": 0, "errors": []}
    stored = await service.rows("SELECT seq, source, event_id, row, event FROM ingest.journal ORDER BY seq")
    (payload,) = await service.rows("SELECT payload FROM messaging.mailbox")
    events = decode_indicator_reported(payload).events
    assert [(seq, source, event_id, row) for seq, source, event_id, row, _ in stored] == [
        (events[0].seq, "hmis", "e1", 1),
        (events[1].seq, "bhxh", "e2", 2),
    ]
    assert tuple(decode_event(event) for *_, event in stored) == events
    assert await service.rows("SELECT rows, content_type FROM ingest.request") == [(2, "application/x-ndjson")]


async def test_committed_messages_reach_the_stream(service: Any, an_event: Event, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    try:
        await service.post(an_event())

        await until(lambda: client.xlen("datchuan.indicator.reported.v1.p0"), what="the message in the stream")
        assert len([key async for key in client.scan_iter("datchuan:mailbox:*")]) == 1
    finally:
        await client.aclose()


async def test_reports_are_taken_while_redis_is_away(start_service: Any, an_event: Event, database_url: str) -> None:
    async with start_service(database_url, "redis://127.0.0.1:1/0") as service:
        answer = await service.post(an_event())

        assert answer.status_code == 202
        assert await service.rows("SELECT count(*) FROM messaging.mailbox") == [1]


async def test_a_replay_is_answered_as_duplicates_and_stores_nothing(service: Any, an_event: Event) -> None:
    events = [an_event(number) for number in range(20)]
    await service.post(*events)

    replay = await service.post(*events, events[0])

    assert replay.status_code == 202
    assert replay.json() == {"accepted": 0, "duplicates": 21, "quarantined": 0, "errors": []}
    assert await service.rows("SELECT count(*) FROM ingest.request") == [1]
    assert await service.rows("SELECT count(*) FROM messaging.mailbox") == [1]


async def test_a_replay_after_a_restart_is_found_in_the_journal(
    start_service: Any, an_event: Event, database_url: str, redis_url: str
) -> None:
    events = [an_event(number) for number in range(20)]
    async with start_service(database_url, redis_url) as first:
        await first.post(*events)

    async with start_service(database_url, redis_url) as second:
        mixed = await second.post(an_event(99), *events, an_event(5, numerator=1))

        assert (mixed.json()["accepted"], mixed.json()["duplicates"], mixed.json()["quarantined"]) == (1, 20, 1)
        assert mixed.json()["errors"][0]["reason"] == "id_reused"
        assert len(await second.journal()) == 21


async def test_ids_that_another_process_has_just_written_are_found(
    start_service: Any, an_event: Event, database_url: str, redis_url: str
) -> None:
    async with (
        start_service(database_url, redis_url) as one,
        start_service(database_url, redis_url) as other,
    ):
        # Both have seen that nothing conflicts, so both now write without looking first.
        await one.post(an_event(1))
        await other.post(an_event(2))
        await one.post(*(an_event(number) for number in range(10, 20)))

        answer = await other.post(*(an_event(number) for number in range(15, 25)))

        assert (answer.json()["accepted"], answer.json()["duplicates"]) == (5, 5)
        assert len(await one.journal()) == 17


async def test_a_reused_id_is_set_aside_and_the_first_report_stays(service: Any, an_event: Event) -> None:
    await service.post(an_event(1))

    answer = await service.post(an_event(1, numerator=1), an_event(2))

    (error,) = answer.json()["errors"]
    assert (error["reason"], error["id"], error["row"], error["row_kind"]) == ("id_reused", "e1", 1, "line")
    assert await service.journal() == ["e1", "e2"]
    assert (await service.quarantine.show(error["quarantine_id"])).raw == msgspec.json.encode(an_event(1, numerator=1))


async def test_good_rows_are_kept_and_bad_rows_listed_with_their_remedy(service: Any, an_event: Event) -> None:
    answer = await service.post(an_event(1), an_event(2, commune="X99"), b'{"id":"e3","comm', an_event(4, sex=None))

    body = answer.json()
    assert answer.status_code == 202
    assert (body["accepted"], body["quarantined"]) == (1, 3)
    assert [(error["row"], error["reason"], error["field"]) for error in body["errors"]] == [
        (2, "unknown_commune", "commune"),
        (3, "malformed_json", ""),
        (4, "missing_sex", "sex"),
    ]
    assert all(error["remedy"] and error["remedy_vi"] and error["quarantine_id"] for error in body["errors"])
    rows = await service.quarantine.list()
    assert {row.reason for row in rows} == {"unknown_commune", "malformed_json", "missing_sex"}


async def test_the_same_bad_row_again_is_counted_not_stored_again(service: Any, an_event: Event) -> None:
    bad = an_event(1, commune="X99")
    first = await service.post(bad, bad)

    second = await service.post(bad)

    assert first.json()["quarantined"] == 2
    (row,) = await service.quarantine.list()
    assert row.seen == 3
    assert second.json()["errors"][0]["quarantine_id"] == row.id


async def test_a_request_without_one_good_row_is_a_problem_with_the_same_report(service: Any, an_event: Event) -> None:
    answer = await service.post(an_event(1, commune="X99"))

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == "urn:datchuan:problem:nothing_accepted"
    assert (body["quarantined"], body["errors"][0]["reason"]) == (1, "unknown_commune")


async def test_only_the_first_100_errors_are_listed(service: Any, an_event: Event) -> None:
    bad = [an_event(number, commune="X99") for number in range(130)]

    body = (await service.post(an_event(999), *bad)).json()

    assert (len(body["errors"]), body["errors_omitted"], body["quarantined"]) == (100, 30, 130)


async def test_a_large_request_makes_several_messages_of_consecutive_numbers(service: Any, an_event: Event) -> None:
    await service.post(*(an_event(number) for number in range(MAX_EVENTS_PER_MESSAGE * 2 + 7)))

    payloads = await service.rows("SELECT payload FROM messaging.mailbox")
    batches = sorted(
        (decode_indicator_reported(payload).events for payload in payloads), key=lambda events: events[0].seq
    )
    assert [len(events) for events in batches] == [500, 500, 7]
    assert all(
        [event.seq for event in events] == list(range(events[0].seq, events[0].seq + len(events))) for events in batches
    )


async def test_concurrent_requests_are_all_committed_in_fewer_transactions(service: Any, an_event: Event) -> None:
    answers = await asyncio.gather(
        *(service.post(*(an_event(10 * sender + row) for row in range(10))) for sender in range(50))
    )

    assert {answer.status_code for answer in answers} == {202}
    assert sorted(await service.journal()) == sorted(f"e{number}" for number in range(500))
    assert len(await service.rows("SELECT DISTINCT xmin::text FROM ingest.journal")) < 50


async def test_the_same_report_from_many_senders_at_once_is_taken_once(service: Any, an_event: Event) -> None:
    answers = await asyncio.gather(*(service.post(an_event(1)) for _ in range(20)))

    assert sum(answer.json()["accepted"] for answer in answers) == 1
    assert sum(answer.json()["duplicates"] for answer in answers) == 19


async def test_json_arrays_single_events_and_gzip_are_read(service: Any, an_event: Event) -> None:
    json_type = {"Content-Type": "application/json"}
    body = gzip.compress(msgspec.json.encode([an_event(2), an_event(3, sex="F")]))

    one = await service.client.post("/v1/events", json=an_event(1))
    many = await service.client.post("/v1/events", content=body, headers=json_type | {"Content-Encoding": "gzip"})
    none = await service.client.post("/v1/events", json=[])
    odd = await service.client.post(
        "/v1/events", content=msgspec.json.encode([an_event(4)]).replace(b"904", b"NaN"), headers=json_type
    )

    assert one.json()["accepted"] == 1
    assert (many.json()["accepted"], many.json()["errors"][0]["row"]) == (1, 1)
    assert (none.status_code, none.json()["accepted"]) == (202, 0)
    assert (odd.status_code, odd.json()["errors"][0]["reason"]) == (422, "not_a_number")
    assert await service.journal() == ["e1", "e2"]


async def test_cloud_events_are_taken_in_all_three_modes(service: Any, an_event: Event) -> None:
    data = an_event(1, id=None)

    def cloud(name: str) -> dict[str, Any]:
        return {"specversion": "1.0", "id": name, "source": "hmis", "type": "vn.datchuan.x", "data": data}

    async def send(content: Any, content_type: str, **headers: str) -> int:
        body = msgspec.json.encode(content)
        answer = await service.client.post("/v1/events", content=body, headers={"Content-Type": content_type} | headers)
        accepted: int = answer.json()["accepted"]
        return accepted

    binary = {"ce-specversion": "1.0", "ce-id": "c4", "ce-source": "hmis", "ce-type": "t"}
    assert await send(cloud("c1"), "application/cloudevents+json; charset=utf-8") == 1
    assert await send([cloud("c2"), cloud("c3")], "application/cloudevents-batch+json") == 2
    assert await send(data, "application/json", **binary) == 1
    assert await service.journal() == ["c1", "c2", "c3", "c4"]


async def test_metrics_count_every_row_and_every_reason_is_present_at_0(service: Any, an_event: Event) -> None:
    await service.post(an_event(1), an_event(1), an_event(2, commune="X99"))

    text = (await service.client.get("/metrics")).text

    assert 'datchuan_ingest_events_total{outcome="accepted"} 1.0' in text
    assert 'datchuan_ingest_events_total{outcome="duplicate"} 1.0' in text
    assert 'datchuan_ingest_quarantined_total{reason="unknown_commune"} 1.0' in text
    assert 'datchuan_ingest_quarantined_total{reason="zero_denominator"} 0.0' in text
    assert 'datchuan_ingest_requests_total{format="ndjson",status_class="2xx"} 1.0' in text


async def test_the_description_names_the_endpoints_and_the_native_event(service: Any) -> None:
    document = (await service.client.get("/openapi.json")).json()

    assert {"/v1/events", "/v1/import", "/api/dataValueSets", "/fhir"} <= set(document["paths"])
    assert "NativeEvent" in document["components"]["schemas"]
    assert (await service.client.get("/")).json()["openapi"] == "/openapi.json"
    assert (await service.client.get("/healthz")).status_code == 200
    assert (await service.client.get("/readyz")).json()["ready"] is True
