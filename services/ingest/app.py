"""The composition root of ingest: the only place that builds concrete things."""

import asyncio
import gc
from dataclasses import dataclass

from fastapi import FastAPI
from faststream.redis import RedisBroker
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.backlog import Backlog
from services.ingest.adapters.driver import on_other_session
from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.group_commit import CommitLimits, GroupCommit
from services.ingest.adapters.intake import Intake, alias_tables
from services.ingest.adapters.journal import Journal
from services.ingest.adapters.outbox import Outbox
from services.ingest.adapters.polling.following import MOST_AT_ONCE, PollFollower
from services.ingest.adapters.polling.polls import load_polls
from services.ingest.adapters.polling.states import SqlPollStore
from services.ingest.adapters.tables import metadata
from services.ingest.adapters.tokens import SqlTokenStore, TokenCache
from services.ingest.adapters.web.application import build_application
from services.ingest.adapters.web.templates import Templates
from services.ingest.domain.forecast import Foresee
from services.ingest.domain.normalize import Normalizer
from services.ingest.handlers import IngestHandlers
from services.ingest.metrics import IngestMetrics
from services.ingest.settings import IngestSettings
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.contracts.streams import INDICATOR_REPORTED, partition_stream
from shared.runtime.broker import client_of, create_broker, wait_for_redis
from shared.runtime.checks import database_check, publishing_check, schema_check
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.database import create_database, wait_for_database
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.ops import run_server
from shared.runtime.process import supervise
from shared.runtime.publisher import Publisher
from shared.runtime.relay import Relay


@dataclass(frozen=True, slots=True)
class IngestApplication:
    """The wired service: the HTTP application and the loops behind it."""

    settings: IngestSettings
    http: FastAPI
    engine: AsyncEngine
    broker: RedisBroker
    committer: GroupCommit
    backlog: Backlog
    outbox: Outbox
    publisher: Publisher
    runtime_metrics: RuntimeMetrics
    streams: list[str]
    polls: PollFollower | None

    async def run(self, stop: asyncio.Event) -> None:
        """Wait for the servers, then work until SIGTERM or `stop`; requests in hand are committed and answered."""
        timeout = self.settings.start_timeout_seconds
        await wait_for_database(self.engine, timeout)
        await wait_for_redis(self.broker, timeout)
        server_ended, commits_ended = asyncio.Event(), asyncio.Event()
        redis = await client_of(self.broker)
        relay = Relay(self.engine, redis, self.publisher, self.streams, self.runtime_metrics)
        try:
            await supervise(
                self._serve(stop, server_ended),
                self._commit(server_ended, commits_ended),
                self.outbox.run(commits_ended),
                relay.run(stop),
                self.backlog.run(stop),
                *([self.polls.run(stop)] if self.polls else []),
                stop=stop,
            )
        finally:
            await self.close()

    async def _serve(self, stop: asyncio.Event, ended: asyncio.Event) -> None:
        try:
            await run_server(self.http, self.settings.host, self.settings.port, stop)
        finally:
            ended.set()

    async def _commit(self, server_ended: asyncio.Event, ended: asyncio.Event) -> None:
        try:
            await self.committer.run(server_ended)
        finally:
            ended.set()

    async def close(self) -> None:
        """Let go of the connections."""
        await self.broker.stop()
        await self.engine.dispose()


async def run(settings: IngestSettings, stop: asyncio.Event) -> None:
    """Run the service until `stop` is set or a signal comes."""
    await serve(build(settings, load_catalog(settings.catalog)), stop)


async def serve(application: IngestApplication, stop: asyncio.Event) -> None:
    """Run the wired service until `stop` is set or a signal comes."""
    # Cycles are looked for rarely: what is built at start stays, and the rows of a request hold none.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    await application.run(stop)


def build(
    settings: IngestSettings, catalog: Catalog, clock: Clock | None = None, foresee: Foresee | None = None
) -> IngestApplication:
    """Return the wired application; nothing connects before it runs. `foresee` tells what a dry run would change."""
    clock = clock or SystemClock(settings.clock_offset_days)
    registry = CollectorRegistry()
    streams = [partition_stream(INDICATOR_REPORTED, partition) for partition in range(settings.partitions)]
    runtime_metrics, metrics = RuntimeMetrics(registry, streams), IngestMetrics(registry)
    timeout = settings.commit_timeout_seconds
    engine = create_database(settings.database_url, "datchuan-ingest", command_timeout_seconds=timeout)
    broker = create_broker(settings.redis_url)
    publisher = Publisher(broker, runtime_metrics, limits=settings.stream_limits)
    outbox = Outbox(publisher)
    limits = CommitLimits(settings.rows_per_commit, settings.max_waiting_rows, timeout)
    journal, rehearsal = Journal(engine, settings.partitions), Journal(engine, settings.partitions)
    on_other_session(engine, journal.forget)
    on_other_session(engine, rehearsal.forget)
    committer = GroupCommit(journal.append, outbox.put, clock, metrics, limits)
    intake = Intake(
        Normalizer(catalog), alias_tables(catalog), all_readers(catalog), committer, rehearsal.rehearse, clock, foresee
    )
    tokens = TokenCache(SqlTokenStore(engine).find, settings.token_cache_seconds)
    backlog = Backlog(engine, streams, metrics, settings.max_backlog_bytes)
    handlers = IngestHandlers(intake, tokens, backlog, metrics, settings)
    # Redis is no condition of being ready: reports are taken without it, and the relay publishes them later.
    checks = {
        "database": database_check(engine),
        "schema": schema_check(engine, metadata),
        "publishing": publishing_check(publisher),
        "backlog": backlog.check(),
    }
    http = build_application(handlers, Templates(catalog), registry, checks)
    polls = _follower(settings, catalog, intake, backlog, metrics)
    return IngestApplication(
        settings, http, engine, broker, committer, backlog, outbox, publisher, runtime_metrics, streams, polls
    )


def _follower(
    settings: IngestSettings, catalog: Catalog, intake: Intake, backlog: Backlog, metrics: IngestMetrics
) -> PollFollower | None:
    """Return what follows the configured polls, on connections of its own: each poll holds one while it works."""
    if settings.polls is None:
        return None
    polls = load_polls(settings.polls, catalog.profile_by_source)
    pool_size = min(len(polls), MOST_AT_ONCE)
    engine = create_database(settings.database_url, "datchuan-ingest-polls", pool_size, command_timeout_seconds=10)
    return PollFollower(polls, SqlPollStore(engine), intake, backlog, metrics.polls)
