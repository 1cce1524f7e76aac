"""Composition root of the notifier: builds everything from settings and opens nothing."""

import asyncio
import gc
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from faststream.redis import RedisBroker
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from services.notifier.adapters.alert_store import SqlAlertStore
from services.notifier.adapters.console import ConsoleChannel
from services.notifier.adapters.mail import MailChannel, SmtpServer
from services.notifier.adapters.mime import domain_of
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.adapters.webhook import WebhookChannel
from services.notifier.domain.planning import Planner
from services.notifier.handlers.gathering import Grouper
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.handlers.sending import Sender
from services.notifier.metrics import NotifierMetrics
from services.notifier.settings import NotifierSettings
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.contracts.streams import NOTIFIER_GROUP, VERDICT_CHANGED, partition_stream
from shared.contracts.vocabulary import Channel
from shared.contracts.wire import VerdictChangedBatch, decode_verdict_changed
from shared.runtime.broker import create_broker, wait_for_redis
from shared.runtime.checks import consumer_check, database_check, redis_check
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.consumer import StreamConsumer
from shared.runtime.database import create_database, wait_for_database
from shared.runtime.loops import Bell, Trouble, repeat
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.ops import ops_routes, run_server
from shared.runtime.process import supervise

_CENSUS_SECONDS = 10.0
_POOL_SIZE = 8
# Changes that come sooner after others are read together then: one transaction for many costs a fraction of one each.
_READ_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Notifier:
    """The wired notifier."""

    settings: NotifierSettings
    engine: AsyncEngine
    broker: RedisBroker
    consumers: tuple[StreamConsumer[VerdictChangedBatch], ...]
    outbox: SqlOutbox
    grouper: Grouper
    senders: tuple[Sender, ...]
    registry: CollectorRegistry
    metrics: NotifierMetrics
    entries_due: Bell
    grouping: Trouble = field(default_factory=lambda: Trouble("grouping messages"))

    def ops(self) -> Starlette:
        """Return the operators' endpoints."""

        async def grouping_works() -> str | None:
            return "messages are not being grouped" if self.grouping.count else None

        checks = {
            "database": database_check(self.engine),
            "redis": redis_check(self.broker),
            **{
                "consumer" if partition == 0 else f"consumer_{partition}": consumer_check(consumer)
                for partition, consumer in enumerate(self.consumers)
            },
            "grouping": grouping_works,
        }
        return Starlette(routes=ops_routes(self.registry, checks))

    async def count(self) -> int:
        """Set the gauges; there is never more of it to do at once."""
        self.metrics.show(await self.outbox.census())
        return 0


def build(settings: NotifierSettings) -> Notifier:
    """Wire the notifier."""
    catalog = load_catalog(settings.catalog)
    clock = SystemClock(settings.clock_offset_days)
    registry = CollectorRegistry()
    streams = [partition_stream(VERDICT_CHANGED, partition) for partition in range(settings.partitions)]
    runtime_metrics, metrics = RuntimeMetrics(registry, streams), NotifierMetrics(registry)
    engine = create_database(settings.database_url, "datchuan-notifier", pool_size=_POOL_SIZE)
    broker = create_broker(settings.redis_url)
    entries_due = Bell()
    keeper = AlertKeeper(
        SqlAlertStore(engine),
        Planner(catalog, settings.windows),
        metrics,
        clock,
        tell_due=entries_due.ring_in,
    )
    outbox = SqlOutbox(engine, settings.instance, settings.lease_seconds, settings.backoff)
    sending = tuple(senders(settings, outbox, catalog, clock, metrics))
    return Notifier(
        settings=settings,
        engine=engine,
        broker=broker,
        consumers=tuple(_consumer(settings, stream, broker, engine, keeper, runtime_metrics) for stream in streams),
        outbox=outbox,
        grouper=grouper(settings, outbox, catalog, clock, sending),
        senders=sending,
        registry=registry,
        metrics=metrics,
        entries_due=entries_due,
    )


def _consumer(
    settings: NotifierSettings,
    stream: str,
    broker: RedisBroker,
    engine: AsyncEngine,
    keeper: AlertKeeper,
    metrics: RuntimeMetrics,
) -> StreamConsumer[VerdictChangedBatch]:
    return StreamConsumer(
        broker,
        stream,
        NOTIFIER_GROUP,
        settings.instance,
        decode_verdict_changed,
        keeper.on_verdict_changed,
        engine,
        metrics,
        max_records=settings.messages_per_read,
        pause_seconds=_READ_SECONDS,
    )


async def run(settings: NotifierSettings, stop: asyncio.Event) -> None:
    """Run the notifier until `stop` is set or a signal comes."""
    notifier = build(settings)
    # Cycles are looked for rarely: what is built at start stays, and changes hold none.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        await wait_for_database(notifier.engine, settings.start_timeout_seconds)
        await wait_for_redis(notifier.broker, settings.start_timeout_seconds)
        await supervise(
            run_server(notifier.ops(), settings.host, settings.port, stop),
            *(consumer.run(stop) for consumer in notifier.consumers),
            repeat(notifier.grouper.group_due, settings.poll_seconds, stop, notifier.grouping, notifier.entries_due),
            repeat(notifier.count, _CENSUS_SECONDS, stop, Trouble("counting alerts")),
            *(sender.run(stop) for sender in notifier.senders),
            stop=stop,
            drain_seconds=settings.send_timeout_seconds + 5,
        )
    finally:
        await notifier.broker.stop()
        await notifier.engine.dispose()


def grouper(
    settings: NotifierSettings, outbox: SqlOutbox, catalog: Catalog, clock: Clock, woken: Sequence[Sender]
) -> Grouper:
    """Build the grouper; it wakes the senders of the channels that it has stored messages for."""

    def wake(channels: Collection[Channel]) -> None:
        for sender in woken:
            if sender.channel in channels:
                sender.bell.ring()

    return Grouper(
        outbox,
        catalog,
        TemplateRenderer(),
        clock,
        window_seconds=settings.group_window_seconds,
        message_domain=domain_of(settings.mail_from),
        items_per_message=settings.items_per_message,
        detailed_items=settings.detailed_items,
        tell_stored=wake,
    )


def senders(
    settings: NotifierSettings, outbox: SqlOutbox, catalog: Catalog, clock: Clock, metrics: NotifierMetrics
) -> list[Sender]:
    """Build one sender per channel, each with places of its own: a slow channel never holds back another."""
    server = SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=None if settings.smtp_password is None else settings.smtp_password.get_secret_value(),
        connections=settings.smtp_connections,
        timeout_seconds=settings.send_timeout_seconds,
    )
    secrets = {address.webhook: address.webhook_secret_file for address in catalog.addresses if address.webhook}
    webhooks = WebhookChannel(secrets, settings.webhook_connections, settings.send_timeout_seconds, clock)
    carriers = (
        (Channel.MAIL, MailChannel(server, settings.mail_from), settings.smtp_connections),
        (Channel.WEBHOOK, webhooks, settings.webhook_connections),
        (Channel.CONSOLE, ConsoleChannel(), 1),
    )
    return [
        Sender(outbox, channel, carrier, metrics, at_once=at_once, poll_seconds=settings.poll_seconds)
        for channel, carrier, at_once in carriers
    ]
