"""Alerts that flip, and targets at risk, from the change to what was sent."""

import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator

import msgspec
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters import queries
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.domain.retry import Backoff
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import AlertKind, ChangeKind
from shared.contracts.wire import VerdictChanged
from shared.runtime.database import create_database
from shared.testing.clocks import ManualClock
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery
from tests.integration.notifier.desk import Desk, urging_at_once

pytestmark = pytest.mark.integration


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    url = SecretStr(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    engine = create_database(url, "test", pool_size=10)
    yield engine
    await engine.dispose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MORNING)


@pytest.fixture
def desk(engine: AsyncEngine, clock: ManualClock) -> Desk:
    return Desk(engine, urging_at_once(), clock)


def flips(count: int, apart: dt.timedelta) -> list[VerdictChanged]:
    return [
        (a_breach if number % 2 else a_recovery)(number, occurred_at=MORNING + number * apart)
        for number in range(1, count + 1)
    ]


async def test_an_alert_that_flips_99_times_tells_a_bounded_number_of_messages_and_what_it_came_to(
    desk: Desk,
) -> None:
    """Probe D8: flips that lie further apart than messages are gathered; the last one is a breach."""
    messages: Counter[str] = Counter()
    for number, change in enumerate(flips(99, dt.timedelta(minutes=10))):
        await desk.tell(change)
        if number < 10 or number % 30 == 0:
            messages.update(await desk.send_due())
    await desk.query("UPDATE notifier.ledger SET due_at = clock_timestamp() WHERE held_for = 'flapping'")
    messages.update(await desk.send_due())

    # Twice what begins and ends, then that it is unsteady, then what it came to.
    assert set(messages.values()) == {6}
    told = await desk.query(
        "SELECT alert_id, kind FROM notifier.ledger WHERE status = 'sent' AND role = 'lead' ORDER BY id DESC LIMIT 2"
    )
    assert told == [("06208:xa_ntm/15.1:female:50", "opened"), ("06208:xa_ntm/15.1:female:3", "flapping")]
    assert await desk.ledger("status", "status = 'waiting'") == {}


async def test_an_alert_that_flips_99_times_at_once_tells_two_messages(desk: Desk) -> None:
    """Probe D8: within one window, or while an office is closed; the last one is a recovery."""
    await desk.tell(*flips(99, dt.timedelta(seconds=1)), a_recovery(100, occurred_at=MORNING + dt.timedelta(hours=1)))
    first = await desk.send_due()
    await desk.query("UPDATE notifier.ledger SET due_at = clock_timestamp() WHERE held_for = 'flapping'")
    second = await desk.send_due()

    assert first == second
    assert len(first) == 3
    final = await desk.query("SELECT kind FROM notifier.ledger WHERE status = 'sent' AND held_for = 'flapping'")
    assert {kind for (kind,) in final} == {"resolved", "opened"}


async def test_the_news_of_every_role_that_is_told_of_ends_is_accounted_for_after_the_calm(desk: Desk) -> None:
    await desk.tell(*flips(8, dt.timedelta(minutes=10)))

    held = await desk.ledger("alert_id, kind, role", "held_for = 'flapping' AND status = 'waiting'")

    assert {(alert, role) for alert, kind, role in held if kind == "resolved"} == {
        ("06208:xa_ntm/15.1:female:4", role) for role in ("lead", "consolidating", "implementing", "data")
    }


def near(sequence: int, percent: float, before: float) -> VerdictChanged:
    women = msgspec.structs.replace(a_cell("female", round(percent * 100), 10_000), before=before)
    return a_change(sequence, a_cell("male", 1200, 1250), women, kind=ChangeKind.EVIDENCE)


async def test_a_target_at_risk_is_told_by_digest_and_counted_as_its_own_kind(
    engine: AsyncEngine, clock: ManualClock
) -> None:
    desk = Desk(engine, load_catalog(SHIPPED), clock)

    await desk.tell(near(1, 90.2, 94.0))

    (alert,) = await queries.open_alerts(engine)
    census = await SqlOutbox(engine, "test", 60, Backoff()).census()
    assert (alert.opened_as, census.alerts_open) == (AlertKind.AT_RISK, {"at_risk": 1})
    assert set(await desk.ledger("kind, held_for")) == {("at_risk", "digest")}
    assert await desk.query("SELECT count(*) FROM notifier.course") == [(0,)]


async def test_a_risk_that_has_passed_before_the_digest_is_told_to_nobody(
    engine: AsyncEngine, clock: ManualClock
) -> None:
    desk = Desk(engine, load_catalog(SHIPPED), clock)
    await desk.tell(near(1, 90.2, 94.0))

    await desk.tell(near(2, 95.0, 90.2))

    assert set(await desk.ledger("kind, status, reason")) == {
        ("at_risk", "superseded", None),
        ("closed", "recorded", "no_longer_at_risk"),
    }


async def test_what_is_known_of_an_unsteady_alert_survives_the_way_into_the_database_and_back(desk: Desk) -> None:
    for change in flips(9, dt.timedelta(hours=1)):
        await desk.tell(change)

    (alert,) = await queries.open_alerts(desk.engine)

    assert alert.flapping
    assert alert.openings == tuple(MORNING + dt.timedelta(hours=hour) for hour in (5, 7, 9))
    assert alert.previous == "06208:xa_ntm/15.1:female:4"
