"""Every piece of news ends accounted for: who was told that an alert began hears how it ended, whatever happened."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.silence_store import SqlSilences
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.silence_requests import WantedSilence
from services.notifier.domain.silences import Silence
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import Cause, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding
from shared.runtime.database import create_database
from shared.testing.clocks import ManualClock
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell
from tests.integration.notifier.desk import Desk, urging_at_once
from tests.integration.notifier.stories import Story, what_is_wrong_with

pytestmark = pytest.mark.integration

ALERT = "06208:xa_ntm/15.1:female:1"
PROVINCE = "soyte@langson.example"
HOUR = dt.timedelta(hours=1)
HALF_SILENT = (a_cell("male", 1200, 1250), a_silent_cell("female"))
SILENT = tuple(a_silent_cell(cell, VerdictReason.NO_DATA) for cell in ("male", "female"))
WAS_SILENT: dict[str, Any] = {"from_status": VerdictStatus.NOT_EVALUABLE, "from_reason": VerdictReason.NO_DATA}


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "test", pool_size=5)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return load_catalog(SHIPPED)


def evening(month: int, day: int) -> dt.datetime:
    return dt.datetime(2024, month, day, 17, 0, tzinfo=VIET_NAM)


async def flip(desk: Desk, *story: tuple[CellFinding, ...] | str, first: int, at: dt.datetime) -> None:
    """Tell changes an hour apart: "breach", "recovery", or the cells that are found."""
    for number, told in enumerate(story, first):
        moment = at + (number - first) * HOUR
        if told == "breach":
            change = a_breach(number, occurred_at=moment)
        elif told == "recovery":
            change = a_recovery(number, occurred_at=moment)
        else:
            change = a_change(number, *told, occurred_at=moment, from_status=VerdictStatus.NOT_MET)
        await desk.tell(change)


@pytest.mark.parametrize("seed", [4])
async def test_what_everybody_hears_last_is_how_it_stands_whatever_happens_in_which_order(
    engine: AsyncEngine, shipped: Catalog, seed: int
) -> None:
    """Random stories of all communes: data that come, go and come late, silences, acknowledgements, outages of mail."""
    story = Story(engine, shipped, seed)

    await story.happen(days=60)
    await story.let_everything_leave()

    assert await what_is_wrong_with(story.desk) == []


async def test_a_gap_that_was_told_is_told_to_be_over_though_new_rules_for_it_still_wait(engine: AsyncEngine) -> None:
    desk = Desk(engine, urging_at_once(), ManualClock(MORNING + HOUR))
    await desk.tell(a_change(1, *SILENT))
    await desk.send_due()
    told = await desk.ledger("role, address", "kind = 'opened' AND status = 'sent'")

    await desk.tell(a_change(2, *SILENT, cause=Cause.RULESET, **WAS_SILENT))
    await desk.tell(a_recovery(3, **WAS_SILENT))
    await desk.send_due()

    assert told
    assert told.keys() <= (await desk.ledger("role, address", "kind = 'resolved' AND status = 'sent'")).keys()


async def test_who_is_not_told_of_flapping_hears_of_the_opening_itself_once_it_is_calm(
    engine: AsyncEngine, shipped: Catalog
) -> None:
    desk = Desk(engine, shipped, ManualClock(MORNING + HOUR))

    await flip(desk, "breach", "recovery", "breach", "recovery", "breach", first=1, at=MORNING)

    third = "alert_id = '06208:xa_ntm/15.1:female:3'"
    assert await desk.ledger("role, kind, held_for", f"{third} AND role IN ('lead', 'data')") == {
        ("lead", "flapping", None): 1,
        ("data", "opened", "flapping"): 1,
    }


async def test_an_escalation_that_an_acknowledgement_took_back_is_told_when_that_lapses(engine: AsyncEngine) -> None:
    desk = Desk(engine, urging_at_once(), ManualClock(MORNING))
    await desk.tell(a_breach(1))
    await desk.pass_time(evening(10, 22))
    await desk.send_due()
    await desk.pass_time(evening(10, 29))
    of_the_province = f"kind = 'escalated' AND address = '{PROVINCE}'"
    assert await desk.ledger("status", of_the_province) == {("waiting",): 1}

    (held,) = await desk.courses.acknowledge([ALERT], "Bà Hoa", "cli", evening(10, 29) + HOUR)
    assert await desk.ledger("status", of_the_province) == {("superseded",): 1}
    assert held.acknowledged_until is not None
    await desk.pass_time(held.acknowledged_until)
    await desk.pass_time(held.acknowledged_until + HOUR)
    await desk.send_due()

    assert await desk.ledger("status", of_the_province) == {("sent",): 1}
    first = "subject = '06208:xa_ntm/15.1:female:1!escalated:1'"
    assert set(await desk.ledger("status", first)) == {("sent",)}


async def test_a_unit_above_hears_the_end_of_what_was_reported_to_it_though_it_begins_again(
    engine: AsyncEngine, shipped: Catalog
) -> None:
    desk = Desk(engine, shipped, ManualClock(MORNING))
    await desk.tell(a_breach(1))
    for day in (22, 29):
        await desk.pass_time(evening(10, day))
    await desk.query("UPDATE notifier.ledger SET status = 'sent' WHERE status = 'waiting'")

    # Its source comes and goes, so that it flaps, before it is met and fails again.
    story: list[tuple[CellFinding, ...] | str] = [HALF_SILENT, "breach"]
    await flip(desk, *story, *story, *story, "recovery", "breach", first=2, at=evening(10, 29))

    resolved = "kind = 'resolved' AND role IN ('lead', 'superior')"
    assert await desk.ledger("role, status", resolved) == {("lead", "superseded"): 1, ("superior", "waiting"): 1}


async def test_the_end_of_a_gap_is_told_in_place_of_the_ends_that_were_left_out_while_it_flapped(
    engine: AsyncEngine, shipped: Catalog
) -> None:
    desk = Desk(engine, shipped, ManualClock(MORNING))
    await flip(desk, "breach", "recovery", "breach", "recovery", "breach", first=1, at=MORNING)
    await desk.query("UPDATE notifier.ledger SET status = 'sent' WHERE status = 'waiting'")
    await flip(desk, "recovery", SILENT, first=6, at=MORNING + 6 * HOUR)

    await desk.tell(a_recovery(8, occurred_at=MORNING + 40 * HOUR, **WAS_SILENT))

    resolved = "kind = 'resolved' AND role = 'lead' AND status = 'waiting'"
    assert await desk.ledger("role", resolved) != {}


async def test_an_end_in_a_digest_leaves_before_the_news_that_it_begins_again(
    engine: AsyncEngine, shipped: Catalog
) -> None:
    desk = Desk(engine, shipped, ManualClock(MORNING))

    await flip(desk, "breach", "recovery", first=1, at=MORNING)
    await desk.query("UPDATE notifier.ledger SET status = 'sent' WHERE status = 'waiting' AND kind = 'opened'")
    await flip(desk, "breach", first=3, at=MORNING + 2 * HOUR)

    due = "SELECT max(due_at) FILTER (WHERE kind = 'resolved') <= min(due_at) FILTER (WHERE kind = 'opened')"
    assert await desk.query(f"{due} FROM notifier.ledger WHERE role = 'data' AND status = 'waiting'") == [(True,)]


async def test_what_is_told_together_with_other_news_does_not_slip_through_a_silence(
    engine: AsyncEngine, shipped: Catalog
) -> None:
    clock = ManualClock(MORNING)
    desk = Desk(engine, shipped, clock)
    await desk.tell(a_breach(1), a_recovery(2))
    silence = Silence("s", "Bà Hoa", "Bảo trì", clock.now(), clock.now() + HOUR)

    await SqlSilences(engine, shipped, clock).add([WantedSilence(silence, None)])

    held = "role = 'data' AND status = 'waiting'"
    assert await desk.ledger("kind, held_for", held) == {("opened", "silence"): 1, ("resolved", "silence"): 1}
