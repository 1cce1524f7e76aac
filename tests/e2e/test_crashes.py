"""Everything is killed in mid-stream; nothing is lost, and the ledger knows no news that was lost or sent twice."""

import asyncio
import datetime as dt
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from email import message_from_bytes
from functools import partial
from pathlib import Path

import httpx
import pytest
import redis.asyncio
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.demo.figures import share
from datchuan.demo.mails import MailFolder
from datchuan.demo.observer import Observer
from datchuan.demo.run import FAST_MAIL
from datchuan.sending.payloads import Format, Payload
from datchuan.sending.posting import PostingError, Sender, Tally
from datchuan.stack.access import LOCAL_SOURCE, ensure_token
from datchuan.stack.folder import DataFolder
from datchuan.stack.stack import Stack, StackOptions
from datchuan.verification import verify
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.contracts.vocabulary import UnitLevel
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.testing.polling import until

AS_OF = dt.date(2024, 10, 15)
EVENTS = 6_000
EVENTS_PER_REQUEST = 100
START = dt.datetime(2024, 10, 1, tzinfo=dt.UTC)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def events(catalog: Catalog) -> list[str]:
    """Reports that move back and forth over the targets, each observed a second after the last."""
    communes = [u.code for u in catalog.units if u.level is UnitLevel.COMMUNE and u.in_force(AS_OF)]
    lines = []
    for number in range(EVENTS):
        rate = 0.8 + 0.2 * share(1, "rate", str(number))
        event = {
            "id": f"event-{number}",
            "commune": communes[int(share(1, "commune", str(number)) * len(communes))],
            "indicator": "bhyt_coverage",
            "sex": "female" if share(1, "sex", str(number)) < 0.5 else "male",
            "period": "202409",
            "numerator": round(1_000 * rate),
            "denominator": 1_000,
            "observed_at": (START + dt.timedelta(seconds=number)).isoformat(),
        }
        lines.append(json.dumps(event))
    return lines


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """The whole stack as of the day of the story."""
    options = StackOptions(
        clock_offset_days=(AS_OF - SystemClock().today()).days,
        settings=FAST_MAIL,
        environment={"PATH": os.environ["PATH"]},
    )
    async with Stack(DataFolder(tmp_path / "stack"), options, lambda _line: None) as running:
        yield running


@pytest.fixture
async def engine(stack: Stack) -> AsyncIterator[AsyncEngine]:
    """Connections to the stack's database."""
    made = create_database(SecretStr(stack.addresses.database_url), "datchuan-test", pool_size=2)
    yield made
    await made.dispose()


class Stream:
    """A sender that never gives up: what is not acknowledged is sent again."""

    def __init__(self, stack: Stack, lines: list[str]) -> None:
        self._stack = stack
        self._lines = lines
        self.tally = Tally()
        self.has_ended = False

    def has_posted(self, events: int) -> bool:
        return self.tally.rows >= events or self.has_ended

    async def run(self) -> None:
        try:
            await self._run()
        finally:
            self.has_ended = True

    async def _run(self) -> None:
        token = await ensure_token(self._stack.folder, self._stack.addresses.database_url, LOCAL_SOURCE)
        async with httpx.AsyncClient(base_url=self._stack.addresses.ingest_url, timeout=30, trust_env=False) as client:
            sender = Sender(client, token)
            for first in range(0, len(self._lines), EVENTS_PER_REQUEST):
                body = "\n".join(self._lines[first : first + EVENTS_PER_REQUEST]).encode()
                self.tally += await self._post(sender, Payload(Path("stream"), Format.NDJSON, body, first + 1))

    async def _post(self, sender: Sender, payload: Payload) -> Tally:
        async def posted() -> Tally | None:
            try:
                return await sender.post(payload)
            except PostingError:
                return None

        tally = await until(posted, timeout=60, what="ingest takes the reports", interval=0.2)
        assert tally is not None
        return tally


async def kill_service(stack: Stack, name: str) -> None:
    child = next(child for child in stack.supervisor.children if child.name == name)
    os.kill(await until(lambda: child.pid or 0, what=f"{name} runs"), signal.SIGKILL)


