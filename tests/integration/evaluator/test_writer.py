"""The writer on a real PostgreSQL: one transaction a step, exact recovery, one writer at a time."""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from faststream.redis import RedisBroker
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.evaluator.adapters import queries, sql_facts, sql_read
from services.evaluator.adapters.sql_store import SqlVerdictStore
from services.evaluator.domain.behind import BehindLimits
from services.evaluator.domain.partition import WHOLE, Partition
from services.evaluator.handlers import Writer
from services.evaluator.metrics import EvaluatorMetrics
from shared.catalog.catalog import Catalog
from shared.contracts.streams import INDICATOR_REPORTED, VERDICT_CHANGED, partition_of, partition_stream
from shared.contracts.vocabulary import Cause, Part, VerdictReason, VerdictStatus
from shared.contracts.wire import (
    IndicatorReported,
    IndicatorReportedBatch,
    VerdictChanged,
    decode_verdict_changed,
    encode,
)
from shared.runtime import mailbox
from shared.runtime.broker import create_broker
from shared.runtime.database import create_database, is_outage
from shared.runtime.errors import OtherLayoutError
from shared.runtime.lease import Lease
from shared.runtime.publisher import Publisher
from shared.testing.clocks import ManualClock
from shared.testing.factories import NOON, a_catalog, a_report

pytestmark = pytest.mark.integration

NIL = {"numerator": None, "denominator": None}


@dataclass
class Bench:
    """A writer with its engine, and the mailbox that ingest would fill."""

    engine: AsyncEngine
    lease: Lease
    writer: Writer
    clock: ManualClock
    broker: RedisBroker
    sent: int = 0

    async def close(self) -> None:
        await self.lease.release()
        await self.engine.dispose()
        await self.broker.stop()

    async def send(self, *reports: IndicatorReported) -> IndicatorReportedBatch:
        """Leave a message in the mailbox, as ingest does."""
        batch = IndicatorReportedBatch(message_id=f"m{self.sent}", events=reports)
        self.sent += 1
        stream = partition_stream(INDICATOR_REPORTED, 0)
        async with self.engine.begin() as connection:
            await mailbox.put(connection, [mailbox.Outgoing(stream, batch.message_id, encode(batch))])
        return batch

    async def report(self, *reports: IndicatorReported) -> None:
        await self.writer.on_indicator_reported([await self.send(*reports)])

    async def lose(self) -> None:
        """Let the writer go as kill -9 would: nothing is written any more; then restore another one."""
        self.writer.retire()
        await self.writer.restore()

    async def stored_events(self) -> list[str]:
        """Return the events of the stored facts: those still to be written are not among them."""
        async with self.engine.connect() as connection:
            return sorted(fact.event_id for fact in (await sql_read.all_facts(connection)).values())

    async def pages(self, unit: str) -> int:
        """Return how many pages of facts a unit has."""
        async with self.engine.connect() as connection:
            return len([page async for page in sql_facts.read(connection, [unit])])

    async def kept(self) -> int:
        """Return how many handled messages are kept."""
        async with self.engine.connect() as connection:
            return len(await sql_read.kept_messages(connection, 0))

    async def transitions(self) -> int:
        async with self.engine.connect() as connection:
            return await queries.transition_count(connection)

    async def verdict(self, unit: str, node: str) -> tuple[VerdictStatus, VerdictReason, tuple[str, ...]]:
        async with self.engine.connect() as connection:
            finding = (await sql_read.verdicts(connection))[unit, node].finding
        return finding.status, finding.reason, finding.cells

    async def changes(self) -> Sequence[VerdictChanged]:
        async with self.engine.connect() as connection:
            rows = await connection.scalars(
                text("SELECT payload FROM messaging.mailbox WHERE stream LIKE :changed ORDER BY created_at"),
                {"changed": f"{VERDICT_CHANGED}%"},
            )
            return [change for payload in rows for change in decode_verdict_changed(payload).changes]


def a_writer(
    database_url: str,
    redis_url: str,
    clock: ManualClock,
    limits: BehindLimits | None = None,
    partition: Partition = WHOLE,
    catalog: Catalog | None = None,
) -> Bench:
    engine = create_database(SecretStr(database_url), "test-writer")
    lease = Lease(engine, partition.number, partition.of)
    broker = create_broker(SecretStr(redis_url))
    store = SqlVerdictStore(lease, Publisher(broker), partition)
    metrics = EvaluatorMetrics(CollectorRegistry())
    writer = Writer(catalog or a_catalog(), store, clock, metrics, limits or BehindLimits(), partition)
    return Bench(engine, lease, writer, clock, broker)


@pytest.fixture
async def bench(database_url: str, redis_url: str) -> AsyncIterator[Bench]:
    bench = a_writer(database_url, redis_url, ManualClock(NOON))
    assert await bench.lease.try_acquire()
    await bench.writer.restore()
    yield bench
    await bench.close()


def rate(seq: int, cell: str, numerator: int | None, **more: object) -> IndicatorReported:
    return a_report(seq, unit="C1", indicator="rate", cell=cell, numerator=numerator, **more)


