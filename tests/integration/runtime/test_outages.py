"""What happens to messages when Redis, PostgreSQL or a process goes away in mid-stream."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from datchuan.migrations import upgrade
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.valkey import EmbeddedValkey
from shared.testing.numbers import GROUP, STREAM, Application, Number, build
from shared.testing.polling import until
from shared.testing.servers import fresh_database, start_postgres, start_valkey

pytestmark = pytest.mark.integration


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A Valkey that the test may kill."""
    with start_valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
async def on_valkey(database_url: str, valkey: EmbeddedValkey) -> AsyncIterator[Application]:
    async with AsyncExitStack() as stack:
        yield await build(stack, database_url, valkey.url)


async def keep_sending(application: Application, count: int, sent: asyncio.Event) -> None:
    for number in range(count):
        await application.send(number)
        if number == count // 3:
            sent.set()


async def test_flushall_in_mid_stream_loses_nothing(application: Application) -> None:
    stop, some_sent = asyncio.Event(), asyncio.Event()
    relay = asyncio.create_task(application.relay().run(stop))
    await application.consumer(max_records=2)
    sending = asyncio.create_task(keep_sending(application, 60, some_sent))
    await some_sent.wait()

    await application.redis.flushall()

    await sending
    await application.redis.flushall()
    await until(lambda: application.handled(range(60)), what="all messages")
    assert await application.dead() == []
    stop.set()
    await relay


async def test_the_consumer_reads_again_within_a_second_after_flushall(application: Application) -> None:
    consumer = await application.consumer()
    await until(lambda: consumer.running)
    await application.redis.flushall()
    await until(lambda: not consumer.running, what="FastStream giving up")

    await application.send(1)

    await until(lambda: application.handled([1]), timeout=2)
    assert application.value("datchuan_consumer_restarts_total") == 1


async def test_a_stream_deleted_behind_its_markers_is_published_again(application: Application) -> None:
    await application.send(1)
    await application.redis.delete(STREAM)
    await application.consumer()
    relay = application.relay(stale_after_seconds=0.1)

    async def relayed() -> bool:
        await relay.relay_once()
        return await application.handled([1])

    await until(relayed)


async def test_valkey_killed_and_restarted_in_mid_stream_loses_nothing(
    on_valkey: Application, valkey: EmbeddedValkey
) -> None:
    stop, some_sent = asyncio.Event(), asyncio.Event()
    relay = asyncio.create_task(on_valkey.relay().run(stop))
    consumer = await on_valkey.consumer(max_records=2)
    sending = asyncio.create_task(keep_sending(on_valkey, 60, some_sent))
    await some_sent.wait()

    valkey.kill()
    await sending
    await asyncio.to_thread(valkey.start)

    await until(lambda: on_valkey.handled(range(60)), what="all messages")
    await until(lambda: consumer.running)
    assert await on_valkey.dead() == []
    stop.set()
    await relay


async def test_a_consumer_started_before_valkey_begins_when_valkey_does(
    on_valkey: Application, valkey: EmbeddedValkey
) -> None:
    valkey.kill()
    consumer = await on_valkey.consumer()
    await on_valkey.send(1)
    assert not consumer.running

    await asyncio.to_thread(valkey.start)
    await on_valkey.relay(relay_after_seconds=0).relay_once()

    await until(lambda: on_valkey.handled([1]), timeout=4)


async def test_publishing_returns_soon_and_counts_when_valkey_is_away(
    on_valkey: Application, valkey: EmbeddedValkey
) -> None:
    valkey.kill()

    async with asyncio.timeout(2):
        for number in range(20):
            await on_valkey.send(number)

    assert on_valkey.value("datchuan_publish_failures_total") == 20
    assert await on_valkey.mailbox() == 20


async def test_a_database_outage_is_waited_for_and_everything_is_handled_once(tmp_path: Path, redis_url: str) -> None:
    with start_postgres(tmp_path / "postgres") as postgres, fresh_database(postgres, upgrade) as url:
        async with AsyncExitStack() as stack:
            application = await build(stack, url, redis_url)
            await application.send(1, 2, 3)
            postgres.kill()
            await application.consumer(max_records=1)
            await until(lambda: application.value("datchuan_messages_total", stream=STREAM, outcome="retried") >= 2)

            await asyncio.to_thread(postgres.start)

            await until(lambda: application.handled([1, 2, 3]))
            assert await application.dead() == []
            await until(application.all_acknowledged)


async def test_a_database_that_is_not_migrated_yet_buries_nothing(
    postgres_server: EmbeddedPostgres, database_url: str, redis_url: str
) -> None:
    async with AsyncExitStack() as stack:
        application = await build(stack, database_url, redis_url)
        await application.send(1)
        async with application.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE public.seen RENAME TO later"))
        await application.consumer()
        await until(lambda: application.value("datchuan_messages_total", stream=STREAM, outcome="retried") >= 4)

        async with application.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE public.later RENAME TO seen"))

        await until(lambda: application.handled([1]))
        assert await application.dead() == []


VICTIM = """
import asyncio, sys
from contextlib import AsyncExitStack
from pydantic import SecretStr
from prometheus_client import CollectorRegistry
from shared.runtime.broker import client_of, create_broker
from shared.runtime.consumer import StreamConsumer
from shared.runtime.database import create_database
from shared.runtime.metrics import RuntimeMetrics
from shared.testing.numbers import GROUP, STREAM, decode

async def main(database_url, redis_url):
    async def handle(numbers):
        print("handling", flush=True)
        await asyncio.Event().wait()
    engine = create_database(SecretStr(database_url), "victim")
    broker = create_broker(SecretStr(redis_url))
    metrics = RuntimeMetrics(CollectorRegistry())
    consumer = StreamConsumer(broker, STREAM, GROUP, "victim", decode, handle, engine, metrics)
    await consumer.run(asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_messages_of_a_killed_process_are_handled_by_another(
    application: Application, database_url: str, redis_url: str
) -> None:
    await application.send(1, 2)
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, database_url, redis_url, stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    assert await victim.stdout.readline() == b"handling\n"
    os.kill(victim.pid, signal.SIGKILL)
    await victim.wait()
    assert await application.pending() == 2

    await application.consumer(name="survivor", reclaim_idle_ms=100)

    await until(lambda: application.handled([1, 2]))
    consumers = await application.redis.xinfo_consumers(STREAM, GROUP)
    assert {consumer["name"] for consumer in consumers} == {b"victim", b"survivor"}


async def test_the_relay_leaves_alone_what_a_slow_consumer_has_yet_to_handle(application: Application) -> None:
    release = asyncio.Event()

    async def handle(numbers: Sequence[Number]) -> None:
        await release.wait()
        await application.handle(numbers)

    await application.consumer(handle, max_records=1)
    await application.send(*range(10))
    relay = application.relay(relay_after_seconds=0, stale_after_seconds=0)

    relayed = await relay.relay_once()

    assert relayed == 0
    assert await application.redis.xlen(STREAM) == 10
    release.set()
    await until(lambda: application.handled(range(10)))


async def test_the_relay_walks_through_a_backlog_larger_than_its_page(application: Application) -> None:
    await application.send(*range(100), publish=False)
    relay = application.relay(relay_after_seconds=0, batch=7)

    relayed = await relay.relay_once()

    assert relayed == 100
    await relay.measure()
    assert application.value("datchuan_mailbox_messages") == 100
    assert application.value("datchuan_mailbox_oldest_age_seconds") > 0
    await application.consumer()
    await until(lambda: application.handled(range(100)))
    assert [number for call in application.calls for number in call] == list(range(100))
