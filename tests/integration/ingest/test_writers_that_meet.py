"""Two processes that write the same ids at the same time: one waits, none fails."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from shared.testing.polling import until

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]
_PUT = "INSERT INTO ingest.journal (seq, source, event_id, request_id, row, event) VALUES ($1, 'hmis', $2, 1, 0, '{}')"
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


async def test_a_request_that_gives_way_in_a_deadlock_is_taken_all_the_same(
    service: Any, an_event: Event, database_url: str
) -> None:
    other = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        writing = other.transaction()
        await writing.start()
        await other.execute(_PUT, -2, "e2")
        sent = asyncio.create_task(service.post(an_event(1), an_event(2)))

        async def waits() -> bool:
            waiting: list[int] = await service.rows(_WAITING)
            return waiting == [1]

        await until(waits)
        await other.execute(_PUT, -1, "e1")  # waits for the request, which waits for this: PostgreSQL ends the request
        await writing.rollback()

        answer = await sent
    finally:
        await other.close()

    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert await service.journal() == ["e1", "e2"]
