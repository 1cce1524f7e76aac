"""What is taken to be sent: fair between domains, at its time, and never twice, whoever takes it."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Mapping

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.domain.delivery import DeliveryStatus, Failed, Lanes
from services.notifier.domain.retry import Backoff
from shared.contracts.vocabulary import Channel
from shared.runtime.database import create_database
from shared.testing.polling import until
from shared.testing.sockets import listening
from tests.integration.notifier.mailing import sending
from tests.integration.notifier.test_mail_channel import HANG, Script

pytestmark = pytest.mark.integration

_STORE = text("""
INSERT INTO notifier.delivery (id, channel, address, message_id, thread, subject, body, payload, created_at, status,
                               attempts, next_attempt_at)
SELECT 'd' || n, r.channel, r.address, '<d' || n || '@langson.example>', '{}', 'Xã Thụy Hùng', 'Kính gửi', '{}', now(),
       'pending', 0, now() - interval '1 hour' + n * interval '1 ms'
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (n integer, channel text, address text)
""")


class SlowDomain(Script):
    """An SMTP server that says nothing more once a recipient of a slow domain is named, and counts those that wait."""

    def __init__(self) -> None:
        super().__init__({})
        self.hanging = self.most_hanging = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 script ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            word = line.split()[0].upper()
            if "@cham.example" in line:
                self.hanging += 1
                self.most_hanging = max(self.most_hanging, self.hanging)
                await reader.read()
                self.hanging -= 1
                return
            writer.write(self.usual(word).encode() + b"\r\n")
            if word == "DATA":
                self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 kept\r\n")


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "test", pool_size=6)
    yield engine
    await engine.dispose()


def an_outbox(engine: AsyncEngine, sender: str = "a", backoff: Backoff | None = None) -> SqlOutbox:
    return SqlOutbox(engine, sender, 60, backoff or Backoff(first_seconds=600))


async def store(engine: AsyncEngine, *addresses: str, channel: Channel = Channel.MAIL) -> None:
    rows = [{"n": n, "channel": channel, "address": address} for n, address in enumerate(addresses)]
    async with engine.begin() as connection:
        await connection.execute(_STORE, {"rows": json.dumps(rows)})


async def take(engine: AsyncEngine, limit: int, per_lane: int, busy: Mapping[str, int] | None = None) -> list[str]:
    taken = await an_outbox(engine).take(Channel.MAIL, limit, Lanes(per_lane, busy or {}))
    return sorted(delivery.address for delivery in taken)


async def counted(engine: AsyncEngine, condition: str) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM notifier.delivery WHERE {condition}")) or 0)


async def test_a_slow_domain_never_holds_all_connections(engine: AsyncEngine) -> None:
    """Fifty mails of a domain that hangs are the oldest; those of another domain all leave meanwhile."""
    await store(engine, *(f"x{n}@cham.example" for n in range(50)), *(f"x{n}@nhanh.example" for n in range(50)))
    slow = SlowDomain()

    async with (
        listening(slow.serve) as port,
        sending(an_outbox(engine), port, connections=4, per_domain=2, timeout_seconds=1),
    ):
        fast = "status = 'sent' AND address LIKE '%@nhanh.example'"
        await until(lambda: _is(engine, fast, 50), what="the mails of the fast domain")

    assert slow.most_hanging == 2
    assert len(slow.mails) == 50


async def _is(engine: AsyncEngine, condition: str, amount: int) -> bool:
    return await counted(engine, condition) == amount


async def test_each_domain_gets_its_turn_and_what_is_under_way_counts(engine: AsyncEngine) -> None:
    await store(engine, *(f"a{n}@A.example" for n in range(9)), "b0@b.example", "b1@b.example", "c0@c.example")

    first = await take(engine, 4, per_lane=2)
    second = await take(engine, 4, per_lane=2, busy={"a.example": 2, "b.example": 1, "c.example": 1})
    third = await take(engine, 2, per_lane=2, busy={"a.example": 1, "b.example": 2})

    assert first == ["a0@A.example", "a1@A.example", "b0@b.example", "c0@c.example"]
    assert second == ["b1@b.example"]
    assert third == ["a2@A.example"]


async def test_the_oldest_goes_first_where_only_one_is_sent_at_once(engine: AsyncEngine) -> None:
    await store(engine, "z@z.example", "a@a.example", "a2@a.example", "z2@z.example")

    taken = [await take(engine, 1, per_lane=1) for _ in range(4)]

    assert taken == [["z@z.example"], ["a@a.example"], ["a2@a.example"], ["z2@z.example"]]


async def test_of_very_many_domains_every_one_gets_its_turn(engine: AsyncEngine) -> None:
    """Only some lanes are looked at in one go, and many of them have nothing that is due."""
    await store(engine, *(f"x@d{n:03d}.example" for n in range(400)))
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE notifier.delivery SET next_attempt_at = now() + interval '1 h' WHERE address < 'x@d200'")
        )
    outbox, after, taken = an_outbox(engine), "d399.example", []

    while found := await outbox.take(Channel.MAIL, 3, Lanes(2, {"d200.example": 2}, after)):
        taken += [delivery.address for delivery in found]
        after = found[-1].lane

    assert sorted(taken) == [f"x@d{n:03d}.example" for n in range(201, 400)]


async def test_a_webhook_that_hangs_is_a_lane_of_its_own(engine: AsyncEngine) -> None:
    await store(engine, *["https://mot.example/tin"] * 3, "https://hai.example/tin", channel=Channel.WEBHOOK)

    taken = await an_outbox(engine).take(Channel.WEBHOOK, 4, Lanes(2))

    assert sorted(delivery.lane for delivery in taken) == ["https://hai.example/tin", *["https://mot.example/tin"] * 2]


async def test_takers_at_once_take_every_delivery_once(engine: AsyncEngine) -> None:
    """AM TestClusterDeduplication: however many replicas take, a delivery is one sender's."""
    await store(engine, *(f"x{n}@d{n % 7}.example" for n in range(200)))
    ids: list[str] = []

    async def one(name: str) -> None:
        outbox = an_outbox(engine, name)
        while taken := await outbox.take(Channel.MAIL, 3, Lanes(2)):
            ids.extend(delivery.id for delivery in taken)

    await asyncio.gather(*(one(str(number)) for number in range(4)))
    while taken := await an_outbox(engine).take(Channel.MAIL, 3, Lanes(2)):  # what others had locked in passing
        ids.extend(delivery.id for delivery in taken)

    assert len(ids) == len(set(ids)) == 200


