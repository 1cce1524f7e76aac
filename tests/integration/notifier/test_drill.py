"""`datchuan notify drill` through a real notifier and a real mail server: who was reached, each address once."""

import asyncio
import datetime as dt
import json
from collections import Counter
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from shared.runtime.clock import SystemClock
from shared.testing.notifying import Notifiers
from shared.testing.polling import until

OFFICE = "vanphong.caoloc@langson.example"
BHXH = "bhxh.caoloc@langson.example"
DISPATCH = "caoloc-ubnd-vp-2024-09"
IN_FORCE = dt.date(2024, 10, 15)

pytestmark = pytest.mark.integration


async def drill(notifiers: Notifiers, *arguments: str) -> tuple[Result, dict[str, Any]]:
    """Run the command beside the notifier, on a day on which the dispatch is in force."""
    environment = {
        "DATCHUAN_DATABASE_URL": notifiers.database_url,
        "DATCHUAN_CATALOG": str(notifiers.catalog),
        "DATCHUAN_CLOCK_OFFSET_DAYS": str((IN_FORCE - SystemClock().today()).days),
    }
    asked = ["notify", "drill", DISPATCH, "--yes", "--json", *arguments]
    result = await asyncio.to_thread(CliRunner().invoke, app, asked, env=environment)
    return result, json.loads(result.stdout)


async def test_a_drill_reports_who_was_reached_and_who_was_refused_with_the_servers_reply(
    notifiers: Notifiers,
) -> None:
    await notifiers.post.open(f"{OFFICE}=550")
    await notifiers.start()

    result, told = await drill(notifiers, "--timeout", "30")

    refused = [line for line in told["lines"] if line["outcome"] == "refused"]
    assert result.exit_code == 1
    assert {(line["address"], line["reply"]) for line in refused} == {(OFFICE, f"550 mailbox unavailable: {OFFICE}")}
    assert told["counts"]["waiting"] == 0
    reached = {line["address"] for line in told["lines"] if line["outcome"] == "reached"}
    assert Counter(notifiers.post.recipients()) == Counter(reached)
    assert len(reached) > 20
    assert all("DIỄN TẬP" in str(mail["Subject"]) for mail in notifiers.post.mails())


async def test_a_drill_leaves_a_line_in_the_audit(notifiers: Notifiers) -> None:
    _, told = await drill(notifiers, "--timeout", "0")

    ((details, actor),) = await notifiers.rows("SELECT details, actor FROM notifier.audit WHERE kind = 'drilled'")

    assert (json.loads(details)["drill"], json.loads(details)["dispatch"], actor) == (
        told["drill"],
        DISPATCH,
        "datchuan notify drill",
    )


async def test_a_drill_on_a_channel_that_nobody_has_sends_nothing(notifiers: Notifiers) -> None:
    _, told = await drill(notifiers, "--timeout", "0", "--channel", "webhook")

    assert told["lines"] == []
    assert await notifiers.tally("ledger") == {}


async def test_a_drill_of_which_the_notifier_is_killed_reaches_every_address_once(notifiers: Notifiers) -> None:
    await notifiers.post.open()
    first = await notifiers.start(poll_seconds="60")
    result, told = await drill(notifiers, "--timeout", "0")
    assert result.exit_code == 1
    assert told["counts"]["waiting"] == len(told["lines"])
    await first.kill()

    await notifiers.start()
    await until(notifiers.is_quiet, timeout=40, what="everything told has come to its end")

    wanted = {line["address"] for line in told["lines"]}
    assert notifiers.post.recipients() == sorted(wanted)
    assert await notifiers.tally("delivery") == {"sent": len(wanted)}
    assert await notifiers.tally("ledger") == {"sent": len(told["lines"])}