async def flush(stack: Stack) -> None:
    client = redis.asyncio.Redis.from_url(stack.addresses.redis_url)
    await client.flushall()
    await client.aclose()


async def test_nothing_is_lost_when_everything_is_killed_in_mid_stream(stack: Stack, engine: AsyncEngine) -> None:
    catalog = load_catalog()
    stream = Stream(stack, events(catalog))
    streaming = asyncio.create_task(stream.run())
    disasters: list[Callable[[], Awaitable[None]]] = [
        partial(kill_service, stack, "evaluator"),
        partial(kill_service, stack, "notifier"),
        partial(flush, stack),
        partial(kill_service, stack, "ingest"),
        partial(asyncio.to_thread, stack.valkey.kill),
        partial(asyncio.to_thread, stack.postgres.kill),
        partial(kill_service, stack, "evaluator"),
    ]

    for number, strike in enumerate(disasters, start=1):
        await until(partial(stream.has_posted, number * EVENTS // (len(disasters) + 1)), timeout=60, what="more events")
        await strike()
    await streaming
    observer = Observer(engine, catalog, MailFolder(stack.folder.mail))
    await until(lambda: is_settled(observer), timeout=90, what="everything is worked off")

    assert stack.supervisor.restarts == 4
    assert stream.tally.quarantined == 0
    assert await numbers(engine, "SELECT count(*) FROM ingest.journal") == EVENTS
    assert (await verify(engine, catalog)).differences == ()
    await check_chains(engine)
    await check_alerts(engine)
    await check_ledger(engine, stack.folder.mail)


async def is_settled(observer: Observer) -> bool:
    return (await observer.snapshot()).waiting == 0


async def numbers(engine: AsyncEngine, query: str) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text(query))).scalar_one())


async def check_chains(engine: AsyncEngine) -> None:
    """Each transition begins where the one before it ended."""
    pairs = (
        "SELECT from_status, from_reason, lag(to_status) OVER line AS status, lag(to_reason) OVER line AS reason "
        "FROM evaluator.transition WINDOW line AS (PARTITION BY unit, node ORDER BY id)"
    )
    broken = (
        f"SELECT count(*) FROM ({pairs}) AS pairs "
        "WHERE status IS NOT NULL AND (from_status, from_reason) <> (status, reason)"
    )
    assert await numbers(engine, broken) == 0


async def check_alerts(engine: AsyncEngine) -> None:
    """A chỉ tiêu is not met exactly where a breach is open."""
    async with engine.connect() as connection:
        verdicts = await connection.execute(
            text("SELECT unit, node FROM evaluator.verdict WHERE status = 'not_met' AND node LIKE '%.%'")
        )
        alerts = await connection.execute(
            text("SELECT DISTINCT unit, node FROM notifier.alert WHERE kind = 'breach' AND ended_at IS NULL")
        )
        not_met, open_breaches = ({tuple(row) for row in rows} for rows in (verdicts, alerts))
    assert not_met == open_breaches
    assert not_met


async def check_ledger(engine: AsyncEngine, mail: Path) -> None:
    """Every entry has ended, every delivery reached the sink, and the sink has nothing that is not in the ledger."""
    async with engine.connect() as connection:
        entries = await connection.execute(text("SELECT status, count(*) FROM notifier.ledger GROUP BY status"))
        statuses = dict(tuple(row) for row in entries)
        sent = await connection.execute(text("SELECT message_id FROM notifier.delivery WHERE status = 'sent'"))
        message_ids = {row.message_id for row in sent}
    received = await asyncio.to_thread(received_messages, mail)
    assert set(statuses) <= {"sent", "superseded", "unroutable", "recorded"}
    assert set(received) == message_ids
    # Killed between the server's 250 and the commit, a notifier may send a mail again: the same one, once more.
    assert sum(received.values()) - len(received) <= 4


def received_messages(mail: Path) -> "Counter[str]":
    return Counter(message_from_bytes(file.read_bytes())["Message-ID"] for file in mail.rglob("*.eml"))
