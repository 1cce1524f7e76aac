"""The writer and the keeper of alerts on a real database, and a forecaster beside them."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from faststream.redis import RedisBroker
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.forecasting.forecaster import Forecaster
from services.evaluator.adapters import sql_read
from services.evaluator.adapters.sql_store import SqlVerdictStore
from services.evaluator.domain.behind import BehindLimits
from services.evaluator.domain.partition import WHOLE
from services.evaluator.handlers import Writer
from services.evaluator.metrics import EvaluatorMetrics
from services.notifier.adapters.alert_store import SqlAlertStore
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.route import responsible_unit_name
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.metrics import NotifierMetrics
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.streams import INDICATOR_REPORTED, VERDICT_CHANGED, partition_stream
from shared.contracts.wire import (
    IndicatorReported,
    IndicatorReportedBatch,
    decode_verdict_changed,
    encode,
)
from shared.runtime import mailbox
from shared.runtime.broker import create_broker
from shared.runtime.database import create_database
from shared.runtime.lease import Lease
from shared.runtime.publisher import Publisher
from shared.testing.clocks import ManualClock
from shared.testing.factories import NOON

Told = frozenset[tuple[str, ...]]


@dataclass
class World:
    """A store with everybody who writes it: reports are left in the mailbox, judged, and told."""

    engine: AsyncEngine
    catalog: Catalog
    clock: ManualClock
    lease: Lease
    writer: Writer
    keeper: AlertKeeper
    broker: RedisBroker
    forecaster: Forecaster
    unread: list[IndicatorReportedBatch] = field(default_factory=list)

    async def close(self) -> None:
        """Let go of everything."""
        await self.lease.release()
        await self.engine.dispose()
        await self.broker.stop()

    async def commit(self, reports: list[IndicatorReported]) -> None:
        """Leave reports in the mailbox, as ingest does."""
        batch = IndicatorReportedBatch(message_id=uuid.uuid4().hex, events=tuple(reports))
        stream = partition_stream(INDICATOR_REPORTED, 0)
        async with self.engine.begin() as connection:
            await mailbox.put(connection, [mailbox.Outgoing(stream, batch.message_id, encode(batch))])
        self.unread.append(batch)

    async def judge(self) -> None:
        """Judge what waits, one message after the other."""
        while self.unread:
            await self.writer.on_indicator_reported([self.unread.pop(0)])

    async def tell(self) -> None:
        """Decide about the alerts of all changes that wait."""
        statement = "SELECT payload FROM messaging.mailbox WHERE stream LIKE :stream ORDER BY created_at"
        async with self.engine.connect() as connection:
            payloads = list(await connection.scalars(text(statement), {"stream": f"{VERDICT_CHANGED}%"}))
        for payload in payloads:
            await self.keeper.on_verdict_changed([decode_verdict_changed(payload)])

    async def take(self, *reports: IndicatorReported) -> None:
        """Commit reports, judge them and tell of them."""
        await self.commit(list(reports))
        await self.judge()
        await self.tell()

    async def statuses(self) -> dict[tuple[str, str], str]:
        """Return the status of every stored verdict."""
        async with self.engine.connect() as connection:
            found = await sql_read.verdicts(connection)
        return {key: verdict.finding.status.value for key, verdict in found.items()}

    async def last_entry(self) -> int:
        """Return the number of the newest entry of the ledger."""
        async with self.engine.connect() as connection:
            return int(await connection.scalar(text("SELECT coalesce(max(id), 0) FROM notifier.ledger")) or 0)

    async def told_since(self, entry: int) -> Told:
        """Return who is to be told what by the entries after one: what was settled at once is told to nobody."""
        statement = (
            "SELECT unit, node, cell, kind, responsible_unit, CASE WHEN responsible_unit = '' THEN '' ELSE role END, "
            "coalesce(dispatch, '') AS dispatch, channel, coalesce(reason, '') FROM notifier.ledger "
            "WHERE id > :entry AND status IN ('waiting', 'unroutable')"
        )
        async with self.engine.connect() as connection:
            rows = list(await connection.execute(text(statement), {"entry": entry}))
        return frozenset((*row[:4], self._name(row.dispatch, row.responsible_unit, row.unit), *row[5:]) for row in rows)

    def _name(self, dispatch: str, responsible_unit: str, unit: str) -> str:
        """Return the name of a responsible unit as its dispatch has it."""
        units = self.catalog.dispatch_by_id[dispatch].units if dispatch else ()
        found = next((each for each in units if each.id == responsible_unit), None)
        return "" if found is None else responsible_unit_name(found, self.catalog.unit_by_id[unit])

    async def contents(self) -> dict[str, int]:
        """Return how many rows every table has, and how many rows were ever written in all of them."""
        tables = "SELECT schemaname || '.' || relname FROM pg_stat_user_tables ORDER BY 1"
        async with self.engine.connect() as connection:
            names = list(await connection.scalars(text(tables)))
            counts = {name: int(await connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0) for name in names}
            sequences = "SELECT schemaname || '.' || sequencename, coalesce(last_value, 0) FROM pg_sequences"
            return counts | {name: int(value) for name, value in await connection.execute(text(sequences))}


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    """The catalog that ships."""
    return load_catalog(SHIPPED)


@pytest.fixture
async def world(database_url: str, redis_url: str, shipped: Catalog) -> AsyncIterator[World]:
    """A fresh store that a writer has taken over; nothing is reported yet."""
    engine = create_database(SecretStr(database_url), "test-forecast", pool_size=8)
    clock, broker, lease = ManualClock(NOON), create_broker(SecretStr(redis_url)), Lease(engine, WHOLE.number, WHOLE.of)
    store = SqlVerdictStore(lease, Publisher(broker), WHOLE)
    metrics = EvaluatorMetrics(CollectorRegistry())
    limits = BehindLimits(idle_seconds=0.0)
    keeper = AlertKeeper(
        SqlAlertStore(engine), Planner(shipped, Windows()), NotifierMetrics(CollectorRegistry()), clock
    )
    found = World(
        engine,
        shipped,
        clock,
        lease,
        Writer(shipped, store, clock, metrics, limits, WHOLE),
        keeper,
        broker,
        Forecaster(engine, shipped, clock),
    )
    assert await lease.try_acquire()
    await found.writer.restore()
    yield found
    await found.close()
