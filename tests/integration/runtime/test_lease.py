"""The lease on a real PostgreSQL."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters.outbox_sql import TRY_LOCK
from shared.runtime.database import create_database, is_outage
from shared.runtime.errors import OtherLayoutError
from shared.runtime.lease import Lease, LeaseLostError
from shared.runtime.waiting import waiting_rows
from shared.testing.polling import until

pytestmark = pytest.mark.integration


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "test")
    yield engine
    await engine.dispose()


async def close_from_the_server(engine: AsyncEngine, connection: AsyncConnection) -> None:
    """Close the connection as a vanished host or a restarted server would."""
    pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    await connection.rollback()
    async with engine.connect() as other:
        await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


async def test_only_one_process_holds_the_lease_of_a_key(engine: AsyncEngine) -> None:
    first, second, other_key = Lease(engine, 1), Lease(engine, 1), Lease(engine, 2)

    granted = [await first.try_acquire(), await second.try_acquire(), await other_key.try_acquire()]

    assert granted == [True, False, True]
    assert (first.is_held, second.is_held) == (True, False)
    await first.release()
    await other_key.release()


async def test_a_released_lease_is_free(engine: AsyncEngine) -> None:
    first, second = Lease(engine, 1), Lease(engine, 1)
    await first.try_acquire()

    await first.release()

    assert await second.try_acquire()
    await second.release()


async def test_what_is_written_under_the_lease_is_committed_on_its_connection(engine: AsyncEngine) -> None:
    lease = Lease(engine, 1)
    await lease.try_acquire()

    async with lease.begin() as connection:
        await connection.execute(text("CREATE TABLE public.written AS SELECT 1 AS n"))

    async with engine.connect() as other:
        assert await other.scalar(text("SELECT n FROM public.written")) == 1
    await lease.release()


async def test_the_standby_takes_over_when_the_holders_connection_dies(engine: AsyncEngine) -> None:
    holder, standby = Lease(engine, 1), Lease(engine, 1)
    await holder.try_acquire()
    assert not await standby.try_acquire()

    await close_from_the_server(engine, holder.connection)

    assert await standby.try_acquire()
    with pytest.raises(LeaseLostError):
        await holder.check()
    await holder.release()
    await standby.release()


async def test_the_former_holder_cannot_write_any_more(engine: AsyncEngine) -> None:
    lease = Lease(engine, 1)
    await lease.try_acquire()
    await close_from_the_server(engine, lease.connection)
    with pytest.raises(LeaseLostError):
        await lease.check()

    with pytest.raises(LeaseLostError) as lost:
        async with lease.begin():
            pytest.fail("the lease let a writer in that holds no lock")

    assert is_outage(lost.value)
    assert not lease.is_held
    await lease.release()


async def test_a_lost_lease_can_be_acquired_again(engine: AsyncEngine) -> None:
    lease = Lease(engine, 1)
    await lease.try_acquire()
    await close_from_the_server(engine, lease.connection)
    with pytest.raises(LeaseLostError):
        await lease.check()

    assert await lease.try_acquire()
    await lease.check()
    await lease.release()


HOLDER = """
import asyncio, sys
from pydantic import SecretStr
from shared.runtime.database import create_database
from shared.runtime.lease import Lease

async def main(url):
    lease = Lease(create_database(SecretStr(url), "holder"), 1)
    print(await lease.try_acquire(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1]))
"""


async def test_kill_9_of_the_holder_frees_the_lease(engine: AsyncEngine, database_url: str) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"True\n"
    standby = Lease(engine, 1)
    assert not await standby.try_acquire()

    os.kill(holder.pid, signal.SIGKILL)

    await until(standby.try_acquire, timeout=3)
    await holder.wait()
    await standby.release()


async def test_leases_of_processes_with_different_numbers_of_partitions_exclude_each_other(engine: AsyncEngine) -> None:
    two, also_two, four = Lease(engine, 0, layout=2), Lease(engine, 1, layout=2), Lease(engine, 3, layout=4)
    assert [await two.try_acquire(), await also_two.try_acquire()] == [True, True]

    with pytest.raises(OtherLayoutError, match="Writers with 2 partitions are running"):
        await four.try_acquire()
    await two.release()
    await also_two.release()

    assert await four.try_acquire()
    await four.release()


async def test_a_relay_or_a_notifier_at_work_is_not_taken_for_writers_with_other_partitions(
    engine: AsyncEngine,
) -> None:
    lease = Lease(engine, 0, layout=1)

    async with waiting_rows(engine, "stream") as rows, engine.connect() as notifier:
        assert rows is not None
        assert await notifier.scalar(text(TRY_LOCK))

        assert await lease.try_acquire()
    await lease.release()
