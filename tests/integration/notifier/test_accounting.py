"""Every piece of news ends accounted for: who was told that an alert began hears how it ended, whatever happened."""

import datetime as dt
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.domain.numbers_vi import VIET_NAM
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import Cause, VerdictReason, VerdictStatus
from shared.contracts.wire import VerdictChanged
from shared.runtime.database import create_database
from shared.testing.clocks import ManualClock
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell
from tests.integration.notifier.desk import Desk, urging_at_once

pytestmark = pytest.mark.integration

ALERT = "06208:xa_ntm/15.1:female:1"
PROVINCE = "soyte@langson.example"
HOUR = dt.timedelta(hours=1)


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


async def test_a_gap_that_was_told_is_never_left_without_its_end(engine: AsyncEngine) -> None:
    desk = Desk(engine, urging_at_once(), ManualClock(MORNING + HOUR))
    gone = [a_silent_cell(cell, VerdictReason.NO_DATA) for cell in ("male", "female")]
    await desk.tell(a_change(1, *gone))
    await desk.send_due()
    told = await desk.ledger("role, address", "kind = 'opened' AND status = 'sent'")
    new_rules = a_change(2, *gone, cause=Cause.RULESET, from_status=VerdictStatus.NOT_EVALUABLE,
                         from_reason=VerdictReason.NO_DATA)
    await desk.tell(new_rules)
    await desk.tell(a_recovery(3, from_status=VerdictStatus.NOT_EVALUABLE, from_reason=VerdictReason.NO_DATA))
    await desk.send_due()
    print(await desk.ledger("alert_id, kind, status, role"))
    heard = await desk.ledger("role, address", "kind = 'resolved' AND status = 'sent'")
    assert told
    assert told.keys() <= heard.keys()


async def test_who_is_not_told_of_flapping_hears_of_the_opening_itself(engine: AsyncEngine, shipped: Catalog) -> None:
    desk = Desk(engine, shipped, ManualClock(MORNING + HOUR))
    for n in range(1, 6):
        await desk.tell((a_breach if n % 2 else a_recovery)(n, occurred_at=MORNING + n * HOUR))
    print(sorted(await desk.ledger("alert_id, kind, status, role, held_for")))
    assert 0


async def test_escalation_superseded_by_ack_is_told_after_the_lapse(engine: AsyncEngine) -> None:
    desk = Desk(engine, urging_at_once(), ManualClock(MORNING))
    await desk.tell(a_breach(1))
    await desk.send_due()
    await desk.pass_time(evening(10, 22))
    await desk.send_due()
    await desk.pass_time(evening(10, 29))
    assert (PROVINCE,) in await desk.ledger("address", "kind='escalated' and status='waiting'")
    await desk.courses.acknowledge([ALERT], "x", "cli", evening(10, 29) + HOUR)
    for day in range(30, 32): await desk.pass_time(evening(10, day))
    for day in range(1, 31): await desk.pass_time(evening(11, day)); await desk.send_due()
    print(sorted(await desk.ledger("subject, kind, status, address")))
    assert (PROVINCE,) in await desk.ledger("address", "kind='escalated' and status='sent'")


async def test_superior_hears_end_when_source_flaps(engine: AsyncEngine, shipped: Catalog) -> None:
    clock = ManualClock(MORNING)
    desk = Desk(engine, shipped, clock)
    await desk.tell(a_breach(1))
    await desk.query("update notifier.ledger set due_at = now() where status='waiting'")
    await desk.send_due()
    for d in (22, 29):
        await desk.pass_time(evening(10, d))
    await desk.query("update notifier.ledger set due_at = now(), held_for=null where status='waiting'")
    await desk.send_due()
    t = evening(10, 29)
    silent = [a_cell("male", 1200, 1250), a_silent_cell("female")]
    seq = 2
    for _ in range(4):
        t += HOUR; clock.set(t)
        await desk.tell(a_change(seq, *silent, from_status=VerdictStatus.NOT_MET, occurred_at=t)); seq += 1
        t += HOUR
        await desk.tell(a_breach(seq, occurred_at=t)); seq += 1
    t += HOUR
    await desk.tell(a_recovery(seq, occurred_at=t)); seq += 1
    t += HOUR
    await desk.tell(a_breach(seq, occurred_at=t)); seq += 1
    for row in sorted(await desk.ledger("alert_id, role, kind, status, subject")): print(row)
    assert (("waiting",) in await desk.ledger("status", f"kind='resolved' and role='superior'"))