async def test_a_fall_below_the_target_is_stored_and_told_with_the_gap(bench: Bench) -> None:
    await bench.report(rate(1, "male", 960), rate(2, "female", 910))
    await bench.report(rate(3, "female", 889))

    assert await bench.verdict("C1", "base/1.1") == (VerdictStatus.NOT_MET, VerdictReason.BELOW_TARGET, ("female",))
    last = [change for change in await bench.changes() if change.node == "base/1.1"][-1]
    assert (last.from_status, last.to_status, last.cause) == (VerdictStatus.MET, VerdictStatus.NOT_MET, Cause.DATA)
    assert [(cell.cell, cell.status, cell.gap) for cell in last.cells] == [
        ("male", "met", 0),
        ("female", "not_met", 11),
    ]
    assert last.event_ids == ("e3",)


async def test_a_message_that_was_handled_before_changes_nothing(bench: Bench) -> None:
    await bench.report(rate(1, "male", 960))
    again = IndicatorReportedBatch(message_id="m0", events=(rate(1, "male", 1),))

    done_before = await bench.writer.on_indicator_reported([again])

    assert done_before == 1
    async with bench.engine.connect() as connection:
        assert [fact.numerator for fact in await queries.unit_facts(connection, "C1")] == [960]


async def test_deleting_the_newest_period_brings_the_stored_older_one_back(bench: Bench) -> None:
    august = {"period_start": dt.date(2024, 8, 1), "period_end": dt.date(2024, 8, 31)}
    await bench.report(rate(1, "male", 990, **august), rate(2, "female", 980, **august))
    await bench.report(rate(3, "female", 100))
    assert (await bench.verdict("C1", "base/1.1"))[0] is VerdictStatus.NOT_MET

    await bench.report(rate(4, "female", None, denominator=None, deleted=True))

    assert (await bench.verdict("C1", "base/1.1"))[0] is VerdictStatus.MET
    assert [c.cause for c in await bench.changes() if c.node == "base/1.1"][-1] is Cause.CORRECTION


async def test_halves_of_a_ratio_sent_apart_come_together(bench: Bench) -> None:
    halves = {"unit": "C1", "indicator": "kids", "cell": ""}
    await bench.report(a_report(1, part=Part.NUMERATOR, numerator=24, denominator=None, **halves))
    assert (await bench.verdict("C1", "base/1.3"))[1] is VerdictReason.MISSING_PART

    await bench.report(a_report(2, part=Part.DENOMINATOR, numerator=None, denominator=100, **halves))

    assert (await bench.verdict("C1", "base/1.3"))[0] is VerdictStatus.MET


async def test_a_step_that_cannot_commit_leaves_nothing_and_the_next_one_starts_from_the_store(
    bench: Bench, database_url: str
) -> None:
    await bench.report(rate(1, "male", 960))
    other = create_database(SecretStr(database_url), "test-killer")
    async with other.connect() as connection:
        await connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test-writer'")
        )
    await other.dispose()
    batch = IndicatorReportedBatch(message_id="m9", events=(rate(2, "female", 950),))

    with pytest.raises(DBAPIError) as lost:
        await bench.writer.on_indicator_reported([batch])
    assert is_outage(lost.value)
    await bench.lease.release()
    assert await bench.lease.try_acquire()
    await bench.report(rate(2, "female", 950))

    assert (await bench.verdict("C1", "base/1.1"))[0] is VerdictStatus.MET


async def test_a_second_writer_waits_for_the_lease(bench: Bench, database_url: str, redis_url: str) -> None:
    rival = a_writer(database_url, redis_url, bench.clock)

    assert not await rival.lease.try_acquire()
    await bench.lease.release()
    assert await rival.lease.try_acquire()

    await rival.close()


async def test_a_certificate_expires_by_the_clock_alone(bench: Bench) -> None:
    paper = {"unit": "C1", "indicator": "paper", "cell": "", "part": Part.ATTESTATION, "value": 1.0} | NIL
    await bench.report(a_report(1, valid_until=dt.date(2024, 10, 20), **paper))
    assert (await bench.verdict("C1", "base/1.2"))[1] is VerdictReason.CERTIFICATE_VALID

    bench.clock.advance(dt.timedelta(days=6))
    await bench.writer.on_tick()

    assert (await bench.verdict("C1", "base/1.2"))[:2] == (VerdictStatus.NOT_MET, VerdictReason.CERTIFICATE_EXPIRED)
    assert [c.cause for c in await bench.changes() if c.node == "base/1.2"][-1] is Cause.CLOCK


async def test_a_restart_finds_the_store_in_order_and_changes_nothing(bench: Bench) -> None:
    await bench.report(
        rate(1, "male", 960), rate(2, "female", 950), rate(3, "female", None, denominator=None, deleted=True)
    )
    before = await bench.transitions()

    await bench.lose()

    assert await bench.transitions() == before


async def test_a_report_of_another_partitions_unit_stops_the_writer_until_the_numbers_agree(
    database_url: str, redis_url: str
) -> None:
    own = Partition(1 - partition_of("C2", 2), of=2)
    bench = a_writer(database_url, redis_url, ManualClock(NOON), partition=own)
    assert await bench.lease.try_acquire()
    foreign = await bench.send(a_report(1, unit="C2", indicator="kids", cell="", numerator=1))

    with pytest.raises(OtherLayoutError, match="DATCHUAN_PARTITIONS") as refused:
        await bench.writer.on_indicator_reported([foreign])

    assert is_outage(refused.value)  # so it waits, and is not buried
    async with bench.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM messaging.mailbox WHERE handled_at IS NULL")) == 1
    await bench.close()
