"""PostgreSQL with a standby, by configuration: the primary dies, the standby is promoted, the services go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from datchuan.migrations import current, upgrade
from shared.embedded.postgres import EmbeddedPostgres, find_installation
from shared.runtime.database import create_database, is_outage
from shared.runtime.database_url import normal_database_url
from shared.runtime.errors import DependencyUnavailableError, LeaseLostError
from shared.runtime.lease import Lease
from shared.testing.numbers import Application, build
from shared.testing.polling import until
from shared.testing.servers import start_postgres

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Pair:
    """A primary and its standby, which must have a commit before it is acknowledged."""

    primary: EmbeddedPostgres
    standby: EmbeddedPostgres

    @property
    def url(self) -> str:
        """The URL that names both, the standby first: it must be passed over."""
        credentials, _, place = self.primary.url().replace("+asyncpg", "").rpartition("@")
        host, _, database = place.partition("/")
        return normal_database_url(f"{credentials}@127.0.0.1:{self.standby.port},{host}/{database}")

    async def ask(self, server: EmbeddedPostgres, question: str) -> Any:
        """Ask one of the two directly."""
        connection = await asyncpg.connect(server.url().replace("+asyncpg", ""))
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    async def is_synchronous(self) -> bool:
        """Tell whether commits wait for the standby."""
        return bool(await self.ask(self.primary, "SELECT sync_state = 'sync' FROM pg_stat_replication"))

    async def fail_over(self) -> None:
        """Kill the primary and promote the standby, as the operator's tool does."""
        self.primary.kill()
        assert await self.ask(self.standby, "SELECT pg_promote()")


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    if not (find_installation() / "bin" / "pg_basebackup").exists():
        pytest.skip("the installed PostgreSQL has no pg_basebackup to build a standby with")
    with start_postgres(tmp_path / "primary") as primary:
        await asyncio.to_thread(upgrade, primary.url())
        with start_postgres(tmp_path / "standby", standby_of=primary) as standby:
            pair = Pair(primary, standby)
            await pair.ask(primary, "ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            await pair.ask(primary, "SELECT pg_reload_conf()")
            await until(pair.is_synchronous, what="the standby to be synchronous")
            yield pair


async def send_until(application: Application, stop: asyncio.Event, acknowledged: list[int]) -> None:
    """Commit numbers, and go on with the next one when a commit fails."""
    for number in range(1_000_000):
        if stop.is_set():
            return
        try:
            await application.send(number)
        except Exception as error:
            if not is_outage(error):
                raise
            await asyncio.sleep(0.01)
        else:
            acknowledged.append(number)


async def test_no_acknowledged_commit_is_lost_when_the_standby_takes_over(pair: Pair, redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        application = await build(stack, pair.url, redis_url)
        await application.consumer()
        stop, acknowledged = asyncio.Event(), list[int]()
        sending = asyncio.create_task(send_until(application, stop, acknowledged))
        relay = asyncio.create_task(application.relay().run(stop))
        await until(lambda: len(acknowledged) > 50)

        await pair.fail_over()
        before = len(acknowledged)
        await until(lambda: len(acknowledged) > before + 50, what="commits on the new primary")
        stop.set()
        await asyncio.gather(sending, relay)

        async def everything_is_handled() -> bool:
            return set(acknowledged) <= set(await application.seen()) and await application.mailbox() == 0

        await until(everything_is_handled, what="all acknowledged messages")
        seen = await application.seen()
        assert len(seen) == len(set(seen))
        assert await application.dead() == []


async def test_the_lease_is_lost_with_the_primary_and_taken_anew(pair: Pair) -> None:
    engine = create_database(SecretStr(pair.url), "holder")
    lease = Lease(engine, 1)
    assert await lease.try_acquire()

    await pair.fail_over()

    with pytest.raises(LeaseLostError):
        await lease.check()
    assert await lease.try_acquire()
    async with lease.begin() as connection:
        assert await connection.scalar(text("SELECT inet_server_port()")) == pair.standby.port
    await lease.release()
    await engine.dispose()


async def test_migrations_find_the_primary(pair: Pair) -> None:
    version, newest = await asyncio.to_thread(current, pair.url)

    assert version == newest
    assert await asyncio.to_thread(upgrade, pair.url) == []


async def test_a_standby_alone_is_an_outage_that_names_the_reason(pair: Pair) -> None:
    pair.primary.kill()
    engine = create_database(SecretStr(pair.url), "waiting")

    with pytest.raises(DependencyUnavailableError) as error:
        async with engine.connect():
            pytest.fail("a server that takes no writes was used")

    assert f"127.0.0.1:{pair.standby.port}" in str(error.value)
    assert is_outage(error.value)
    await engine.dispose()
