"""Composition root of the notifier: builds everything from settings and opens nothing."""

import asyncio
import datetime as dt
import gc
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from faststream.redis import RedisBroker
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from services.notifier.adapters.acknowledging import SqlAcknowledging
from services.notifier.adapters.alert_store import SqlAlertStore
from services.notifier.adapters.audit_chain import SqlAuditChain
from services.notifier.adapters.carriers import carriers
from services.notifier.adapters.course_store import SqlCourses
from services.notifier.adapters.mime import domain_of
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.adapters.report_store import SqlReportStore
from services.notifier.adapters.silence_store import SqlSilences
from services.notifier.adapters.web.acknowledge_page import AcknowledgePage
from services.notifier.adapters.web.alerts_api import AlertsApi
from services.notifier.adapters.web.application import Edge
from services.notifier.adapters.web.silences_api import SilencesApi
from services.notifier.adapters.workbook import workbook_of
from services.notifier.domain.planning import Planner
from services.notifier.domain.ports import Pace
from services.notifier.handlers.drafting import Drafter
from services.notifier.handlers.gathering import Grouper
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.handlers.reporting import ReportKeeper, ReportMaker
from services.notifier.handlers.sealing import Sealer
from services.notifier.handlers.sending import Sender
from services.notifier.handlers.starting import Start
from services.notifier.handlers.timekeeping import Timekeeper
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
from shared.runtime.ops import Check, Note, ops_routes, run_server
from shared.runtime.process import supervise

_CENSUS_SECONDS = 10.0
_SEAL_SECONDS = 5.0
_REPORT_SECONDS = 30.0
_COURSE_SECONDS = 5.0
_LONGEST_START_SECONDS = 30.0
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
    sealer: Sealer
    reports: ReportKeeper
    timekeeper: Timekeeper
    grouper: Grouper
    silences: SqlSilences
    edge: Edge
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
            **{str(sender.channel): _sending_check(sender) for sender in self.senders},
        }
        return self.edge.application(ops_routes(self.registry, checks))

    def has_caught_up(self) -> bool:
        """Return whether all streams have been read to their ends once."""
        return all(consumer.caught_up for consumer in self.consumers)

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
    planner = Planner(catalog, settings.windows)
    keeper = AlertKeeper(SqlAlertStore(engine), planner, metrics, clock, tell_due=entries_due.ring_in)
    courses = SqlCourses(engine, planner.calendar)
    outbox = SqlOutbox(engine, settings.instance, settings.lease_seconds, settings.backoff)
    silences = SqlSilences(engine, catalog, clock)
    sending = tuple(senders(settings, outbox, catalog, metrics))
    return Notifier(
        settings=settings,
        engine=engine,
        broker=broker,
        consumers=tuple(_consumer(settings, stream, broker, engine, keeper, runtime_metrics) for stream in streams),
        outbox=outbox,
        sealer=Sealer(SqlAuditChain(engine), metrics),
        reports=report_keeper(engine, catalog, metrics, clock, entries_due),
        timekeeper=Timekeeper(courses, planner, metrics, clock, tell_due=entries_due.ring_in),
        grouper=grouper(settings, outbox, catalog, clock, sending),
        silences=silences,
        edge=edge(settings, engine, catalog, clock, silences),
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
    start = Start(notifier.has_caught_up, _LONGEST_START_SECONDS, tell_over=notifier.entries_due.ring)
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
            start.run(stop),
            repeat(
                start.held(notifier.grouper.group_due),
                settings.poll_seconds,
                stop,
                notifier.grouping,
                notifier.entries_due,
            ),
            repeat(start.held(notifier.reports.keep_due), _REPORT_SECONDS, stop, Trouble("making reports")),
            repeat(notifier.sealer.seal_next, _SEAL_SECONDS, stop, Trouble("sealing the audit")),
            repeat(start.held(notifier.timekeeper.fire_due), _COURSE_SECONDS, stop, Trouble("moving courses along")),
            repeat(notifier.timekeeper.count_stalled, _CENSUS_SECONDS, stop, Trouble("counting stalled courses")),
            repeat(notifier.silences.follow, settings.poll_seconds, stop, Trouble("following silences")),
            repeat(notifier.count, _CENSUS_SECONDS, stop, Trouble("counting alerts")),
            *(sender.run(stop) for sender in notifier.senders),
            stop=stop,
            drain_seconds=settings.send_timeout_seconds + 5,
        )
    finally:
        await notifier.broker.stop()
        await notifier.engine.dispose()


def edge(
    settings: NotifierSettings, engine: AsyncEngine, catalog: Catalog, clock: Clock, silences: SqlSilences
) -> Edge:
    """Build what programs and the readers of messages reach."""
    token = None if settings.notifier_api_token is None else settings.notifier_api_token.get_secret_value()
    longest = dt.timedelta(days=settings.silence_max_days)
    acknowledging = SqlAcknowledging(engine, catalog, clock, via="api")
    return Edge(
        AlertsApi(engine, catalog, clock, acknowledging, token),
        SilencesApi(engine, catalog, clock, silences, longest, token),
        AcknowledgePage(acknowledging, catalog, clock, settings.link_key),
        settings.path_prefix,
    )


def report_keeper(
    engine: AsyncEngine, catalog: Catalog, metrics: NotifierMetrics, clock: Clock, entries_due: Bell
) -> ReportKeeper:
    """Build what makes consolidated reports and reminds of periodic duties."""
    store = SqlReportStore(engine)
    maker = ReportMaker(store, catalog, workbook_of)
    return ReportKeeper(store, maker, catalog, metrics, clock, tell_due=entries_due.ring_in)


def grouper(
    settings: NotifierSettings, outbox: SqlOutbox, catalog: Catalog, clock: Clock, woken: Sequence[Sender]
) -> Grouper:
    """Build the grouper; it wakes the senders of the channels that it has stored messages for."""

    def wake(channels: Collection[Channel]) -> None:
        for sender in woken:
            if sender.channel in channels:
                sender.bell.ring()

    drafter = Drafter(
        catalog,
        TemplateRenderer(settings.templates),
        clock,
        message_domain=domain_of(settings.mail_from),
        detailed_items=settings.detailed_items,
        link_to=settings.link,
    )
    pace = Pace(settings.group_window_seconds, settings.group_pause_seconds)
    return Grouper(outbox, drafter, pace, items_per_message=settings.items_per_message, tell_stored=wake)


def senders(settings: NotifierSettings, outbox: SqlOutbox, catalog: Catalog, metrics: NotifierMetrics) -> list[Sender]:
    """Build one sender per channel, each with places of its own: a slow channel never holds back another."""
    return [
        Sender(
            outbox,
            each.channel,
            each.by,
            metrics,
            at_once=each.at_once,
            per_lane=each.per_lane,
            poll_seconds=settings.poll_seconds,
        )
        for each in carriers(settings, catalog)
    ]


def _sending_check(sender: Sender) -> Check:
    """Return a check that never fails: what does not leave waits, and this process is not what keeps it."""

    async def check() -> str | None:
        return None if sender.blocked_by is None else Note(f"nothing leaves: {sender.blocked_by}")

    return check
