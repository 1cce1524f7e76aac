"""Bad inputs: each a clear error, nothing lost, nothing half-applied."""

import gzip
import logging
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
GOOD = (
    b'{"id":"good","commune":"C1","indicator":"kids","period":"2024","numerator":1,"denominator":9,'
    b'"observed_at":"2024-10-01T00:00:00Z"}\n'
)

BAD_REQUESTS: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("an empty body", b"", JSON, 400, "malformed_body"),
    ("an empty NDJSON", b"\n \n", NDJSON, 400, "malformed_body"),
    ("JSON cut off", b'{"id":"e1"', JSON, 400, "malformed_body"),
    ("an array cut off", b"[" + GOOD.strip() + b',{"id"', JSON, 400, "malformed_body"),
    ("a nest of arrays", b"[" * 200_000, JSON, 400, "malformed_body"),
    ("a nest of objects", b'{"a":' * 200_000, JSON, 400, "malformed_body"),
    ("text that is no UTF-8", b'{"id":"\xff\xfe"}', JSON, 400, "malformed_body"),
    ("a broken gzip", b"nonsense", JSON | {"Content-Encoding": "gzip"}, 400, "malformed_body"),
    ("a gzip bomb", gzip.compress(b" " * 3_000_000), JSON | {"Content-Encoding": "gzip"}, 413, "body_too_large"),
    ("a huge body", b" " * 1_000_001, JSON, 413, "body_too_large"),
    ("a file of something else", b"1;2\n" * 10_001, NDJSON, 413, "body_too_large"),
    ("an unknown encoding", GOOD, JSON | {"Content-Encoding": "br"}, 415, "unsupported_format"),
    ("XML", b"<adx/>", {"Content-Type": "application/xml"}, 415, "unsupported_format"),
    ("a form", b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_format"),
    ("no content type", GOOD, {"Content-Type": ""}, 415, "unsupported_format"),
    ("no token", GOOD, NDJSON | {"Authorization": ""}, 401, "unauthorized"),
    ("an unknown token", GOOD, NDJSON | {"Authorization": "Bearer wrong"}, 401, "unauthorized"),
    ("a patient among good rows", GOOD + b'{"id":"p","ho_ten":"Nguyen Van A"}', NDJSON, 422, "patient_level_data"),
    ("a FHIR patient", b'{"resourceType":"Patient","name":"Nguyen Van A"}', JSON, 422, "patient_level_data"),
    ("insurance records", b"<GIAMDINHHS><HO_TEN>Nguyen Van A</HO_TEN></GIAMDINHHS>",
     {"Content-Type": "application/xml"}, 422, "patient_level_data"),
    ("a patient in a broken line", GOOD + b'{"id":"p","ho_ten":"Nguyen Van A', NDJSON, 422, "patient_level_data"),
    ("only NaN", GOOD.replace(b'"numerator":1', b'"numerator":NaN'), NDJSON, 422, "nothing_accepted"),
    ("half a surrogate pair in an id", GOOD.replace(b'"good"', b'"b\\ud800"'), NDJSON, 422, "nothing_accepted"),
    ("half a surrogate pair in an array", b'[{"id":"b\\ud800"}]', JSON, 400, "malformed_body"),
    ("only a wrong commune", GOOD.replace(b"C1", b"06187.0"), NDJSON, 422, "nothing_accepted"),
    ("only a numerator over its denominator", GOOD.replace(b":9", b":0.5"), NDJSON, 422, "nothing_accepted"),
    ("a CloudEvent without id", b'{"specversion":"1.0","source":"hmis","type":"t","data":{"indicator":"x"}}',
     {"Content-Type": "application/cloudevents+json"}, 422, "nothing_accepted"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "headers", "status", "problem"), [pytest.param(*case[1:], id=case[0]) for case in BAD_REQUESTS]
)
async def test_a_bad_request_gets_a_problem_that_says_what_to_do(
    start_service: Any,
    database_url: str,
    redis_url: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    problem: str,
) -> None:
    async with start_service(database_url, redis_url, max_body_bytes=1_000_000) as service:
        answer = await service.client.post("/v1/events", content=body, headers=headers)

        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        assert told["type"] == f"urn:datchuan:problem:{problem}"
        assert told["status"] == status
        assert told["title"]
        assert told["remedy"]
        assert told["instance"].startswith("urn:uuid:")
        assert await service.journal() == []
        assert await service.rows("SELECT count(*) FROM messaging.mailbox") == [0]
        if problem != "nothing_accepted":
            assert await service.rows("SELECT count(*) FROM ingest.request") == [0]
            assert await service.quarantine.list() == []


