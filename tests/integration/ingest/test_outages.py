"""Killed servers and processes: never a false 202, nothing lost."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from datchuan.migrations import upgrade
from services.ingest.adapters.tokens import SqlTokenStore
from shared.embedded.ports import free_port
from shared.runtime.database import create_database
from shared.testing.polling import until
from shared.testing.servers import fresh_database, start_postgres

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]


async def test_with_postgresql_killed_the_answer_is_503_and_afterwards_all_is_taken(
    start_service: Any, an_event: Event, redis_url: str, tmp_path: Path
) -> None:
    with start_postgres(tmp_path / "postgres") as server, fresh_database(server, upgrade) as url:
        async with start_service(url, redis_url, token_cache_seconds=60.0) as service:
            assert (await service.post(an_event(1))).status_code == 202
            server.kill()

            away = await service.post(an_event(2))

            assert (away.status_code, away.headers["retry-after"]) == (503, "5")
            assert away.json()["type"] == "urn:datchuan:problem:store_unavailable"
            assert (await service.client.get("/readyz")).status_code == 503
            # Whoever takes over may lack even what was answered 202: the memory of it is worth nothing any more.
            assert (await service.post(an_event(1))).status_code == 503
            server.start()

            async def taken() -> bool:
                return bool((await service.post(an_event(1), an_event(2))).status_code == 202)

            await until(taken, what="ingest to recover")
            assert await service.journal() == ["e1", "e2"]


async def test_without_a_remembered_token_an_outage_is_503_and_never_401(
    start_service: Any, an_event: Event, redis_url: str, tmp_path: Path
) -> None:
    with start_postgres(tmp_path / "postgres") as server, fresh_database(server, upgrade) as url:
        async with start_service(url, redis_url) as service:
            server.kill()

            assert (await service.post(an_event(1))).status_code == 503

            server.start()


async def test_a_database_that_hangs_is_answered_503_in_time_and_the_replay_is_taken(
    start_service: Any, an_event: Event, database_url: str, redis_url: str
) -> None:
    engine = create_database(SecretStr(database_url), "test")
    async with start_service(database_url, redis_url, commit_timeout_seconds=0.5) as service:
        await service.post(an_event(1))
        async with engine.begin() as blocker:
            await blocker.execute(text("LOCK TABLE ingest.journal IN ACCESS EXCLUSIVE MODE"))

            hung = await service.post(an_event(2))

            assert (hung.status_code, hung.headers["retry-after"]) == (503, "5")
        assert (await service.post(an_event(1), an_event(2))).json()["accepted"] == 1
        assert await service.journal() == ["e1", "e2"]
    await engine.dispose()


@asynccontextmanager
async def ingest_process(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ingest", env=os.environ | environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


def shipped_event(number: int) -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "commune": "06196",
        "indicator": "stunting_u5",
        "period": "2024-09",
        "numerator": number % 100,
        "denominator": 400,
        "observed_at": "2024-10-02T08:30:00+07:00",
    }


async def test_what_was_answered_202_survives_kill_9_and_a_replay_of_everything_is_only_duplicates(
    database_url: str, redis_url: str
) -> None:
    engine = create_database(SecretStr(database_url), "test")
    _, token = await SqlTokenStore(engine).create("test", "hmis")
    port = free_port()
    environment = {"DATCHUAN_DATABASE_URL": database_url, "DATCHUAN_REDIS_URL": redis_url, "DATCHUAN_PORT": str(port)}
    headers = {"Authorization": f"Bearer {token}"}
    answered: set[str] = set()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client:

        async def keep_posting(first: int) -> None:
            for start in range(first, first + 1_000, 10):
                events = [shipped_event(number) for number in range(start, start + 10)]
                try:
                    answer = await client.post("/v1/events", json=events)
                except httpx.TransportError:
                    return
                assert answer.status_code == 202
                answered.update(event["id"] for event in events)

        async with ingest_process(environment) as process:
            await until(lambda: is_ready(client), timeout=30, what="ingest")
            senders = [asyncio.create_task(keep_posting(first)) for first in range(0, 8_000, 1_000)]
            await until(lambda: len(answered) >= 200, what="200 answered reports")
            process.kill()
            await asyncio.gather(*senders)

        async with engine.connect() as connection:
            stored = set((await connection.execute(text("SELECT event_id FROM ingest.journal"))).scalars())
        assert len(answered) < 8_000
        assert answered <= stored

        async with ingest_process(environment) as process:
            await until(lambda: is_ready(client), timeout=30, what="ingest again")
            replay = await client.post("/v1/events", json=[shipped_event(int(name[1:])) for name in sorted(stored)])
            assert (replay.json()["accepted"], replay.json()["duplicates"]) == (0, len(stored))
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 20) == 0
    await engine.dispose()


async def test_sigterm_answers_the_requests_in_hand_and_ends_with_0(database_url: str, redis_url: str) -> None:
    engine = create_database(SecretStr(database_url), "test")
    _, token = await SqlTokenStore(engine).create("test", "hmis")
    port = free_port()
    environment = {"DATCHUAN_DATABASE_URL": database_url, "DATCHUAN_REDIS_URL": redis_url, "DATCHUAN_PORT": str(port)}
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client,
        ingest_process(environment) as process,
    ):
        await until(lambda: is_ready(client), timeout=30, what="ingest")
        large = [shipped_event(number) for number in range(20_000)]
        posting = asyncio.create_task(client.post("/v1/events", json=large))
        await until(lambda: in_hand(client), what="the request to arrive")
        process.send_signal(signal.SIGTERM)

        answer = await posting

        assert (answer.status_code, answer.json()["accepted"]) == (202, 20_000)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM ingest.journal"))).scalar_one() == 20_000
    await engine.dispose()


async def in_hand(client: httpx.AsyncClient) -> bool:
    """Tell whether rows wait for their commit or have just been committed."""
    metrics = (await client.get("/metrics")).text.splitlines()
    values = {line.split()[0]: float(line.split()[1]) for line in metrics if not line.startswith("#")}
    return values["datchuan_ingest_waiting_events"] + values['datchuan_ingest_events_total{outcome="accepted"}'] > 0
