"""Composition root of the evaluator: builds everything from settings and opens nothing."""

import asyncio
import gc
from dataclasses import dataclass

from faststream.redis import RedisBroker
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from services.evaluator.adapters.sql_store import SqlVerdictStore
from services.evaluator.domain.partition import Partition
from services.evaluator.handlers import Writer
from services.evaluator.leader import Leader, Share
from services.evaluator.metrics import EvaluatorMetrics
from services.evaluator.settings import EvaluatorSettings
from shared.catalog.load import load_catalog
from shared.contracts.streams import EVALUATOR_GROUP, INDICATOR_REPORTED, VERDICT_CHANGED, partition_stream
from shared.contracts.wire import IndicatorReportedBatch, decode_indicator_reported
from shared.runtime.broker import client_of, create_broker, wait_for_redis
from shared.runtime.checks import consumer_check, database_check, publishing_check, redis_check
from shared.runtime.clock import SystemClock
from shared.runtime.consumer import StreamConsumer
from shared.runtime.database import create_database, wait_for_database
from shared.runtime.lease import Lease
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.ops import ops_routes, run_server
from shared.runtime.process import supervise
from shared.runtime.publisher import Publisher
from shared.runtime.relay import Relay

READS_IN_FLIGHT = 2
"""One is prepared while another is committed."""


@dataclass(frozen=True, slots=True)
class Place:
    """One partition: the consumer of its stream and the leader that runs it when this process is the writer."""

    consumer: StreamConsumer[IndicatorReportedBatch]
    leader: Leader


@dataclass(frozen=True, slots=True)
class Evaluator:
    """The wired evaluator."""

    settings: EvaluatorSettings
    engine: AsyncEngine
    broker: RedisBroker
    publisher: Publisher
    places: tuple[Place, ...]
    registry: CollectorRegistry
    runtime_metrics: RuntimeMetrics

    def ops(self) -> Starlette:
        """Return the operators' endpoints."""
        reading = [consumer_check(place.consumer, self.settings.max_lag) for place in self.places]

        async def writer() -> str | None:
            for place, check in zip(self.places, reading, strict=True):
                state = place.leader.state
                # A standby is ready: it serves as soon as the writer is gone.
                fault = await check() if state == "leading" else None if state.startswith("standby") else state
                if fault is not None:
                    return fault
            return None

        checks = {
            "database": database_check(self.engine),
            "redis": redis_check(self.broker),
            "writer": writer,
            "publishing": publishing_check(self.publisher),
        }
        return Starlette(routes=ops_routes(self.registry, checks))

    async def run(self, stop: asyncio.Event) -> None:
        """Wait for the servers, then work until SIGTERM or `stop`."""
        settings = self.settings
        changed = [partition_stream(VERDICT_CHANGED, number) for number in range(settings.partitions)]
        try:
            await wait_for_database(self.engine, settings.start_timeout_seconds)
            await wait_for_redis(self.broker, settings.start_timeout_seconds)
            redis = await client_of(self.broker)
            relay = Relay(self.engine, redis, self.publisher, changed, self.runtime_metrics)
            server = run_server(self.ops(), settings.host, settings.port, stop)
            leaders = [place.leader.run(stop) for place in self.places]
            await supervise(server, relay.run(stop), *leaders, stop=stop)
        finally:
            await self.broker.stop()
            await self.engine.dispose()


def build(settings: EvaluatorSettings) -> Evaluator:
    """Wire the evaluator; nothing connects before it runs."""
    registry = CollectorRegistry()
    partitions = [Partition(number, settings.partitions) for number in range(settings.partitions)]
    runtime_metrics = RuntimeMetrics(registry, [_stream(partition) for partition in partitions])
    metrics = EvaluatorMetrics(registry, settings.partitions)
    # Each partition led keeps a connection for itself.
    engine = create_database(settings.database_url, "datchuan-evaluator", pool_size=4 + settings.partitions)
    broker = create_broker(settings.redis_url)
    publisher = Publisher(broker, runtime_metrics, limits=settings.stream_limits)
    share = Share(settings.standby_seconds, settings.partitions, settings.partitions_led)
    catalog, clock = load_catalog(settings.catalog), SystemClock(settings.clock_offset_days)

    def place(partition: Partition) -> Place:
        lease = Lease(engine, partition.number, partition.of)
        store = SqlVerdictStore(lease, publisher, partition)
        writer = Writer(catalog, store, clock, metrics, settings.behind_limits, partition)
        consumer = StreamConsumer(
            broker,
            _stream(partition),
            EVALUATOR_GROUP,
            settings.instance,
            decode_indicator_reported,
            writer.on_indicator_reported,
            engine,
            runtime_metrics,
            max_records=settings.messages_per_read,
            in_flight=READS_IN_FLIGHT,
            exclusive=True,
        )
        leader = Leader(lease, share, writer, consumer, metrics, settings.tick_seconds, settings.standby_seconds)
        return Place(consumer, leader)

    places = tuple(place(partition) for partition in partitions)
    return Evaluator(settings, engine, broker, publisher, places, registry, runtime_metrics)


def _stream(partition: Partition) -> str:
    return partition_stream(INDICATOR_REPORTED, partition.number)


async def run(settings: EvaluatorSettings, stop: asyncio.Event) -> None:
    """Run the evaluator until `stop` is set or a signal comes."""
    gc.set_threshold(50_000, 20, 50)  # the reports of a batch hold no cycles
    await build(settings).run(stop)
