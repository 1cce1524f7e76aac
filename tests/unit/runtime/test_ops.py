"""The operators' endpoints."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from shared.embedded.ports import free_port
from shared.runtime.metrics import Outcome, RuntimeMetrics
from shared.runtime.ops import Check, Note, ServerStoppedError, ops_routes, run_server
from shared.testing.polling import until


async def fine() -> str | None:
    return None


async def behind() -> str | None:
    return "7 entries behind"


async def catching_up() -> str | None:
    return Note("messages wait in the mailbox")


async def broken() -> str | None:
    raise ConnectionError("refused")


def application(**checks: Check) -> Starlette:
    registry = CollectorRegistry()
    RuntimeMetrics(registry, ["s.v1.p0"])
    return Starlette(routes=ops_routes(registry, checks))


async def get(app: Starlette, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        return await client.get(path)


async def test_a_live_process_says_so() -> None:
    assert (await get(application(database=broken), "/healthz")).status_code == 200


async def test_a_service_is_ready_when_all_its_checks_are_fine() -> None:
    response = await get(application(database=fine, redis=fine), "/readyz")

    assert response.status_code == 200
    assert response.json() == {"ready": True, "checks": {"database": "ok", "redis": "ok"}}


async def test_a_service_that_is_not_ready_says_which_check_and_why() -> None:
    response = await get(application(database=broken, lag=behind, redis=fine), "/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "ready": False,
        "checks": {"database": "ConnectionError: refused", "lag": "7 entries behind", "redis": "ok"},
    }


async def test_a_note_is_shown_and_leaves_the_service_ready() -> None:
    response = await get(application(database=fine, publishing=catching_up), "/readyz")

    assert response.status_code == 200
    assert response.json()["checks"] == {"database": "ok", "publishing": "messages wait in the mailbox"}


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_every_outcome_is_present_at_0_from_the_start(outcome: Outcome) -> None:
    response = await get(application(), "/metrics")

    assert f'datchuan_messages_total{{outcome="{outcome}",stream="s.v1.p0"}} 0.0' in response.text


@pytest.fixture
async def stop() -> AsyncIterator[asyncio.Event]:
    event = asyncio.Event()
    yield event
    event.set()


async def test_the_server_finishes_running_requests_when_stopped(stop: asyncio.Event) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow() -> str | None:
        entered.set()
        await release.wait()
        return None

    port = free_port()
    server = asyncio.create_task(run_server(application(slow=slow), "127.0.0.1", port, stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await until(lambda: answers(client), what="the server")
        request = asyncio.create_task(client.get("/readyz"))
        await entered.wait()
        stop.set()
        release.set()

        assert (await request).status_code == 200
    await server


async def test_a_cancelled_server_ends() -> None:
    port = free_port()
    server = asyncio.create_task(run_server(application(), "127.0.0.1", port))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await until(lambda: answers(client), what="the server")

    server.cancel()

    await asyncio.wait({server}, timeout=3)
    assert server.cancelled()


async def test_a_port_in_use_is_named_with_the_remedy(stop: asyncio.Event) -> None:
    port = free_port()
    first = asyncio.create_task(run_server(application(), "127.0.0.1", port, stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await until(lambda: answers(client), what="the server")

    with pytest.raises(ServerStoppedError, match=f"127.0.0.1:{port}.*DATCHUAN_PORT"):
        await run_server(application(), "127.0.0.1", port, stop)

    stop.set()
    await first


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False
