"""Composition root of the evaluator: builds everything from settings and opens nothing."""

import asyncio
from dataclasses import dataclass

from faststream.redis import RedisBroker
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from services.evaluator.adapters.sql_store import SqlVerdictStore
from services.evaluator.handlers import Writer
from services.evaluator.leader import Leader
from services.evaluator.metrics import EvaluatorMetrics
from services.evaluator.settings import EvaluatorSettings
from shared.catalog.load import load_catalog
from shared.contracts.streams import EVALUATOR_GROUP, INDICATOR_REPORTED, VERDICT_CHANGED, partition_stream
from shared.contracts.wire import IndicatorReportedBatch, decode_indicator_reported
from shared.runtime.broker import client_of, create_broker, wait_for_redis
from shared.runtime.checks import consumer_check, database_check, redis_check
from shared.runtime.clock import SystemClock
from shared.runtime.consumer import StreamConsumer
from shared.runtime.database import create_database, wait_for_database
from shared.runtime.lease import Lease
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.ops import ops_routes, run_server
from shared.runtime.process import supervise
from shared.runtime.publisher import Publisher
from shared.runtime.relay import Relay


@dataclass(frozen=True, slots=True)
class Evaluator:
    """The wired evaluator."""

    settings: EvaluatorSettings
    engine: AsyncEngine
    broker: RedisBroker
    publisher: Publisher
    consumer: StreamConsumer[IndicatorReportedBatch]
    leader: Leader
    registry: CollectorRegistry
    runtime_metrics: RuntimeMetrics

    def ops(self) -> Starlette:
        """Return the operators' endpoints."""

        reading = consumer_check(self.consumer, self.settings.max_lag)

        async def writer() -> str | None:
            if self.leader.state == "leading":
                return await reading()
            # A standby is ready: it serves as soon as the writer is gone.
            return None if self.leader.state.startswith("standby") else self.leader.state

        checks = {"database": database_check(self.engine), "redis": redis_check(self.broker), "writer": writer}
        return Starlette(routes=ops_routes(self.registry, checks))

    async def run(self, stop: asyncio.Event) -> None:
        """Wait for the servers, then work until SIGTERM or `stop`."""
        settings = self.settings
        changed = partition_stream(VERDICT_CHANGED, 0)
        try:
            await wait_for_database(self.engine, settings.start_timeout_seconds)
            await wait_for_redis(self.broker, settings.start_timeout_seconds)
            redis = await client_of(self.broker)
            relay = Relay(self.engine, redis, self.publisher, [changed], self.runtime_metrics)
            server = run_server(self.ops(), settings.host, settings.port, stop)
            await supervise(server, relay.run(stop), self.leader.run(stop), stop=stop)
        finally:
            await self.broker.stop()
            await self.engine.dispose()


def build(settings: EvaluatorSettings) -> Evaluator:
    """Wire the evaluator; nothing connects before it runs."""
    registry = CollectorRegistry()
    stream = partition_stream(INDICATOR_REPORTED, 0)
    runtime_metrics, metrics = RuntimeMetrics(registry, [stream]), EvaluatorMetrics(registry)
    engine = create_database(settings.database_url, "datchuan-evaluator")
    broker = create_broker(settings.redis_url)
    publisher = Publisher(broker, runtime_metrics)
    lease = Lease(engine, 0)
    store = SqlVerdictStore(lease, publisher, 0)
    clock = SystemClock(settings.clock_offset_days)
    writer = Writer(load_catalog(settings.catalog), store, clock, metrics, 0)
    consumer = StreamConsumer(
        broker,
        stream,
        EVALUATOR_GROUP,
        settings.instance,
        decode_indicator_reported,
        writer.on_indicator_reported,
        engine,
        runtime_metrics,
        max_records=settings.messages_per_read,
        exclusive=True,
    )
    leader = Leader(lease, writer, consumer, metrics, settings.tick_seconds, settings.standby_seconds)
    return Evaluator(settings, engine, broker, publisher, consumer, leader, registry, runtime_metrics)


async def run(settings: EvaluatorSettings, stop: asyncio.Event) -> None:
    """Run the evaluator until `stop` is set or a signal comes."""
    await build(settings).run(stop)