async def test_a_try_in_four_hours_waits_in_the_database_and_is_made_then(
    engine: AsyncEngine, database_url: str
) -> None:
    """The back-off is no timer of a process: another process, after any number of restarts, keeps to it."""
    await store(engine, "x@a.example")
    four_hours = Backoff(first_seconds=14_400, longest_seconds=14_400)
    first = an_outbox(engine, "a", four_hours)
    (delivery,) = await first.take(Channel.MAIL, 1)
    await first.settle(delivery, Failed(permanent=False, reply="451 later"))
    await engine.dispose()

    restarted = create_database(SecretStr(database_url), "test")
    try:
        too_soon = await an_outbox(restarted, "b", four_hours).take(Channel.MAIL, 1)
        waits = await _waits(restarted)
        async with restarted.begin() as connection:  # four hours pass for the database
            await connection.execute(
                text("UPDATE notifier.delivery SET next_attempt_at = next_attempt_at - interval '4 hours'")
            )
        (again,) = await an_outbox(restarted, "c", four_hours).take(Channel.MAIL, 1)
    finally:
        await restarted.dispose()

    assert too_soon == []
    assert dt.timedelta(hours=3, minutes=59) < waits <= dt.timedelta(hours=4)
    assert (again.id, again.attempts, again.message_id) == (delivery.id, 2, delivery.message_id)


async def _waits(engine: AsyncEngine) -> dt.timedelta:
    async with engine.connect() as connection:
        found = await connection.scalar(text("SELECT next_attempt_at - clock_timestamp() FROM notifier.delivery"))
        assert isinstance(found, dt.timedelta)
        return found


async def test_a_sender_that_is_stopped_finishes_what_it_sends_and_takes_no_more(engine: AsyncEngine) -> None:
    """AM TestRetryStageWithContextCanceled: no mail in hand is left in doubt."""
    await store(engine, *(f"x{n}@a.example" for n in range(3)))
    script = Script({"RCPT": HANG})

    async with listening(script.serve) as port, sending(an_outbox(engine), port, connections=1, timeout_seconds=0.3):
        await until(lambda: script.connections, what="a mail in hand")

    assert await counted(engine, f"status = '{DeliveryStatus.RETRY}'") == 1
    assert await counted(engine, "status = 'pending'") == 2
