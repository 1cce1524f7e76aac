"""More than one life of a notifier: replicas beside each other, and lives that end at every step."""

import asyncio
import signal

import pytest
from sqlalchemy import text

from shared.testing.notifying import Notifiers
from shared.testing.polling import until
from shared.testing.verdicts import a_batch, a_breach

BHXH = "bhxh.caoloc@langson.example"
OFFICE = "vanphong.caoloc@langson.example"
COMMUNE = "ubnd.xa.thuyhung.caoloc@langson.example"
COMMUNES = [f"{code:05d}" for code in range(6190, 6251, 3) if code != 6229]

pytestmark = pytest.mark.integration


async def settled(notifiers: Notifiers) -> None:
    await until(notifiers.is_quiet, timeout=30, what="everything told has come to its end")


async def test_two_replicas_send_once(notifiers: Notifiers) -> None:
    """AM TestClusterDeduplication: replicas on one group of consumers and one outbox."""
    await notifiers.post.open()
    await asyncio.gather(notifiers.start(instance="a"), notifiers.start(instance="b"))

    await notifiers.tell(*(a_batch(f"m{n}", a_breach(n, unit=unit)) for n, unit in enumerate(COMMUNES, 1)))
    await settled(notifiers)

    ids = [mail["Message-ID"] for mail in notifiers.post.mails()]
    assert len(ids) == len(set(ids)) == len(await notifiers.rows("SELECT 1 FROM notifier.delivery"))
    assert await notifiers.tally("ledger") == {"sent": 4 * len(COMMUNES)}


async def test_a_notifier_that_dies_at_every_step_tells_everything_once(notifiers: Notifiers) -> None:
    """Each life ends at the next step; only the mail taken and not recorded comes again, as the same message.

    AM TestSetNotifiesStage: what was not recorded as sent counts as not sent.
    """
    await notifiers.post.open()
    one = {"instance": "n", "smtp_connections": "1"}
    dying = await notifiers.start(fault_point="notifier.before_commit", **one)
    await notifiers.tell(a_batch("m1", a_breach()))
    ends = [await dying.child.wait()]

    for point in ("after_commit", "after_grouping", "before_send", "after_send"):
        dying, _ = await notifiers.start_unready(fault_point=f"notifier.{point}", **one)
        ends.append(await dying.child.wait())
        await _claims_run_out(notifiers)
    told_before = await notifiers.tally("ledger")
    await notifiers.start(**one)
    await settled(notifiers)

    ids = [str(mail["Message-ID"]) for mail in notifiers.post.mails()]
    assert ends == [-signal.SIGKILL] * 5
    assert told_before == {"grouped": 4}
    assert (len(ids), len(set(ids))) == (4, 3)
    assert set(notifiers.post.recipients()) == {BHXH, COMMUNE, OFFICE}
    assert await notifiers.tally("ledger") == {"sent": 4}


async def _claims_run_out(notifiers: Notifiers) -> None:
    """Let the time pass after which what a dead sender had in hand is another's."""
    async with notifiers.engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.delivery SET next_attempt_at = now() WHERE status = 'sending'"))
