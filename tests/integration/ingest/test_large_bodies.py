"""Bodies larger than what is read into memory: taken in parts, told as one, refused as one."""

import gzip
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from tests.integration.ingest.conftest import Service

pytestmark = pytest.mark.integration
LINES = 60_000
IMPORT = "/v1/import"


@pytest.fixture
async def service(start_service: Callable[..., Any], database_url: str, redis_url: str) -> AsyncIterator[Service]:
    """The service, which reads no more than 64 KB into memory."""
    async with start_service(database_url, redis_url, max_body_bytes=64 * 1024) as running:
        yield running


def values(count: int) -> list[dict[str, Any]]:
    return [
        {
            "dataElement": "Paper", "orgUnit": "C1", "period": "2024-09", "value": "true",
            "lastUpdated": f"2024-10-02T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000+0700",
        }
        for number in range(count)
    ]  # fmt: skip


async def test_twenty_megabytes_are_taken_and_told_with_the_places_of_the_whole_body(
    service: Service, an_event: Callable[..., dict[str, Any]]
) -> None:
    padding = "x" * 150
    lines = [msgspec.json.encode(an_event(number, note=padding)) for number in range(LINES)]
    lines[LINES - 2] = b"{broken"
    body = b"\n".join(lines)

    first = await service.client.post(IMPORT, content=body, headers={"Content-Type": "application/x-ndjson"})
    again = await service.client.post(IMPORT, content=body, headers={"Content-Type": "application/x-ndjson"})

    assert len(body) > 18_000_000
    report = first.json()
    assert first.status_code == 202
    assert (report["rows"], report["quarantined"]) == (LINES, 1)
    assert report["accepted"] + report["updated"] + report["stale"] == LINES - 1
    assert report["conflicts"][0]["place"] == f"line {LINES - 1}"
    assert (again.status_code, again.json()["duplicates"]) == (200, LINES - 1)
    assert await service.rows("SELECT count(*) FROM ingest.journal") == [LINES - 1]


async def test_data_values_are_taken_in_parts_with_the_context_above_them(service: Service) -> None:
    rows = values(20_000)
    rows[19_000]["value"] = "many"
    body = msgspec.json.encode({"dataValues": rows, "completeDate": "2024-10-10"})

    answer = await service.client.post("/api/dataValueSets", content=body, headers={"Content-Type": "application/json"})

    response = answer.json()["response"]
    assert answer.status_code == 200
    assert response["rejectedIndexes"] == [19_000]
    assert response["conflicts"][0]["place"] == "dataValues[19000]"
    assert response["dataSetComplete"] == "2024-10-10"
    assert await service.rows("SELECT count(*) FROM ingest.journal") == [19_999]
    assert await service.rows("SELECT place FROM ingest.quarantine") == ["dataValues[19000]"]


@pytest.mark.parametrize(
    ("tail", "status", "slug"),
    [
        pytest.param(b'{"ho_ten":"x"}]}', 422, "patient_level_data", id="a person in the last row"),
        pytest.param(b'{"value":"1"}', 400, "malformed_body", id="cut off"),
    ],
)
async def test_what_is_wrong_with_the_last_row_of_a_body_refuses_all_of_it(
    service: Service, tail: bytes, status: int, slug: str
) -> None:
    body = msgspec.json.encode({"dataValues": values(20_000)})[:-2] + b"," + tail

    answer = await service.client.post(IMPORT, content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (status, slug)
    assert await service.journal() == []
    assert await service.rows("SELECT count(*) FROM ingest.quarantine") == [0]


async def test_a_dry_run_of_a_large_body_stores_nothing(service: Service) -> None:
    body = msgspec.json.encode({"dataValues": values(20_000)})

    answer = await service.client.post(f"{IMPORT}?dryRun=true", content=body)

    assert (answer.status_code, answer.json()["rows"]) == (200, 20_000)
    assert await service.journal() == []


async def test_a_large_body_cannot_be_atomic(service: Service) -> None:
    body = msgspec.json.encode({"dataValues": values(5_000)})

    answer = await service.client.post(f"{IMPORT}?atomic=true", content=body)

    assert answer.status_code == 413
    assert "atomic" in answer.json()["detail"]
    assert await service.journal() == []


async def test_a_large_file_of_a_form_and_a_folded_one_are_taken_too(service: Service) -> None:
    body = msgspec.json.encode({"dataValues": values(5_000)})
    form = {"file": ("values.json", body, "application/json")}

    first = await service.client.post(IMPORT, files=form)
    folded = await service.client.post(IMPORT, content=gzip.compress(body))
    encoded = await service.client.post(IMPORT, content=gzip.compress(body), headers={"Content-Encoding": "gzip"})

    assert (first.status_code, first.json()["rows"]) == (202, 5_000)
    assert [(answer.status_code, answer.json()["duplicates"]) for answer in (folded, encoded)] == [(200, 5_000)] * 2


async def test_native_events_have_their_own_endpoint_with_its_own_limit(service: Service) -> None:
    answer = await service.client.post(
        "/v1/events", content=b"{}\n" * 40_000, headers={"Content-Type": "application/x-ndjson"}
    )

    assert answer.status_code == 413
