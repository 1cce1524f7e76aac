"""The ingest service in this process, on real servers, spoken to over HTTP."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from services.ingest.adapters.quarantine import SqlQuarantineStore
from services.ingest.adapters.retry import QuarantineRetry
from services.ingest.adapters.tokens import SqlTokenStore
from services.ingest.app import IngestApplication, build
from services.ingest.domain.tokens import Scope
from services.ingest.settings import IngestSettings
from shared.catalog.catalog import Catalog
from shared.testing.clocks import ManualClock
from shared.testing.factories import a_catalog

NOW = dt.datetime(2024, 10, 15, 5, 0, tzinfo=dt.UTC)
ALIASES = [
    {"element": "Cards", "option": "Male", "indicator": "rate", "role": "numerator", "sex": "male"},
    {"element": "People", "option": "Male", "indicator": "rate", "role": "denominator", "sex": "male"},
    {"element": "Paper", "indicator": "paper", "role": "value"},
]


def the_catalog(**parts: Any) -> Catalog:
    """Return the small catalog with a DHIS2 profile of the source hmis."""
    return a_catalog(profiles=[{"source": "hmis", "name_vi": "HMIS", "aliases": ALIASES}], **parts)


@dataclass
class Service:
    """A running ingest: its client sends with the token of hmis, which may also send for bhxh."""

    application: IngestApplication
    client: httpx.AsyncClient
    clock: ManualClock
    tokens: SqlTokenStore
    quarantine: SqlQuarantineStore

    async def post(self, *events: dict[str, Any] | bytes, **headers: str) -> httpx.Response:
        """Post events as NDJSON."""
        lines = [event if isinstance(event, bytes) else msgspec.json.encode(event) for event in events]
        return await self.client.post(
            "/v1/events", content=b"\n".join(lines), headers={"Content-Type": "application/x-ndjson"} | headers
        )

    async def post_values(self, *values: dict[str, Any], query: str = "", **above: Any) -> httpx.Response:
        """Post DHIS2 data values."""
        return await self.client.post(f"/api/dataValueSets{query}", json=above | {"dataValues": list(values)})

    async def rows(self, query: str, **parameters: Any) -> list[Any]:
        """Return the rows of a query, tuples or single values."""
        async with self.application.engine.connect() as connection:
            result = (await connection.execute(text(query), parameters)).all()
        return [row[0] if len(row) == 1 else tuple(row) for row in result]

    async def journal(self) -> list[str]:
        """Return the ids in the journal, in journal order."""
        return await self.rows("SELECT event_id FROM ingest.journal ORDER BY seq")

    def retry(self, catalog: Catalog) -> QuarantineRetry:
        """Return what `datchuan quarantine retry` does, with a catalog."""
        return QuarantineRetry(self.application.engine, catalog, self.clock, self.application.settings.partitions)


Start = Callable[..., Any]


@pytest.fixture
def start_service() -> Callable[..., Any]:
    """Starts the service on servers of the test's choice."""

    @asynccontextmanager
    async def start(
        database_url: str, redis_url: str, catalog_of: Catalog | None = None, **settings: Any
    ) -> AsyncIterator[Service]:
        known: dict[str, Any] = {
            "database_url": SecretStr(database_url),
            "redis_url": SecretStr(redis_url),
            "token_cache_seconds": 0.0,
        }
        clock = ManualClock(NOW)
        application = build(IngestSettings(**(known | settings)), catalog_of or the_catalog(), clock)
        tokens = SqlTokenStore(application.engine)
        _, token = await tokens.create("test", "hmis", ["bhxh"])
        stop, committed = asyncio.Event(), asyncio.Event()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(application.close)
            outbox = asyncio.create_task(application.outbox.run(committed))
            commits = asyncio.create_task(application.committer.run(stop))
            backlog = asyncio.create_task(application.backlog.run(stop))
            transport = httpx.ASGITransport(app=application.http)
            headers = {"Authorization": f"Bearer {token}"}
            client = httpx.AsyncClient(transport=transport, base_url="http://ingest", headers=headers)
            stack.push_async_callback(client.aclose)
            try:
                yield Service(application, client, clock, tokens, SqlQuarantineStore(application.engine))
            finally:  # a test that fails must not leave loops behind that nothing ends
                stop.set()
                await commits
                await backlog
                committed.set()
                await outbox

    return start


@pytest.fixture
async def service(start_service: Start, database_url: str, redis_url: str) -> AsyncIterator[Service]:
    """The service with a fresh database."""
    async with start_service(database_url, redis_url) as running:
        yield running


@pytest.fixture
def an_event() -> Callable[..., dict[str, Any]]:
    """A valid native event; a field given as None is left out."""

    def build_event(number: int = 1, **fields: Any) -> dict[str, Any]:
        known: dict[str, Any] = {
            "id": f"e{number}",
            "commune": "C1",
            "indicator": "rate",
            "sex": "female",
            "period": "2024-09",
            "numerator": 900 + number % 100,
            "denominator": 1000,
            "observed_at": "2024-10-02T08:30:00+07:00",
        }
        return {name: value for name, value in (known | fields).items() if value is not None}

    return build_event


@pytest.fixture
def events_only() -> tuple[Scope, ...]:
    """The scope of a token that may not send data values."""
    return (Scope.EVENTS,)
