"""Senders that stall in the middle of an upload: they are told so, and nobody else notices."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from shared.testing.polling import until

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]
NDJSON = {"Content-Type": "application/x-ndjson"}
LIMITS: dict[str, Any] = {"max_body_bytes": 1_000_000, "max_in_flight_bytes": 4_000_000}
FOLDED = gzip.compress(b" " * 900_000)[:-1]


class Stalling:
    """Uploads that send a beginning and then nothing more."""

    def __init__(self, client: httpx.AsyncClient, beginning: bytes, count: int, headers: dict[str, str]) -> None:
        self.count = count
        self.stalled = 0
        self.tasks = [
            asyncio.create_task(client.post("/v1/events", content=self._body(beginning), headers=NDJSON | headers))
            for _ in range(count)
        ]

    async def _body(self, beginning: bytes) -> AsyncIterator[bytes]:
        yield beginning
        self.stalled += 1
        await asyncio.Event().wait()

    def answers(self) -> Iterator[httpx.Response]:
        """Yield the answers that came so far."""
        return (task.result() for task in self.tasks if task.done())

    def has_settled(self) -> bool:
        """Tell whether each upload has stalled or was answered."""
        return self.stalled + sum(1 for _ in self.answers()) == self.count


@asynccontextmanager
async def stalling(client: httpx.AsyncClient, beginning: bytes, count: int, **headers: str) -> AsyncIterator[Stalling]:
    uploads = Stalling(client, beginning, count, headers)
    try:
        await until(uploads.has_settled, what="every upload to stall or be refused")
        yield uploads
    finally:
        for task in uploads.tasks:
            task.cancel()
        await asyncio.gather(*uploads.tasks, return_exceptions=True)


@pytest.mark.parametrize(
    ("beginning", "headers"),
    [
        pytest.param(b"{", {"Content-Length": "1000000"}, id="announced but not sent"),
        pytest.param(b" " * 900_000, {"Content-Length": "1000000"}, id="nearly sent"),
        pytest.param(FOLDED, {"Content-Length": "1000000", "Content-Encoding": "gzip"}, id="nearly sent as gzip"),
    ],
)
async def test_stalled_uploads_of_one_sender_shut_nobody_else_out(
    start_service: Any, database_url: str, redis_url: str, an_event: Event, beginning: bytes, headers: dict[str, str]
) -> None:
    async with start_service(database_url, redis_url, **LIMITS) as service:
        _, token = await service.tokens.create("other", "bhxh")
        async with stalling(service.client, beginning, 16, **headers):
            answer = await service.post(an_event(1), Authorization=f"Bearer {token}")

        assert answer.status_code == 202
        assert await service.journal() == ["e1"]


async def test_small_gzips_that_unfold_to_much_are_put_off_like_large_bodies(
    start_service: Any, database_url: str, redis_url: str
) -> None:
    async with start_service(database_url, redis_url, **LIMITS) as service:
        headers = {"Content-Length": str(len(FOLDED) + 1), "Content-Encoding": "gzip"}
        async with stalling(service.client, FOLDED, 6, **headers) as uploads:
            refused = list(uploads.answers())

        assert [answer.status_code for answer in refused] == [503] * 4
        assert {answer.json()["type"] for answer in refused} == {"urn:datchuan:problem:overloaded"}
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}


@pytest.mark.parametrize("path", ["/v1/events", "/v1/import", "/api/dataValueSets", "/fhir"])
async def test_a_stalled_upload_is_answered_after_the_deadline(
    start_service: Any, database_url: str, redis_url: str, path: str
) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b'{"id":'
        await asyncio.Event().wait()

    async with start_service(database_url, redis_url, body_timeout_seconds=0.05) as service, asyncio.timeout(20):
        headers = {"Content-Type": "application/json", "Content-Length": "1000"}
        answer = await service.client.post(path, content=stalled(), headers=headers)

        assert answer.status_code == 408
        assert answer.headers["connection"] == "close"
        assert "not complete after 0.05 seconds" in answer.text
        assert await service.rows("SELECT count(*) FROM ingest.request") == [0]