async def test_personal_data_never_reach_the_log(
    service: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        await service.client.post("/v1/events", json={"ho_ten": "Nguyen Van A", "id": "e1"})

    captured = capfd.readouterr()
    assert "Nguyen" not in caplog.text + captured.out + captured.err


async def test_a_401_says_how_to_authenticate(service: Any) -> None:
    answer = await service.client.post("/v1/events", json={}, headers={"Authorization": "Bearer wrong"})

    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_revoked_token_is_refused(service: Any, an_event: Event) -> None:
    token_id, token = await service.tokens.create("short", "hmis")
    headers = {"Authorization": f"Bearer {token}"}
    assert (await service.post(an_event(1), **headers)).status_code == 202

    assert await service.tokens.revoke(token_id)

    assert (await service.post(an_event(2), **headers)).status_code == 401
    assert not await service.tokens.revoke(token_id)
    assert [row.revoked_at is not None for row in await service.tokens.list()] == [False, True]


async def test_a_token_opens_only_its_endpoints(service: Any, an_event: Event, events_only: Any) -> None:
    _, token = await service.tokens.create("narrow", "hmis", scopes=events_only)
    headers = {"Authorization": f"Bearer {token}"}

    assert (await service.post(an_event(1), **headers)).status_code == 202
    refused = await service.client.post("/api/dataValueSets", json={"dataValues": []}, headers=headers)
    assert (refused.status_code, refused.json()["status"]) == (403, "ERROR")


async def test_a_source_that_the_token_may_not_send_for_is_set_aside(service: Any, an_event: Event) -> None:
    answer = await service.post(an_event(1), an_event(2, source="agri"))

    assert answer.json()["errors"][0]["reason"] == "source_not_allowed"
    assert await service.journal() == ["e1"]


async def test_ids_and_texts_that_databases_stumble_over_are_kept_or_set_aside(service: Any, an_event: Event) -> None:
    odd = ["a\\b", "\\N", "tab\\t", "ế-日本-🌏", "'; DROP TABLE x; --", '{"a":1}', "\\."]
    bad = ["nul\x00", "line\nbreak", "tab\t", "x" * 201]

    answer = await service.post(*(an_event(1, id=name) for name in odd + bad))

    assert (answer.json()["accepted"], answer.json()["quarantined"]) == (len(odd), len(bad))
    assert await service.journal() == odd
    again = await service.post(*(an_event(1, id=name) for name in odd))
    assert again.json()["duplicates"] == len(odd)


async def test_wrong_paths_and_methods_are_problems_too(service: Any) -> None:
    missing = await service.client.get("/nowhere")
    method = await service.client.get("/v1/events")

    assert (missing.status_code, method.status_code) == (404, 405)
    assert missing.headers["content-type"] == "application/problem+json"


async def test_a_row_of_a_wrong_type_is_no_reason_to_fail(service: Any) -> None:
    rows: list[Any] = [None, 1, "x", [], [[]], {}, {"id": {}}, {"id": "a", "evidence": {"issued_on": []}}, True, 1.5]

    answer = await service.client.post("/v1/events", content=msgspec.json.encode(rows), headers=JSON)

    assert answer.status_code == 422
    assert answer.json()["quarantined"] == len(rows)


async def test_events_take_no_parameters_so_nothing_is_stored_as_a_trial(
    service: Any, an_event: Callable[..., Any]
) -> None:
    answer = await service.client.post("/v1/events?dryRun=true", json=an_event(1))

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:datchuan:problem:unsupported_request")
    assert "/v1/import" in answer.json()["detail"]
    assert await service.journal() == []
