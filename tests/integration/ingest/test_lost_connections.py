"""Sessions that PostgreSQL ends: 202 or 503 and nothing else, and no memory of a server that may be gone."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.journal import Journal
from services.ingest.adapters.submission import Submission
from services.ingest.domain.reading import PayloadFormat, Reading, draft
from shared.runtime.database import create_database
from shared.testing.factories import NOON, a_report
from shared.testing.polling import until

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]
FEW, MANY = 1, 120  # written by one statement, and by a transaction with a COPY
_OURS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'datchuan-ingest'"
END_SESSIONS = text(f"SELECT pg_terminate_backend(pid) {_OURS}")
# Paced by the server, so that sessions end at any moment of a commit and not where this process waits anyway.
END_SESSIONS_AGAIN_AND_AGAIN = text(
    "DO $$ BEGIN FOR time IN 1..100 LOOP "
    f"PERFORM pg_stat_clear_snapshot(), pg_terminate_backend(pid), pg_sleep(0.02 * random()) {_OURS}; "
    "END LOOP; END $$"
)


def a_submission(number: int) -> Submission:
    """A request of one report."""
    good = [draft(0, msgspec.structs.replace(a_report(number), seq=0), b"{}")]
    reading = Reading(PayloadFormat.NATIVE_JSON, rows=1, good=good)
    return Submission("hmis", "application/json", b"{}", NOON, reading)


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Connections of somebody else."""
    engine = create_database(SecretStr(database_url), "test")
    yield engine
    await engine.dispose()


@pytest.mark.parametrize("count", [FEW, MANY])
async def test_sessions_ended_during_commits_are_answered_202_or_503_and_every_202_is_stored(
    start_service: Any, an_event: Event, admin: AsyncEngine, database_url: str, redis_url: str, count: int
) -> None:
    statuses: Counter[int] = Counter()
    promised: set[str] = set()
    over = asyncio.Event()
    async with start_service(database_url, redis_url) as service:  # which also asks for the token every time

        async def keep_posting(number: int) -> None:
            while not over.is_set():
                events = [an_event(number + row) for row in range(count)]
                answer = await service.post(*events)
                statuses[answer.status_code] += 1
                if answer.status_code == 202:
                    promised.update(event["id"] for event in events)
                    number += count

        senders = [asyncio.create_task(keep_posting(1_000_000 * sender)) for sender in range(6)]
        async with admin.connect() as connection:
            await connection.execute(END_SESSIONS_AGAIN_AND_AGAIN)
        over.set()
        await asyncio.gather(*senders)

        assert set(statuses) == {202, 503}
        assert promised <= set(await service.journal())


async def test_a_session_that_stood_still_in_the_middle_of_a_commit_swallows_nothing_afterwards(
    admin: AsyncEngine, database_url: str
) -> None:
    """Its BEGIN was given up by us and is done by the server all the same: the session must not be used again."""
    engine = create_database(SecretStr(database_url), "datchuan-ingest")
    journal = Journal(engine)
    await journal.append([a_submission(1)])
    async with admin.connect() as connection:
        pid = await connection.scalar(text(f"SELECT pid {_OURS}"))
    journal.forget()  # so that it looks before it writes, in a transaction
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await journal.append([a_submission(2)])
    finally:
        os.kill(pid, signal.SIGCONT)

    for number in range(3, 6):
        (receipt,) = (await journal.append([a_submission(number)])).receipts
        assert receipt.accepted == 1
    async with admin.connect() as connection:
        stored = set((await connection.scalars(text("SELECT event_id FROM ingest.journal"))).all())
    await engine.dispose()

    assert {a_report(number).event_id for number in (1, 3, 4, 5)} <= stored


async def test_a_server_that_took_over_without_the_last_reports_takes_them_again_and_numbers_them_anew(
    start_service: Any, an_event: Event, admin: AsyncEngine, database_url: str, redis_url: str
) -> None:
    async with start_service(database_url, redis_url, token_cache_seconds=60.0) as service:
        assert (await service.post(an_event(1))).json()["accepted"] == 1
        assert (await service.post(an_event(1))).json()["duplicates"] == 1
        async with admin.begin() as connection:
            for table in ("ingest.journal", "ingest.request", "messaging.mailbox"):
                await connection.execute(text(f"DELETE FROM {table}"))
            await connection.execute(text("ALTER SEQUENCE ingest.journal_seq RESTART WITH 70001"))
        async with admin.connect() as connection:
            await connection.execute(END_SESSIONS)

        async def taken_again() -> bool:
            answer = await service.post(an_event(1))
            return answer.status_code == 202 and bool(answer.json()["accepted"])

        await until(taken_again, what="the report to be taken again")
        assert await service.rows("SELECT seq FROM ingest.journal") == [70001]


async def test_a_commit_after_others_noticed_the_outage_uses_no_number_of_the_lost_server(
    start_service: Any, an_event: Event, admin: AsyncEngine, database_url: str, redis_url: str
) -> None:
    async with start_service(database_url, redis_url, token_cache_seconds=60.0) as service:
        await service.post(an_event(1))
        async with admin.begin() as connection:
            await connection.execute(text("ALTER SEQUENCE ingest.journal_seq RESTART WITH 70001"))
        await service.application.engine.dispose()  # every connection is another one from now on

        assert (await service.post(an_event(1), an_event(2))).json() | {"errors": []} == {
            "accepted": 1,
            "duplicates": 1,
            "quarantined": 0,
            "errors": [],
        }
        assert await service.rows("SELECT seq FROM ingest.journal ORDER BY seq DESC LIMIT 1") == [70001]
