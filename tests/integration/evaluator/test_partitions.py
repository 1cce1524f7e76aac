"""Several evaluators on several partitions: they share, stand in for each other, and count together as one would."""

import asyncio
import datetime as dt
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from datchuan.verification import verify
from services.evaluator.adapters import queries, sql_read
from shared.catalog.load import load_catalog
from shared.contracts.streams import INDICATOR_REPORTED, VERDICT_CHANGED, partition_of, partition_stream
from shared.contracts.vocabulary import UnitLevel
from shared.contracts.wire import IndicatorReported, IndicatorReportedBatch, encode
from shared.embedded.ports import free_port
from shared.runtime import mailbox
from shared.runtime.broker import create_broker
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.runtime.faults import VARIABLE
from shared.runtime.publisher import Publisher
from shared.testing.factories import NOON, a_report
from shared.testing.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PARTITIONS = 4
ALL = frozenset(range(PARTITIONS))
CATALOG = load_catalog(None)
NEWS = f"{VERDICT_CHANGED}.p%"
COMMUNES = [unit.id for unit in CATALOG.units if unit.level is UnitLevel.COMMUNE and unit.in_force(NOON.date())]


@dataclass
class Office:
    """A database and a Redis with evaluators on them, each a process of its own."""

    database_url: str
    redis_url: str
    engine: AsyncEngine
    publisher: Publisher
    http: httpx.AsyncClient
    processes: dict[int, Process] = field(default_factory=dict)
    reports: int = 0

    async def start(self, partitions: int = PARTITIONS, fault: str = "") -> int:
        """Start an evaluator, which dies at `fault` if one is named, and return its port."""
        port = free_port()
        settings = {
            "DATCHUAN_DATABASE_URL": self.database_url,
            "DATCHUAN_REDIS_URL": self.redis_url,
            "DATCHUAN_PARTITIONS": str(partitions),
            "DATCHUAN_PORT": str(port),
            "DATCHUAN_INSTANCE": f"evaluator-{port}",
            "DATCHUAN_STANDBY_SECONDS": "0.2",
            "DATCHUAN_TICK_SECONDS": "0.2",
            "DATCHUAN_CLOCK_OFFSET_DAYS": str((NOON.date() - SystemClock().today()).days),
        }
        self.processes[port] = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.evaluator"),
            env={"PATH": os.environ["PATH"], VARIABLE: fault} | settings,
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        return port

    async def kill(self, port: int) -> None:
        """End an evaluator as kill -9 does."""
        process = self.processes.pop(port)
        process.kill()
        await process.wait()

    async def stop_all(self) -> None:
        """End all evaluators in order: they write what they have still to write."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            await process.wait()
        self.processes.clear()

    async def led(self, port: int) -> frozenset[int]:
        """Return the partitions that an evaluator leads."""
        try:
            answer = await self.http.get(f"http://127.0.0.1:{port}/metrics")
        except httpx.TransportError:
            return frozenset()
        families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        samples = families["datchuan_evaluator_is_leader"].samples
        return frozenset(int(sample.labels["partition"]) for sample in samples if sample.value)

    async def readiness(self, port: int) -> str:
        """Return what an evaluator says of its readiness."""
        try:
            return (await self.http.get(f"http://127.0.0.1:{port}/readyz")).text
        except httpx.TransportError:
            return ""

    async def report(self, amount: int, partitions: int = PARTITIONS) -> None:
        """Accept reports that move over the target and back, as ingest would, and deal them to the partitions."""
        reports = [self._report(number) for number in range(self.reports, self.reports + amount)]
        self.reports += amount
        messages = []
        for partition in range(partitions):
            own = tuple(report for report in reports if partition_of(report.unit, partitions) == partition)
            batch = IndicatorReportedBatch(message_id=f"m{self.reports}-{partition}", partition=partition, events=own)
            stream = partition_stream(INDICATOR_REPORTED, partition)
            messages.append(mailbox.Outgoing(stream, batch.message_id, encode(batch)))
        async with self.engine.begin() as connection:
            await _journal(connection, reports)
            await mailbox.put(connection, messages)
        await self.publisher.publish(messages)

    @staticmethod
    def _report(number: int) -> IndicatorReported:
        unit, cell = COMMUNES[number * 7 % len(COMMUNES)], ("male", "female")[number % 2]
        observed = NOON + dt.timedelta(seconds=number)
        return a_report(number + 1, unit=unit, cell=cell, numerator=850 + number * 37 % 150, observed_at=observed)

    async def take_news(self) -> None:
        """Take the changes out of the mailbox, as the notifier does."""
        async with self.engine.begin() as connection:
            await connection.execute(text("DELETE FROM messaging.mailbox WHERE stream LIKE :s"), {"s": NEWS})

    async def is_judged(self) -> bool:
        """Tell whether no report waits."""
        async with self.engine.connect() as connection:
            waiting = text("SELECT count(*) FROM messaging.mailbox WHERE handled_at IS NULL AND stream LIKE :stream")
            return not await connection.scalar(waiting, {"stream": f"{INDICATOR_REPORTED}%"})

    async def broken_chains(self) -> int:
        """Return how many transitions do not begin where the one before them ended, by their rising ids."""
        async with self.engine.connect() as connection:
            return int(
                await connection.scalar(
                    text(
                        "SELECT count(*) FROM (SELECT from_status, lag(to_status) OVER (PARTITION BY unit, node ORDER "
                        "BY id) AS last FROM evaluator.transition) AS line WHERE last <> from_status"
                    )
                )
                or 0
            )


async def _journal(connection: AsyncConnection, reports: Sequence[IndicatorReported]) -> None:
    await connection.execute(
        text(
            "INSERT INTO ingest.journal (seq, source, event_id, request_id, row, event) "
            "VALUES (:seq, :source, :event_id, 1, 1, :event)"
        ),
        [
            {"seq": r.seq, "source": r.source, "event_id": r.event_id, "event": msgspec.json.encode(r).decode()}
            for r in reports
        ],
    )


@pytest.fixture
async def office(database_url: str, redis_url: str) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        engine = create_database(SecretStr(database_url), "test-office")
        stack.push_async_callback(engine.dispose)
        broker = create_broker(SecretStr(redis_url))
        stack.push_async_callback(broker.stop)
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        office = Office(database_url, redis_url, engine, Publisher(broker), http)
        stack.push_async_callback(office.stop_all)
        yield office


async def test_two_evaluators_share_the_partitions_and_one_stands_in_for_a_killed_one(office: Office) -> None:
    first, second = await office.start(), await office.start()

    async def is_shared() -> bool:
        led = [await office.led(port) for port in (first, second)]
        return led[0] | led[1] == ALL and all(led)

    await until(is_shared, timeout=30, what="both lead some, together all")
    await office.report(500)
    await until(office.is_judged, timeout=30, what="all is judged")
    await office.kill(first)
    await office.report(500)

    async def leads_all() -> bool:
        return await office.led(second) == ALL

    await until(leads_all, timeout=30, what="the other takes over")
    await until(office.is_judged, timeout=30, what="all is judged")

    found = await verify(office.engine, CATALOG)
    assert found.differences == ()
    assert (found.events, found.waiting) == (1_000, 0)
    assert await office.broken_chains() == 0


async def test_another_number_of_partitions_moves_the_units_and_counts_each_once(office: Office) -> None:
    await _lead(office, 4)
    await office.report(400)
    await until(office.is_judged, timeout=30, what="all is judged")
    await office.stop_all()
    await office.take_news()
    async with office.engine.connect() as connection:
        before = await queries.rollups(connection), await queries.transition_count(connection)

    for partitions in (2, 1, 3):
        await _lead(office, partitions)
        async with office.engine.connect() as connection:
            after = await queries.rollups(connection), await queries.transition_count(connection)
        assert after == before
        await office.stop_all()

    await _lead(office, 3)
    await office.report(100, 3)
    await until(office.is_judged, timeout=30, what="all is judged")
    found = await verify(office.engine, CATALOG)
    assert (found.differences, await office.broken_chains()) == ((), 0)


async def test_an_evaluator_refuses_messages_that_were_dealt_to_another_number_of_partitions(office: Office) -> None:
    await _lead(office, 4)
    await office.stop_all()
    await office.report(40, 4)
    port = await office.start(2)

    async def refuses() -> bool:
        return "Messages dealt to 4 partitions are left" in await office.readiness(port)

    await until(refuses, timeout=30, what="it says why it does not lead")
    await office.stop_all()
    await _lead(office, 4)
    await until(office.is_judged, timeout=30, what="the right number drains them")
    assert (await verify(office.engine, CATALOG)).differences == ()


async def test_while_writers_run_with_another_number_of_partitions_an_evaluator_stands_aside(office: Office) -> None:
    await _lead(office, 2)
    port = await office.start(4)

    async def stands_aside() -> bool:
        return "Writers with 2 partitions are running" in await office.readiness(port)

    await until(stands_aside, timeout=30, what="it says why it does not lead")
    assert await office.led(port) == frozenset()


async def _lead(office: Office, partitions: int) -> None:
    """Start an evaluator and wait until it leads all partitions."""
    port = await office.start(partitions)

    async def leads_all() -> bool:
        return await office.led(port) == frozenset(range(partitions))

    await until(leads_all, timeout=30, what=f"one leads all of {partitions}")


@pytest.mark.parametrize(
    "fault",
    [
        *(
            "evaluator.during_restore",
            "evaluator.before_commit",
            "evaluator.before_commit:2",
            "evaluator.after_commit:2",
        ),
        *("evaluator.before_flush", "evaluator.after_flush:2"),
    ],
)
async def test_wherever_an_evaluator_is_killed_the_next_one_goes_on_exactly(office: Office, fault: str) -> None:
    doomed = await office.start(2, fault)
    for _ in range(4):
        await office.report(100, 2)
    await asyncio.wait_for(office.processes.pop(doomed).wait(), 30)

    await _lead(office, 2)
    await office.report(100, 2)
    await until(office.is_judged, timeout=30, what="all is judged")
    while_behind = await verify(office.engine, CATALOG)
    await office.stop_all()
    settled = await verify(office.engine, CATALOG)

    assert (while_behind.differences, settled.differences) == ((), ())
    assert (settled.events, settled.waiting, await office.broken_chains()) == (500, 0, 0)
    async with office.engine.connect() as connection:
        assert await sql_read.kept_reports(connection) == []
