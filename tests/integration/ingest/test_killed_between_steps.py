"""Killed between two steps of a commit: nothing half-stored, and the same request again is all that is needed."""

import asyncio
import os
import sys
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from services.ingest.adapters.tokens import SqlTokenStore
from shared.embedded.ports import free_port
from shared.runtime.database import create_database
from shared.testing.polling import until

pytestmark = pytest.mark.integration
FEW, MANY = 1, 600  # written by one statement, and by a transaction with a COPY into two messages


def event(number: int) -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "commune": "06196",
        "indicator": "stunting_u5",
        "period": "2024-09",
        "numerator": number % 100,
        "denominator": 400,
        "observed_at": "2024-10-02T08:30:00+07:00",
    }


async def post_to_process(environment: dict[str, str], *batches: list[dict[str, Any]]) -> list[int | None]:
    """Start ingest, post the batches and return the statuses; None when the process died instead of answering."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ingest", env=os.environ | environment, stderr=asyncio.subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{environment['DATCHUAN_PORT']}"
    headers = {"Authorization": f"Bearer {environment['TOKEN']}"}
    statuses: list[int | None] = []
    try:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:

            async def is_ready() -> bool:
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(is_ready, timeout=30, what="ingest")
            for batch in batches:
                try:
                    statuses.append((await client.post("/v1/events", json=batch)).status_code)
                except httpx.TransportError:
                    statuses.append(None)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    return statuses


@pytest.mark.parametrize("count", [FEW, MANY])
@pytest.mark.parametrize(("point", "stored"), [("ingest.before_commit", 0), ("ingest.after_commit", 1)])
async def test_a_kill_around_the_commit_stores_all_or_nothing_and_a_replay_settles_it(
    database_url: str, redis_url: str, point: str, stored: int, count: int
) -> None:
    engine = create_database(SecretStr(database_url), "test")
    _, token = await SqlTokenStore(engine).create("test", "hmis")
    environment = {
        "DATCHUAN_DATABASE_URL": database_url,
        "DATCHUAN_REDIS_URL": redis_url,
        "DATCHUAN_PORT": str(free_port()),
        "TOKEN": token,
    }
    first = [event(number) for number in range(10_000, 10_001)]
    batch = [event(number) for number in range(count)]

    # The first post makes the process sure that it remembers every id; the second one meets the fault.
    statuses = await post_to_process(environment | {"DATCHUAN_FAULT_POINT": f"{point}:2"}, first, batch)

    assert statuses == [202, None]
    queries = ("SELECT count(*) FROM ingest.journal", "SELECT count(*) FROM ingest.request")
    async with engine.connect() as connection:
        counts = [await connection.scalar(text(query)) for query in queries]
    assert counts == [1 + stored * count, 1 + stored]

    assert await post_to_process(environment, batch) == [202]

    async with engine.connect() as connection:
        assert await connection.scalar(text(queries[0])) == 1 + count
    await engine.dispose()
