"""What mail servers do to those who send: refuse one of three, go away, hang, break off, let in only so many.

Every server is a process of its own (Alertmanager fails at most of these: findings D3, D10).
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.mail import MailChannel
from services.notifier.adapters.mail_server import SmtpServer
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.domain.delivery import Sent
from services.notifier.domain.retry import Backoff
from shared.runtime.database import create_database
from shared.testing.notifying import Post, Processes
from shared.testing.polling import until
from shared.testing.verdicts import a_breach
from tests.chaos.mail_server import Behaviour, MailServer, most_connections
from tests.integration.notifier.mailing import FROM, sending
from tests.integration.notifier.office import Office
from tests.integration.notifier.test_mail_channel import a_delivery

pytestmark = pytest.mark.integration

BHXH = "bhxh.caoloc@langson.example"
OFFICE = "vanphong.caoloc@langson.example"
COMMUNE = "ubnd.xa.thuyhung.caoloc@langson.example"
OUTAGE_SECONDS = float(os.environ.get("DATCHUAN_TEST_OUTAGE_SECONDS", "0.5"))
MAILS = int(os.environ.get("DATCHUAN_TEST_MAILS", "1000"))
BACKOFF = Backoff(first_seconds=0.1, longest_seconds=max(0.2, OUTAGE_SECONDS / 10), attempts=50)


class Room:
    """An office whose breach of BHYT is told to three recipients, and its outbox."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.office = Office(engine)
        self.outbox = SqlOutbox(engine, "a", 6.5, BACKOFF)

    async def tell(self) -> None:
        await self.office.tell(a_breach())
        assert await self.office.group() == 3

    async def rows(self, statement: str) -> list[tuple[object, ...]]:
        async with self.office.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    async def is_over(self) -> bool:
        return not await self.rows("SELECT 1 FROM notifier.delivery WHERE status IN ('pending', 'retry', 'sending')")

    async def settled(self) -> None:
        await until(self.is_over, timeout=30 + OUTAGE_SECONDS, what="every mail has come to its end")

    async def tried(self, attempts: int = 1) -> None:
        failed = f"SELECT 1 FROM notifier.delivery WHERE status = 'retry' AND attempts >= {attempts}"
        await until(lambda: self.rows(failed), what="a try that failed")

    async def ledger(self) -> dict[object, object]:
        return dict(await self.rows("SELECT status, count(*) FROM notifier.ledger GROUP BY status"))  # type: ignore[arg-type] # rows of two


@pytest.fixture
async def room(database_url: str) -> AsyncIterator[Room]:
    engine = create_database(SecretStr(database_url), "test", pool_size=6)
    yield Room(engine)
    await engine.dispose()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MailServer]:
    found = MailServer(tmp_path / "mails", tmp_path / "server.log")
    await started(found)
    yield found
    await found.stop()


async def started(server: MailServer) -> None:
    await server.start()
    await until(lambda: listens(server.port), timeout=20, what="the mail server listens")


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@asynccontextmanager
async def post(folder: Path, *rejected: str) -> AsyncIterator[Post]:
    async with AsyncExitStack() as stack:
        (folder / "mails").mkdir()
        found = Post(Processes(stack, folder / "sink.log"), folder / "mails")
        await found.open(*rejected)
        yield found


async def test_of_three_recipients_one_refused_with_550_and_one_with_451_each_gets_its_mail_once_or_a_dead_letter(
    room: Room, tmp_path: Path
) -> None:
    """D3, AM TestEmailRejected, TestRetryStageWithErrorCode, TestRetry: one failing addressee is nobody else's."""
    await room.tell()

    async with post(tmp_path, f"{OFFICE}=550", f"{COMMUNE}=451x2") as found:
        async with sending(room.outbox, found.port):
            await room.settled()
        received = found.recipients()

    rows = await room.rows("SELECT address, status, attempts, server_reply FROM notifier.delivery ORDER BY address")
    assert received == [BHXH, COMMUNE]
    assert [row[:3] for row in rows] == [(BHXH, "sent", 1), (COMMUNE, "sent", 3), (OFFICE, "dead", 1)]
    assert rows[2][3] == f"550 mailbox unavailable: {OFFICE}"
    assert await room.ledger() == {"sent": 3, "dead": 1}


