"""Thousands of alerts are accepted and wait when the notifier ends: D1 (kill -9), D2 (SIGTERM), and with a replica.

Alertmanager loses 5,000 of 10,000 so, and tells 5,000 twice after they are posted again. DATCHUAN_TEST_WAITING_ALERTS
sets how many (10000 for the whole proof); the figures are written to standard output (`pytest -s`).
"""

import asyncio
import datetime as dt
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from benchmarks.duties import write_duties
from benchmarks.rules import commune_id
from benchmarks.workload import Scale, write_catalog
from shared.contracts.wire import VerdictChangedBatch
from shared.testing.notifying import Notifiers
from shared.testing.polling import until
from shared.testing.verdicts import MORNING, a_batch, a_cell, a_change
from tests.chaos.mail_server import MailServer

pytestmark = pytest.mark.integration

ALERTS = int(os.environ.get("DATCHUAN_TEST_WAITING_ALERTS", "1000"))
NODES = (
    *("ntm/15.1", "ntm/15.2", "ntm/15.3", "ntm/15.4", "nc/14.1"),
    *("nc/14.2", "nc/14.3", "nc/14.4", "nc/18.4", "nc/18.5"),
)
SCALE = Scale(ALERTS // len(NODES), max(1, ALERTS // 200), 1)
PER_BATCH = 100
# The claims of a process that was killed run out soon; the first notifiers send by one connection and so not too fast.
QUICK = {"send_timeout_seconds": "0.5", "group_pause_seconds": "0"}
TOLD = """
SELECT (SELECT count(*) FROM notifier.alert) AS alerts, (SELECT count(*) FROM notifier.ledger) AS entries,
       (SELECT count(*) FROM notifier.ledger WHERE status = 'sent') AS told,
       (SELECT count(DISTINCT alert_id) FROM notifier.ledger WHERE status = 'sent') AS told_of
"""
LEFT = """
SELECT (SELECT count(*) FROM messaging.mailbox WHERE handled_at IS NULL),
       (SELECT count(*) FROM notifier.ledger WHERE status = 'waiting'),
       (SELECT count(*) FROM notifier.delivery WHERE status IN ('pending', 'sending', 'retry'))
"""


class Country:
    """Notifiers on a catalog in which every commune has an address, a mail server, and thousands of breaches."""

    def __init__(self, notifiers: Notifiers, mail: MailServer) -> None:
        self.notifiers = notifiers
        self.mail = mail
        self.batches = list(batches())
        self.begun = time.monotonic()

    async def tell(self, *parts: VerdictChangedBatch) -> None:
        await self.notifiers.tell(*parts)

    async def sent(self) -> int:
        ((amount,),) = await self.notifiers.rows("SELECT count(*) FROM notifier.delivery WHERE status = 'sent'")
        return int(amount)

    async def left(self) -> tuple[int, int, int]:
        """Return how many messages are unread, how many entries wait, and how many mails are not sent."""
        ((messages, entries, mails),) = await self.notifiers.rows(LEFT)
        return int(messages), int(entries), int(mails)

    async def replay(self) -> None:
        """Send the whole queue once more."""
        await self.notifiers.publisher.publish(self.notifiers.copies(*self.batches))

    async def settled(self) -> None:
        await until(self.notifiers.is_quiet, timeout=30 + ALERTS / 50, what="everything is told", interval=0.1)

    async def accounts(self, how: str) -> None:
        """Check that every alert was told once, and that mails came again only as the same message."""
        ((alerts, entries, told, told_of),) = await self.notifiers.rows(TOLD)
        sent = await self.notifiers.rows("SELECT message_id FROM notifier.delivery WHERE status = 'sent'")
        written = await self.notifiers.rows("SELECT delivery_id FROM notifier.audit WHERE kind = 'sent'")
        received = self.mail.received()
        again = {number: n for number, n in Counter(mail.message_id for mail in received).items() if n > 1}
        sys.stdout.write(
            f"\n{how}: {alerts} alerts, {told} told, {entries - told} otherwise, {len(sent)} mails, "
            f"{len(again)} of them sent again, {time.monotonic() - self.begun:.1f} s\n"
        )
        assert (alerts, entries, told, told_of) == (ALERTS,) * 4
        assert len(written) == len(set(written)) == len(sent)
        assert {mail.message_id for mail in received} == {message_id for (message_id,) in sent}
        assert len({(mail.message_id, mail.digest) for mail in received}) == len(sent)


def batches() -> Iterator[VerdictChangedBatch]:
    changes = [
        a_change(
            1,
            a_cell(),
            unit=commune_id(number),
            node=node,
            ruleset="V1",
            event_ids=(f"{number}-{node}",),
            occurred_at=MORNING + dt.timedelta(milliseconds=number),
        )
        for number in range(SCALE.communes)
        for node in NODES
    ]
    for start in range(0, len(changes), PER_BATCH):
        yield a_batch(f"m{start}", *changes[start : start + PER_BATCH])


@pytest.fixture
async def country(notifiers: Notifiers, tmp_path: Path) -> AsyncIterator[Country]:
    catalog = tmp_path / "country"
    write_catalog(SCALE, catalog)
    write_duties(SCALE, catalog)
    notifiers.catalog = catalog
    mail = MailServer(tmp_path / "received", tmp_path / "server.log")
    notifiers.post.port = mail.port
    await mail.start()
    yield Country(notifiers, mail)
    await mail.stop()


@pytest.mark.timeout(60 + ALERTS // 25)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
async def test_alerts_that_wait_when_the_notifier_ends_are_told_once(country: Country, how: signal.Signals) -> None:
    """D1, D2: ended in the midst of grouping and again in the midst of sending; then the whole queue comes again."""
    half = len(country.batches) // 2
    first = await country.notifiers.start(smtp_connections="1", **QUICK)
    await country.tell(*country.batches[:half])
    await until(country.sent, timeout=30, what="the first mail")
    await country.tell(*country.batches[half:])
    await first.end(how)
    while_grouping = await country.left()

    second = await country.notifiers.start(smtp_connections="1", **QUICK)
    before = await country.sent()
    await until(lambda: _has_sent(country, before + 5), timeout=40, what="mails of the second notifier")
    await second.end(how)
    while_sending = await country.left()

    await country.notifiers.start(**QUICK)
    await country.replay()
    await country.settled()

    await country.accounts(how.name)
    sys.stdout.write(f"unread, waiting, unsent: at the first end {while_grouping}, at the second {while_sending}\n")
    assert while_grouping[0] + while_grouping[1] > 0
    assert while_sending[2] > 0


@pytest.mark.timeout(60 + ALERTS // 25)
async def test_two_replicas_of_which_one_is_killed_tell_every_alert_once(country: Country) -> None:
    """AM TestClusterDeduplication, TestClusterVSInstance: what two tell, one killed among them, is what one would."""
    first, _ = await asyncio.gather(
        country.notifiers.start(instance="a", **QUICK), country.notifiers.start(instance="b", **QUICK)
    )
    await country.tell(*country.batches)
    await until(country.sent, timeout=30, what="the first mail")
    await first.kill()
    at_the_kill = await country.left()

    await country.replay()
    await country.settled()

    await country.accounts("two replicas, one killed")
    assert sum(at_the_kill) > 0


async def _has_sent(country: Country, amount: int) -> bool:
    return await country.sent() >= amount
