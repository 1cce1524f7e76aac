"""The whole product with several partitions, and another number of them: refused while messages wait, then right."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.stack.access import LOCAL_SOURCE, ensure_token
from datchuan.stack.folder import DataFolder
from datchuan.stack.stack import SERVICES, Stack, StackOptions
from datchuan.verification import verify
from services.evaluator.adapters import queries
from shared.catalog.load import load_catalog
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.testing.polling import until
from tests.chaos.reports import AS_OF, ReportSource

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

CATALOG = load_catalog()
FAST = {
    "GROUP_WINDOW_SECONDS": "1",
    "GROUP_PAUSE_SECONDS": "0",
    "DATA_GAP_WINDOW_SECONDS": "1",
    "POLL_SECONDS": "0.2",
    "STANDBY_SECONDS": "0.2",
}
REPORTED, CHANGED = "datchuan.indicator.reported.%", "datchuan.verdict.changed.%"
REMEDY = "run all services with {} until the mailbox is empty, stop them all, then start with {}"


@dataclass
class Installation:
    """A stack whose services are stopped and started with another number of partitions, as an operator does."""

    stack: Stack
    engine: AsyncEngine
    http: httpx.AsyncClient
    source: ReportSource
    reports: int = 0

    async def start(self, partitions: int, *services: str) -> None:
        """Start services, all when none is named, with so many partitions."""
        for name in services or reversed(SERVICES):
            await self.stack.supervisor.resume(name, {"DATCHUAN_PARTITIONS": str(partitions)})

    async def stop(self, *services: str) -> None:
        """Stop services, all when none is named."""
        for name in services or SERVICES:
            assert await self.stack.supervisor.halt(name) == 0

    async def post(self, count: int) -> None:
        """Send reports once ingest takes them."""
        body = "\n".join(report.line() for report in self.source.take(count)).encode()
        self.reports += count

        async def is_taken() -> bool:
            try:
                return (await self.http.post("/v1/events", content=body)).status_code == 202
            except httpx.TransportError:
                return False

        await until(is_taken, timeout=30, what="ingest takes the reports")

    async def waits(self, stream: str) -> bool:
        """Tell whether a message of these streams waits."""
        query = "SELECT EXISTS (SELECT FROM messaging.mailbox WHERE handled_at IS NULL AND stream LIKE :stream)"
        async with self.engine.connect() as connection:
            return bool(await connection.scalar(text(query), {"stream": stream}))

    async def drained(self, *streams: str) -> None:
        """Wait until no message of these streams waits."""

        async def is_drained() -> bool:
            return not any([await self.waits(stream) for stream in streams])

        await until(is_drained, timeout=30, what="nothing waits")

    async def refused(self, partitions: int, other: int) -> None:
        """See the evaluator refuse its number of partitions, and say what to do, in /readyz and in its log."""
        remedy = REMEDY.format(other, partitions)

        async def says_so() -> bool:
            try:
                answer = await self.http.get(self.stack.url("evaluator") + "/readyz")
            except httpx.TransportError:
                return False
            return answer.status_code == 503 and remedy in answer.json()["checks"]["writer"]

        await until(says_so, timeout=30, what="the evaluator says what to do")
        assert remedy in self.stack.supervisor.child("evaluator").last_lines(20)

    async def leads(self, partitions: int) -> None:
        """Wait until the one evaluator leads all partitions."""

        async def leads_all() -> bool:
            try:
                lines = (await self.http.get(self.stack.url("evaluator") + "/metrics")).text.splitlines()
            except httpx.TransportError:
                return False
            values = [line for line in lines if line.startswith("datchuan_evaluator_is_leader{")]
            return len(values) == partitions and all(line.endswith(" 1.0") for line in values)

        await until(leads_all, timeout=30, what=f"one evaluator leads {partitions}")

    async def is_right(self, partitions: int) -> None:
        """Require that everything stored is what the journal makes, counted by so many writers."""
        found = await verify(self.engine, CATALOG)
        async with self.engine.connect() as connection:
            writers = await connection.scalar(text("SELECT count(*) FROM evaluator.writer_state"))
            shares = await connection.scalar(text("SELECT count(DISTINCT partition) FROM evaluator.rollup"))
            followed = await self._follow(writers or 0)
            transitions = await queries.transition_count(connection)
        assert (found.differences, found.events, found.waiting) == ((), self.reports, 0)
        assert (writers, shares) == (partitions, partitions)
        assert followed == await self._transitions_below(partitions)
        assert transitions > 0

    async def _follow(self, writers: int) -> list[tuple[int, int]]:
        """Return partition and id of all transitions, as one who follows them in small steps sees them."""
        seen: list[tuple[int, int]] = []
        last: dict[int, int] = {}
        async with self.engine.connect() as connection:
            while rows := await queries.transitions_after(connection, last, limit=7):
                assert len(rows) <= 7 * writers
                seen += [(row["partition"], row["id"]) for row in rows]
                last |= {p: max(i for q, i in seen if q == p) for p in {row["partition"] for row in rows}}
        return sorted(seen)

    async def _transitions_below(self, partitions: int) -> list[tuple[int, int]]:
        query = text("SELECT partition, id FROM evaluator.transition WHERE partition < :of ORDER BY partition, id")
        async with self.engine.connect() as connection:
            return [(row.partition, row.id) for row in await connection.execute(query, {"of": partitions})]


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    """The whole product with one partition, and every cell with its first report."""
    options = StackOptions(
        clock_offset_days=(AS_OF - SystemClock().today()).days,
        settings=FAST,
        environment={"PATH": os.environ["PATH"]},
    )
    async with Stack(DataFolder(tmp_path / "stack"), options, lambda _line: None) as stack:
        token = await ensure_token(stack.folder, stack.addresses.database_url, LOCAL_SOURCE)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        engine = create_database(SecretStr(stack.addresses.database_url), "test", pool_size=2)
        async with httpx.AsyncClient(base_url=stack.url("ingest"), headers=headers, trust_env=False) as http:
            made = Installation(stack, engine, http, ReportSource(CATALOG))
            await made.post(made.source.first_reports)
            yield made
        await engine.dispose()


async def test_the_number_of_partitions_changes_when_nothing_waits_and_not_before(installation: Installation) -> None:
    # Reports wait that were dealt to one partition: no start with four.
    await installation.stop("evaluator")
    await installation.post(100)
    await installation.stop("ingest")
    assert await installation.waits(REPORTED)
    await installation.start(4, "evaluator")
    await installation.refused(4, other=1)
    await installation.stop("evaluator")

    await installation.start(1, "evaluator")
    await installation.drained(REPORTED, CHANGED)
    await installation.is_right(1)
    await installation.stop("evaluator", "notifier")
    await installation.start(4)
    await installation.leads(4)
    await installation.post(200)
    await installation.drained(REPORTED, CHANGED)
    await installation.is_right(4)

    # News waits for the notifier: nobody would read the third and fourth stream any more.
    await installation.stop("notifier")
    await installation.post(100)
    await installation.drained(REPORTED)
    await installation.stop("ingest", "evaluator")
    assert await installation.waits(CHANGED)
    await installation.start(2, "evaluator")
    await installation.refused(2, other=4)
    await installation.stop("evaluator")

    await installation.start(4, "notifier")
    await installation.drained(CHANGED)
    await installation.stop("notifier")
    await installation.start(2)
    await installation.leads(2)
    await installation.post(200)
    await installation.drained(REPORTED, CHANGED)
    await installation.is_right(2)
