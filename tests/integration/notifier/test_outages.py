from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from datchuan.migrations import upgrade
from shared.embedded.postgres import EmbeddedPostgres
from shared.runtime.broker import client_of, create_broker
from shared.runtime.database import create_database
from shared.runtime.publisher import Publisher
from shared.testing.catalogs import folder_at_once
from shared.testing.notifying import STREAM, Notifiers, Post, Processes
from shared.testing.polling import until
from shared.testing.servers import start_postgres
from shared.testing.verdicts import a_batch, a_breach, a_recovery

pytestmark = pytest.mark.integration

COMMUNES = [f"{code:05d}" for code in range(6190, 6227, 3)]


@pytest.fixture
async def world(redis_url: str, tmp_path: Path) -> AsyncIterator[tuple[Notifiers, EmbeddedPostgres]]:
    """A notifier's world with a PostgreSQL of its own, which the test may kill."""
    with start_postgres(tmp_path / "postgres") as server:
        upgrade(server.url())
        async with AsyncExitStack() as stack:
            engine = create_database(SecretStr(server.url()), "test")
            stack.push_async_callback(engine.dispose)
            broker = create_broker(SecretStr(redis_url))
            stack.push_async_callback(broker.stop)
            mails = tmp_path / "mails"
            mails.mkdir()
            processes = Processes(stack, tmp_path / "processes.log")
            post = Post(processes, mails)
            catalog = folder_at_once(tmp_path / "catalog")
            yield Notifiers(processes, engine, Publisher(broker), post, server.url(), redis_url, catalog), server


async def settled(notifiers: Notifiers) -> None:
    await until(notifiers.is_quiet, timeout=60, what="everything told has come to its end")


async def test_mails_go_on_after_a_crash_of_the_database(world: tuple[Notifiers, EmbeddedPostgres]) -> None:
    notifiers, server = world
    await notifiers.post.open()
    await notifiers.start(group_window_seconds="1")
    await notifiers.tell(*(a_batch(f"m{n}", a_breach(n, unit=unit)) for n, unit in enumerate(COMMUNES, 1)))
    await until(lambda: notifiers.rows("SELECT 1 FROM notifier.ledger LIMIT 1"), what="entries in the ledger")

    server.kill()
    server.start()
    await notifiers.engine.dispose()
    await settled(notifiers)

    ids = {str(mail["Message-ID"]) for mail in notifiers.post.mails()}
    sent = await notifiers.rows("SELECT message_id FROM notifier.delivery WHERE status = 'sent'")
    assert ids == {message_id for (message_id,) in sent}
    assert await notifiers.tally("ledger") == {"sent": 4 * len(COMMUNES)}


async def test_news_after_redis_forgot_everything_is_still_told(world: tuple[Notifiers, EmbeddedPostgres]) -> None:
    notifiers, _ = world
    await notifiers.post.open()
    await notifiers.start()
    await notifiers.tell(a_batch("m1", a_breach()))
    await settled(notifiers)
    broker = create_broker(SecretStr(notifiers.redis_url))
    client = await client_of(broker)

    await client.flushall()
    await notifiers.tell(a_batch("m2", a_recovery()))
    await settled(notifiers)

    assert await client.exists(STREAM)
    await broker.stop()
    assert len(notifiers.post.mails()) == 6
