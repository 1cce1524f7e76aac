import signal

import httpx
import pytest

from shared.testing.notifying import Notifiers, is_ready
from shared.testing.polling import until
from shared.testing.verdicts import a_batch, a_breach, a_change, a_recovery, a_silent_cell

BHXH = "bhxh.caoloc@langson.example"
OFFICE = "vanphong.caoloc@langson.example"
COMMUNE = "ubnd.xa.thuyhung.caoloc@langson.example"

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
    """AM TestEmailNotifyWithThreading, TestResolved: one mail when it opens, one when it ends, in one thread."""
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


async def test_a_mail_server_that_is_away_is_told_and_the_notifier_stays_ready(notifiers: Notifiers) -> None:
    _, port = await notifiers.start_unready()
    await until(lambda: is_ready(port), timeout=30, what="the notifier is ready")
    await notifiers.tell(a_batch("m1", a_breach()))

    async def note() -> str:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/readyz")
        assert answer.status_code == 200
        return str(answer.json()["checks"]["mail"]).removeprefix("ok")

    blocked = await until(note, timeout=20, what="the mail server's absence is noted")
    await notifiers.post.open()
    await settled(notifiers)

    assert blocked.startswith("nothing leaves: SMTPConnectError")
    assert await note() == ""
    assert notifiers.post.recipients() == [BHXH, COMMUNE, OFFICE]
