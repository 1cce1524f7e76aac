import asyncio
import signal

import pytest

from shared.testing.notifying import Notifiers
from shared.testing.polling import until
from shared.testing.verdicts import a_batch, a_breach, a_change, a_recovery, a_silent_cell

BHXH = "bhxh.caoloc@langson.example"
OFFICE = "vanphong.caoloc@langson.example"
COMMUNE = "ubnd.xa.thuyhung.caoloc@langson.example"
COMMUNES = [f"{code:05d}" for code in range(6190, 6251, 3) if code != 6229]

pytestmark = pytest.mark.integration


async def settled(notifiers: Notifiers) -> None:
    await until(notifiers.is_quiet, timeout=30, what="everything told has come to its end")


async def test_a_breach_is_mailed_once_to_every_responsible_unit(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    await notifiers.start()

    await notifiers.tell(a_batch("m1", a_breach()))
    await settled(notifiers)

    assert notifiers.post.recipients() == [BHXH, COMMUNE, OFFICE]
    assert await notifiers.tally("ledger") == {"sent": 4}  # BHXH leads and keeps the list: two roles, one mail
    assert await notifiers.tally("delivery") == {"sent": 3}


async def test_a_batch_delivered_twice_changes_nothing(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    await notifiers.start()
    await notifiers.tell(a_batch("m1", a_breach()))
    await settled(notifiers)
    before = await notifiers.rows("SELECT * FROM notifier.ledger ORDER BY id")

    await notifiers.publisher.publish(notifiers.copies(a_batch("m1", a_breach())))
    await notifiers.tell(a_batch("m2", a_breach(2, unit="06190")))
    await until(lambda: len(notifiers.post.mails()) >= 6, what="the mails of the second message")
    await settled(notifiers)

    assert await notifiers.rows("SELECT * FROM notifier.ledger WHERE unit = '06208' ORDER BY id") == before
    assert len(notifiers.post.mails()) == 6


async def test_one_refused_address_is_a_dead_letter_and_the_others_get_their_mail(notifiers: Notifiers) -> None:
    await notifiers.post.open(f"{OFFICE}=550")
    await notifiers.start()

    await notifiers.tell(a_batch("m1", a_breach()))
    await settled(notifiers)

    assert notifiers.post.recipients() == [BHXH, COMMUNE]
    assert await notifiers.rows(
        "SELECT address, attempts, server_reply FROM notifier.delivery WHERE status = 'dead'"
    ) == [(OFFICE, 1, f"550 mailbox unavailable: {OFFICE}")]
    assert await notifiers.tally("ledger") == {"dead": 1, "sent": 3}


async def test_an_address_that_says_later_is_tried_again_with_the_same_message_id(notifiers: Notifiers) -> None:
    await notifiers.post.open(f"{OFFICE}=451x2")
    await notifiers.start()

    await notifiers.tell(a_batch("m1", a_breach()))
    await settled(notifiers)

    ((attempts, message_id),) = await notifiers.rows(
        "SELECT attempts, message_id FROM notifier.delivery WHERE address = :office", office=OFFICE
    )
    assert notifiers.post.recipients() == [BHXH, COMMUNE, OFFICE]
    assert attempts == 3
    assert [mail["Message-ID"] for mail in notifiers.post.mails() if mail["To"] == OFFICE] == [message_id]


async def test_mails_wait_for_a_server_that_is_away(notifiers: Notifiers) -> None:
    await notifiers.start()
    await notifiers.tell(a_batch("m1", a_breach()))
    await until(
        lambda: notifiers.rows("SELECT 1 FROM notifier.delivery WHERE status = 'retry' AND attempts > 1"),
        what="a second try",
    )

    await notifiers.post.open()
    await settled(notifiers)

    assert notifiers.post.recipients() == [BHXH, COMMUNE, OFFICE]


async def test_a_notifier_killed_with_entries_waiting_loses_none_and_sends_none_twice(notifiers: Notifiers) -> None:
    first = await notifiers.start(group_window_seconds="3")
    await notifiers.tell(*(a_batch(f"m{n}", a_breach(n, unit=unit)) for n, unit in enumerate(COMMUNES, 1)))
    await until(lambda: notifiers.rows("SELECT 1 FROM notifier.ledger LIMIT 1"), what="entries in the ledger")
    await first.kill()
    await notifiers.post.open()

    await notifiers.start(group_window_seconds="0.2")
    await settled(notifiers)

    told = await notifiers.rows("SELECT count(*), count(*) FILTER (WHERE status = 'sent') FROM notifier.ledger")
    ids = [mail["Message-ID"] for mail in notifiers.post.mails()]
    assert told == [(4 * len(COMMUNES), 4 * len(COMMUNES))]
    assert len(ids) == len(set(ids))
    assert set(notifiers.post.recipients()) >= {BHXH, OFFICE}
    assert len(set(notifiers.post.recipients())) == 2 + len(COMMUNES)


async def test_a_notifier_killed_while_sending_sends_the_rest_under_the_same_ids(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    first = await notifiers.start(smtp_connections="1")
    await notifiers.tell(*(a_batch(f"m{n}", a_breach(n, unit=unit)) for n, unit in enumerate(COMMUNES, 1)))
    await until(lambda: notifiers.post.mails(), what="the first mail")
    await first.kill()

    await notifiers.start()
    await settled(notifiers)

    ids = {str(mail["Message-ID"]) for mail in notifiers.post.mails()}
    sent = await notifiers.rows("SELECT message_id FROM notifier.delivery WHERE status = 'sent'")
    assert ids == {message_id for (message_id,) in sent}
    assert await notifiers.tally("ledger") == {"sent": 4 * len(COMMUNES)}


async def test_two_replicas_send_once(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    await asyncio.gather(notifiers.start(instance="a"), notifiers.start(instance="b"))

    await notifiers.tell(*(a_batch(f"m{n}", a_breach(n, unit=unit)) for n, unit in enumerate(COMMUNES, 1)))
    await settled(notifiers)

    ids = [mail["Message-ID"] for mail in notifiers.post.mails()]
    assert len(ids) == len(set(ids)) == len(await notifiers.rows("SELECT 1 FROM notifier.delivery"))
    assert await notifiers.tally("ledger") == {"sent": 4 * len(COMMUNES)}


async def test_sigterm_finishes_what_is_being_sent(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    process = await notifiers.start()
    await notifiers.tell(a_batch("m1", a_breach()))
    await until(lambda: notifiers.rows("SELECT 1 FROM notifier.delivery LIMIT 1"), what="a delivery")

    status = await process.end(signal.SIGTERM)

    assert status == 0
    assert "sending" not in await notifiers.tally("delivery")


async def test_a_breach_that_passes_before_its_mail_is_told_with_its_end_in_one_mail(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    await notifiers.start(group_window_seconds="1")

    await notifiers.tell(a_batch("m1", a_breach()), a_batch("m2", a_recovery()))
    await settled(notifiers)

    assert notifiers.post.recipients() == [BHXH, COMMUNE, OFFICE]
    assert all("đã phát sinh và đã khắc phục" in str(mail["Subject"]) for mail in notifiers.post.mails())
    assert await notifiers.tally("ledger") == {"sent": 8}


async def test_data_that_comes_a_moment_late_brings_no_mail_and_is_accounted_for(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    await notifiers.start(data_gap_window_seconds="30")

    await notifiers.tell(a_batch("m1", a_change(1, a_silent_cell("male"), a_silent_cell("female"))))
    await notifiers.tell(a_batch("m2", a_recovery()))
    await settled(notifiers)

    assert notifiers.post.mails() == []
    assert await notifiers.tally("ledger") == {"superseded": 8}


async def test_the_end_of_an_alert_is_mailed_in_the_thread_of_its_beginning(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    await notifiers.start()
    await notifiers.tell(a_batch("m1", a_breach()))
    await settled(notifiers)

    await notifiers.tell(a_batch("m2", a_recovery()))
    await until(lambda: len(notifiers.post.mails()) >= 6, what="the mails about the end")
    await settled(notifiers)

    opened, resolved = (mail for mail in notifiers.post.mails() if mail["To"] == BHXH)
    assert resolved["In-Reply-To"] == opened["Message-ID"]
    assert "đã đạt trở lại (91,02 %)" in str(resolved["Subject"])


async def test_a_mail_leaves_when_its_window_ends_however_rarely_the_tables_are_asked(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    await notifiers.start(poll_seconds="60")

    await notifiers.tell(a_batch("m1", a_breach()))

    await until(lambda: len(notifiers.post.mails()) == 3, timeout=20, what="the mails of the breach")


async def test_the_changes_of_every_partition_are_told(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    await notifiers.start(partitions="3")

    await notifiers.tell(
        a_batch("m1", a_breach(1, unit="06208")),
        a_batch("m2", a_breach(1, unit="06190"), partition=1),
        a_batch("m3", a_breach(1, unit="06193"), partition=2),
    )
    await settled(notifiers)

    told = await notifiers.rows("SELECT DISTINCT unit FROM notifier.ledger WHERE status = 'sent' ORDER BY unit")
    assert told == [("06190",), ("06193",), ("06208",)]


@pytest.mark.parametrize("point", ["before_commit", "after_commit", "after_grouping", "before_send"])
async def test_a_notifier_that_dies_between_two_steps_tells_everything_once(notifiers: Notifiers, point: str) -> None:
    await notifiers.post.open()
    dying = await notifiers.start(fault_point=f"notifier.{point}")

    await notifiers.tell(a_batch("m1", a_breach()))
    assert await dying.child.wait() == -signal.SIGKILL
    await notifiers.start()
    await settled(notifiers)

    assert notifiers.post.recipients() == [BHXH, COMMUNE, OFFICE]
    assert await notifiers.tally("ledger") == {"sent": 4}


async def test_a_mail_that_was_taken_and_not_recorded_is_sent_again_as_the_same_message(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    dying = await notifiers.start(fault_point="notifier.after_send", smtp_connections="1")

    await notifiers.tell(a_batch("m1", a_breach()))
    assert await dying.child.wait() == -signal.SIGKILL
    await notifiers.start()
    await settled(notifiers)

    ids = [str(mail["Message-ID"]) for mail in notifiers.post.mails()]
    assert (len(ids), len(set(ids))) == (4, 3)
    assert await notifiers.tally("ledger") == {"sent": 4}
