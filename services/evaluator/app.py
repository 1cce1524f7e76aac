"""Composition root of the evaluator: builds everything from settings and opens nothing."""

import asyncio

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from services.evaluator.adapters.sql_store import SqlVerdictStore
from services.evaluator.handlers import Writer
from services.evaluator.leader import Leader
from services.evaluator.metrics import EvaluatorMetrics
from services.evaluator.settings import EvaluatorSettings
from shared.catalog.load import load_catalog
from shared.contracts.streams import EVALUATOR_GROUP, INDICATOR_REPORTED, VERDICT_CHANGED, partition_stream
from shared.contracts.wire import decode_indicator_reported
from shared.runtime.broker import client_of, create_broker, wait_for_redis
from shared.runtime.checks import database_check, redis_check
from shared.runtime.clock import SystemClock
from shared.runtime.consumer import StreamConsumer
from shared.runtime.database import create_database, wait_for_database
from shared.runtime.lease import Lease
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.ops import ops_routes, run_server
from shared.runtime.process import supervise
from shared.runtime.publisher import Publisher
from shared.runtime.relay import Relay


async def run(settings: EvaluatorSettings, stop: asyncio.Event) -> None:
    """Run the evaluator until `stop` is set or a signal comes."""
    catalog = load_catalog(settings.catalog)
    clock = SystemClock(settings.clock_offset_days)
    registry = CollectorRegistry()
    reported = partition_stream(INDICATOR_REPORTED, settings.partition)
    changed = partition_stream(VERDICT_CHANGED, settings.partition)
    runtime_metrics = RuntimeMetrics(registry, [reported])
    metrics = EvaluatorMetrics(registry)
    engine = create_database(settings.database_url, "datchuan-evaluator")
    broker = create_broker(settings.redis_url)
    publisher = Publisher(broker, runtime_metrics)
    lease = Lease(engine, settings.partition)
    writer = Writer(catalog, SqlVerdictStore(lease, publisher, settings.partition), clock, metrics, settings.partition)
    consumer = StreamConsumer(
        broker,
        reported,
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

    async def leading() -> str | None:
        # A standby is ready: it serves as soon as the writer is gone.
        return None if leader.state == "leading" or leader.state.startswith("standby") else leader.state

    checks = {"database": database_check(engine), "redis": redis_check(broker), "writer": leading}
    app = Starlette(routes=ops_routes(registry, checks))
    try:
        await wait_for_database(engine, settings.start_timeout_seconds)
        await wait_for_redis(broker, settings.start_timeout_seconds)
        relay = Relay(engine, await client_of(broker), publisher, [changed], runtime_metrics)
        await supervise(
            run_server(app, settings.host, settings.port, stop), relay.run(stop), leader.run(stop), stop=stop
        )
    finally:
        await broker.stop()
        await engine.dispose()
