"""Senders that hang up in the middle of an upload, on real sockets: nobody can be answered, and nothing has failed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.embedded.ports import free_port
from shared.runtime.ops import run_server
from shared.testing.polling import until

pytestmark = pytest.mark.integration
PATHS = ["/v1/events", "/v1/import", "/api/dataValueSets", "/fhir"]


@asynccontextmanager
async def served(service: Any) -> AsyncIterator[int]:
    """Serve the application on a real socket; yield its port."""
    port, stop = free_port(), asyncio.Event()
    server = asyncio.create_task(run_server(service.application.http, "127.0.0.1", port, stop))

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    try:
        await until(answers, what="the server to listen")
        yield port
    finally:
        stop.set()
        await server


def beginning_of(service: Any, path: str, content_type: str, body: bytes) -> bytes:
    """Return a request that announces more than it sends."""
    lines = (
        f"POST {path} HTTP/1.1", "Host: ingest", f"Authorization: {service.client.headers['authorization']}",
        f"Content-Type: {content_type}", "Content-Length: 100000",
    )  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def hang_ups(service: Any) -> float:
    """Return how many hang-ups were counted."""
    text = (await service.client.get("/metrics")).text
    (line,) = [line for line in text.splitlines() if line.startswith("datchuan_ingest_hang_ups_total ")]
    return float(line.rpartition(" ")[2])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("is_abrupt", [False, True])
async def test_a_sender_that_hangs_up_is_no_failure(service: Any, path: str, is_abrupt: bool) -> None:
    with capture_logs() as logs:
        async with served(service) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(beginning_of(service, path, "application/json", b'{"dataValues":['))
            await writer.drain()
            if is_abrupt:
                writer.transport.abort()
            else:
                writer.close()

            async def is_counted() -> bool:
                return await hang_ups(service) == 1

            await until(is_counted, what="the hang-up to be counted")

    text = (await service.client.get("/metrics")).text
    counted = [line for line in text.splitlines() if line.startswith("datchuan_ingest_requests_total{")]
    assert [line for line in counted if not line.endswith(" 0.0")] == []
    assert [log["log_level"] for log in logs if log["event"] == "a sender hung up"] == ["info"]
    assert [log for log in logs if log["log_level"] in ("error", "warning")] == []
    assert await service.rows("SELECT count(*) FROM ingest.request") == [0]


async def test_a_form_that_breaks_off_leaves_nothing_behind(service: Any) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n1;2\r\n'
    async with served(service) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(beginning_of(service, "/v1/import", "multipart/form-data; boundary=b", form))
        await writer.drain()
        writer.close()

        async def is_counted() -> bool:
            return await hang_ups(service) == 1

        await until(is_counted, what="the hang-up to be counted")

    assert await service.rows("SELECT count(*) FROM ingest.request") == [0]
    assert await service.quarantine.list() == []
