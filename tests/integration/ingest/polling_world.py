"""Polls of a small DHIS2 by the intake of ingest on a real PostgreSQL, driven turn by turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.group_commit import GroupCommit
from services.ingest.adapters.intake import Intake, alias_tables
from services.ingest.adapters.journal import Journal
from services.ingest.adapters.polling.following import PollFollower
from services.ingest.adapters.polling.polls import Poll, load_polls
from services.ingest.adapters.polling.states import SqlPollStore
from services.ingest.adapters.quarantine import SqlQuarantineStore
from services.ingest.domain.normalize import Normalizer
from services.ingest.metrics import IngestMetrics
from shared.runtime.database import create_database
from shared.testing.clocks import ManualClock
from tests.integration.ingest.conftest import NOW, the_catalog
from tests.integration.ingest.dhis2_server import PASSWORD, USER, Dhis2

NAME = "hmis"


@dataclass
class Door:
    """The door of the intake, which a test may close by naming the error to raise, or those of the next attempts."""

    error: Exception | None = None
    errors: list[Exception | None] = field(default_factory=list)

    def refuse_when_full(self) -> None:
        """Raise the error, if there is one."""
        error = self.errors.pop(0) if self.errors else self.error
        if error is not None:
            raise error


@dataclass
class Process:
    """One process of ingest, without its HTTP edge: an intake of its own and a follower of the polls."""

    engine: AsyncEngine
    follower: PollFollower
    registry: CollectorRegistry
    door: Door

    def metric(self, name: str, **labels: str) -> float:
        """Return a sample of its metrics of the poll."""
        value = self.registry.get_sample_value(f"datchuan_ingest_poll_{name}", {"poll": NAME} | labels)
        assert value is not None, f"{name} {labels} is not exported"
        return value


@asynccontextmanager
async def process(database_url: str, polls: Path) -> AsyncIterator[Process]:
    """Run a process with a file of polls."""
    engine, registry, door = create_database(SecretStr(database_url), "test"), CollectorRegistry(), Door()
    metrics, clock, catalog = IngestMetrics(registry), ManualClock(NOW), the_catalog()
    journal = Journal(engine)
    committer = GroupCommit(journal.append, lambda _: None, clock, metrics)
    intake = Intake(
        Normalizer(catalog), alias_tables(catalog), all_readers(catalog), committer, Journal(engine).rehearse, clock
    )
    store = SqlPollStore(create_database(SecretStr(database_url), "test-polls"))
    follower = PollFollower(load_polls(polls, ["hmis"]), store, intake, door, metrics.polls)
    stop = asyncio.Event()
    commits = asyncio.create_task(committer.run(stop))
    try:
        yield Process(engine, follower, registry, door)
    finally:
        stop.set()
        await commits
        await store.close()
        await engine.dispose()


@dataclass
class PollWorld:
    """An instance, a process that polls it, and its one poll."""

    database_url: str
    dhis2: Dhis2
    process: Process
    poll: Poll
    polls: Path

    async def turn(self, by: Process | None = None) -> float:
        """Poll as if the poll were due now; return the pause that the follower makes."""
        async with self.process.engine.begin() as connection:
            await connection.execute(text("UPDATE ingest.poll SET due_at = clock_timestamp() - interval '1 second'"))
        return await (by or self.process).follower.turn(self.poll)

    async def rows(self, query: str) -> list[Any]:
        """Return the rows of a query as mappings."""
        async with self.process.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(query))).mappings().all()]

    async def state(self) -> dict[str, Any]:
        """Return the row of the poll, empty before there is one."""
        return next(iter(await self.rows("SELECT * FROM ingest.poll")), {})

    async def events(self) -> list[dict[str, Any]]:
        """Return the reports of the journal, in its order."""
        return [
            row["event"] for row in await self.rows("SELECT event::jsonb AS event FROM ingest.journal ORDER BY seq")
        ]

    async def reasons(self) -> list[str]:
        """Return why values are in the quarantine."""
        return [row.reason for row in await SqlQuarantineStore(self.process.engine).list()]


def write_polls(folder: Path, address: str, **fields: Any) -> Path:
    """Write a file with one poll and its credentials, and return its path."""
    secret = folder / "dhis2_credentials"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
    known: dict[str, Any] = {
        "name": NAME,
        "source": "hmis",
        "url": address,
        "credentials_file": secret.name,
        "data_sets": ["DsHealth001"],
        "org_units": ["P1"],
        "timeout_seconds": 5,
    }
    path = folder / "polls.yaml"
    written = yaml.safe_dump({"polls": [known | fields]})
    path.write_text(f"{written}  since: 2024-01-01\n" if "since" not in fields else written, encoding="utf-8")
    return path


@asynccontextmanager
async def polling_world(database_url: str, dhis2: Dhis2, folder: Path, **fields: Any) -> AsyncIterator[PollWorld]:
    """Run a process with one poll of a running instance."""
    path = write_polls(folder, dhis2.url, **fields)
    async with process(database_url, path) as running:
        (poll,) = load_polls(path, ["hmis"])
        yield PollWorld(database_url, dhis2, running, poll, path)


async def stopped(task: "asyncio.Task[None]", stop: asyncio.Event) -> float:
    """Stop a loop and return the seconds that it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    stop.set()
    await asyncio.wait_for(task, 10)
    return loop.time() - began