async def test_mails_of_an_outage_leave_once_when_it_is_over(room: Room, server: MailServer) -> None:
    """A server that is down (DATCHUAN_TEST_OUTAGE_SECONDS=40 for the real length) and back: AM TestRetryStageWithError.

    Nothing is written as told before the server has it (AM TestSetNotifiesStage).
    """
    await server.stop()
    await room.tell()

    async with sending(room.outbox, server.port) as (sender, registry):
        begun = asyncio.get_running_loop().time()
        await room.tried(attempts=2)
        await until(
            lambda: asyncio.get_running_loop().time() - begun >= OUTAGE_SECONDS,
            timeout=OUTAGE_SECONDS + 5,
            what="the outage to last",
        )
        during = await room.ledger()
        blocked = registry.get_sample_value("datchuan_notifier_channel_blocked", {"channel": "mail"})
        reason = sender.blocked_by
        await started(server)
        await room.settled()
        after = registry.get_sample_value("datchuan_notifier_channel_blocked", {"channel": "mail"})

    assert during == {"grouped": 4}
    assert (blocked, after) == (1, 0)
    assert str(reason).startswith("SMTPConnectError")
    assert set(Counter(mail.message_id for mail in server.received()).values()) == {1}
    assert await room.ledger() == {"sent": 4}


async def test_a_server_that_hangs_after_the_mail_is_given_up_in_time_and_tried_again(
    room: Room, server: MailServer
) -> None:
    server.behave(Behaviour.HANG)
    await room.tell()

    async with sending(room.outbox, server.port, timeout_seconds=0.3):
        await room.tried()
        server.behave(Behaviour.TAKE)
        await room.settled()

    assert len(server.received()) == 3
    assert await room.ledger() == {"sent": 4}
    assert await room.rows("SELECT bool_or(attempts > 1) FROM notifier.delivery") == [(True,)]


async def test_a_line_that_breaks_before_the_answer_brings_the_same_message_again_and_one_row(
    room: Room, server: MailServer
) -> None:
    """At least once: the server has it twice under one Message-ID, our ledger once."""
    server.behave(Behaviour.DROP)
    await room.tell()

    async with sending(room.outbox, server.port):
        await room.tried()
        server.behave(Behaviour.TAKE)
        await room.settled()

    received = Counter(mail.message_id for mail in server.received())
    known = await room.rows("SELECT message_id FROM notifier.delivery WHERE status = 'sent'")
    assert max(received.values()) > 1
    assert len({(mail.message_id, mail.digest) for mail in server.received()}) == 3
    assert sorted(received) == sorted(str(message_id) for (message_id,) in known)
    assert await room.ledger() == {"sent": 4}
    assert await room.rows("SELECT count(*) FROM notifier.audit WHERE kind = 'sent'") == [(3,)]


async def test_many_mails_at_once_never_open_more_connections_than_allowed(tmp_path: Path) -> None:
    """D10: AM opened 1,001 connections for 1,000 groups. The server grants 50 and refuses more; we use 4."""
    server = MailServer(tmp_path / "mails", tmp_path / "server.log", connections=50)
    await started(server)
    channel = MailChannel(SmtpServer("127.0.0.1", server.port, "none", None, None, 4, 20), FROM)
    try:
        results = await asyncio.gather(*(channel.send(a_delivery(number)) for number in range(MAILS)))
    finally:
        await channel.close()
        await server.stop()

    assert all(isinstance(result, Sent) for result in results)
    assert len(server.received()) == MAILS
    assert most_connections(tmp_path / "mails") == 4


async def test_a_server_that_grants_fewer_connections_than_we_want_gets_every_mail(room: Room, tmp_path: Path) -> None:
    server = MailServer(tmp_path / "mails", tmp_path / "server.log", connections=1)
    await started(server)
    await room.tell()
    try:
        async with sending(room.outbox, server.port, connections=3, per_domain=3):
            await room.settled()
    finally:
        await server.stop()

    assert set(Counter(mail.message_id for mail in server.received()).values()) == {1}
    assert await room.ledger() == {"sent": 4}
