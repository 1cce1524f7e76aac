"""Silences on a real database: what is told while they last, when they end, and what the audit keeps of it."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.alert_store import SqlAlertStore, take_turn
from services.notifier.adapters.silence_store import SqlSilences, new_silence_id, silences
from services.notifier.domain.ports import Pace
from services.notifier.domain.silence_requests import wanted_silence
from services.notifier.handlers.keeping import AlertKeeper
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.wire import VerdictChanged
from shared.runtime import mailbox
from shared.runtime.database import create_database
from shared.testing.catalogs import shipped_at_once
from shared.testing.notifying import Notifiers
from shared.testing.polling import until
from shared.testing.verdicts import a_batch, a_breach, a_recovery
from tests.integration.notifier.office import Office

pytestmark = pytest.mark.integration

HERE, ELSEWHERE = "06208", "06211"
HOUR = dt.timedelta(hours=1)


class Desk(Office):
    """A notifier that goes on running, with silences; what is grouped counts as told."""

    def __init__(self, engine: AsyncEngine, catalog: Catalog) -> None:
        super().__init__(engine, catalog)
        self.keeper = AlertKeeper(SqlAlertStore(engine), self.planner, self.metrics, self.clock)
        self.silences = SqlSilences(engine, catalog, self.clock)

    async def tell(self, *changes: VerdictChanged) -> None:
        self._told += 1
        batch = a_batch(f"m{self._told}", *changes)
        async with self.engine.begin() as connection:
            await mailbox.put(connection, Notifiers.copies(batch))
        await self.keeper.on_verdict_changed([batch])

    async def silence(self, hours: float = 1, start: float = 0, **fields: Any) -> str:
        now = self.clock.now()
        request = {
            "author": "Bà Hoa", "reason": "Đối chiếu số liệu", "starts_at": now + start * HOUR,
            "ends_at": now + (start + hours) * HOUR, "units": [HERE],
        } | fields  # fmt: skip
        wanted = wanted_silence(request, self.catalog, new_silence_id(), now, dt.timedelta(days=90))
        await self.silences.add([wanted])
        return wanted.silence.id

    async def pass_time(self, hours: float) -> None:
        """Let time pass: for the product's clock, and for the database, whose entries are due so much earlier."""
        self.clock.advance(hours * HOUR)
        async with self.engine.begin() as connection:
            past = "UPDATE notifier.ledger SET due_at = due_at - make_interval(secs => :s) WHERE status = 'waiting'"
            await connection.execute(text(past), {"s": hours * 3600})

    async def told(self) -> list[tuple[Any, ...]]:
        """Group what is due; return all that was ever told, by unit and kind, with the number of entries."""
        while await self.group(Pace(window_seconds=0)):
            pass
        return await self.rows(
            "SELECT unit, kind, count(*) FROM notifier.ledger WHERE status = 'grouped' "
            "GROUP BY unit, kind ORDER BY unit, kind"
        )

    async def held(self) -> list[tuple[Any, ...]]:
        return await self.rows(
            "SELECT unit, kind, held_for, count(*) FROM notifier.ledger WHERE status = 'waiting' "
            "GROUP BY unit, kind, held_for ORDER BY unit, kind"
        )

    async def audit(self) -> list[tuple[str, str, Any]]:
        rows = await self.rows(
            "SELECT kind, actor, details FROM notifier.audit WHERE kind IN ('silenced', 'silence_ended') ORDER BY id"
        )
        return [(kind, actor, json.loads(details)) for kind, actor, details in rows]

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    url = SecretStr(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    engine = create_database(url, "test")
    yield Desk(engine, shipped_at_once())
    await engine.dispose()


async def test_only_what_a_silence_covers_is_held_and_sent_when_it_ends(desk: Desk) -> None:
    """AM TestSilencing."""
    await desk.silence(hours=1)

    await desk.tell(a_breach(1), a_breach(2, unit=ELSEWHERE))

    assert await desk.told() == [(ELSEWHERE, "opened", 4)]
    assert await desk.held() == [(HERE, "opened", "silence", 4)]
    await desk.pass_time(1.01)
    assert await desk.told() == [(HERE, "opened", 4), (ELSEWHERE, "opened", 4)]


async def test_what_waits_already_is_held_when_a_silence_begins(desk: Desk) -> None:
    """AM TestAddSilence."""
    await desk.tell(a_breach(1), a_breach(2, unit=ELSEWHERE))

    await desk.silence()

    assert await desk.held() == [(HERE, "opened", "silence", 4), (ELSEWHERE, "opened", None, 4)]
    assert await desk.told() == [(ELSEWHERE, "opened", 4)]


async def test_ending_a_silence_lets_go_at_once_what_it_held(desk: Desk) -> None:
    """AM TestSilenceDelete."""
    silence = await desk.silence(hours=100)
    await desk.tell(a_breach(1))
    assert await desk.told() == []

    assert await desk.silences.end(silence, "Ông Bình", "Xong việc")

    assert await desk.told() == [(HERE, "opened", 4)]
    assert not await desk.silences.end(silence, "Ông Bình", "")
    assert [kind for kind, _, _ in await desk.audit()] == ["silenced", "silence_ended"]


async def test_what_a_silence_held_leaves_as_soon_as_any_role_of_its_address_is_told(desk: Desk) -> None:
    """Also when the silence ends early: the end, at once for who leads and by digest for the data, is one message."""
    shipped = Desk(desk.engine, load_catalog(SHIPPED))
    await shipped.tell(a_breach(1))
    silence = await shipped.silence(hours=100)
    await shipped.tell(a_recovery(2))

    await shipped.silences.end(silence, "Ông Bình", "Xong việc")

    waiting = "SELECT DISTINCT responsible_unit, role FROM notifier.ledger WHERE kind = 'resolved' AND held_for IS NULL"
    assert sorted(await shipped.rows(waiting)) == [("bhxh", "data"), ("bhxh", "lead"), ("ubnd_xa", "implementing")]


async def test_what_another_silence_holds_waits_for_that_one(desk: Desk) -> None:
    first = await desk.silence(hours=100)
    await desk.silence(hours=2, nodes=["xa_ntm/15.1"], units=[])
    await desk.tell(a_breach(1))

    await desk.silences.end(first, "Ông Bình", "")

    assert await desk.told() == []
    await desk.pass_time(2.01)
    assert await desk.told() == [(HERE, "opened", 4)]


async def test_a_silence_of_one_responsible_unit_holds_only_its_news(desk: Desk) -> None:
    await desk.silence(responsible_units=["Bảo hiểm xã hội huyện"], units=[])

    await desk.tell(a_breach(1))

    assert await desk.told() == [(HERE, "opened", 2)]
    held = "SELECT DISTINCT responsible_unit, held_for FROM notifier.ledger WHERE status = 'waiting'"
    assert await desk.rows(held) == [("bhxh", "silence")]


async def test_what_opened_and_was_mended_in_a_silence_is_told_as_one_item_afterwards(desk: Desk) -> None:
    await desk.silence(hours=1)
    await desk.tell(a_breach(1))
    await desk.tell(a_recovery(2))
    assert await desk.told() == []

    await desk.pass_time(1.01)

    assert await desk.told() == [(HERE, "opened", 4), (HERE, "resolved", 4)]
    subjects = await desk.rows("SELECT DISTINCT subject FROM notifier.delivery")
    assert len(subjects) == 1
    assert "đã phát sinh và đã khắc phục" in subjects[0][0]


async def test_a_silence_of_later_takes_hold_at_its_start_of_what_waits_and_of_what_comes(desk: Desk) -> None:
    await desk.silence(start=1, hours=1)
    await desk.tell(a_breach(1))
    assert await desk.silences.follow() == 0

    await desk.pass_time(1)
    assert await desk.silences.follow() == 1
    await desk.tell(a_breach(2, unit=HERE, node="xa_ntm_nang_cao/14.1"))

    assert await desk.told() == []
    assert [row[:3] for row in await desk.held()] == [(HERE, "opened", "silence")]
    await desk.pass_time(1.01)
    assert await desk.silences.follow() == 1
    assert [row[:2] for row in await desk.told()] == [(HERE, "opened")]
    assert [(kind, actor) for kind, actor, _ in await desk.audit()] == [
        ("silenced", "Bà Hoa"),
        ("silence_ended", "datchuan"),
    ]


async def test_a_running_notifier_learns_of_a_silence_that_another_process_made(desk: Desk) -> None:
    await desk.tell(a_breach(1, unit=ELSEWHERE))
    other = Desk(desk.engine, desk.catalog)
    await other.silence()

    await desk.tell(a_breach(2))

    assert [row[:3] for row in await desk.held() if row[0] == HERE] == [(HERE, "opened", "silence")]


async def test_no_news_slips_past_a_silence_that_begins_while_it_is_decided(desk: Desk) -> None:
    await desk.tell(a_breach(1, unit=ELSEWHERE))
    async with desk.engine.begin() as connection:
        await take_turn(connection)
        both = asyncio.gather(desk.tell(a_breach(2)), desk.silence())
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%notifier.turn%'"
        )
        await until(lambda: _is(desk, waiting, 2), timeout=10, what="both wait for their turn")
    await both

    assert [row for row in await desk.held() if row[0] == HERE] == [(HERE, "opened", "silence", 4)]


async def _is(desk: Desk, statement: str, count: int) -> bool:
    return await desk.rows(statement) == [(count,)]


async def test_news_that_holds_no_silence_costs_no_statement_more(desk: Desk) -> None:
    store = SqlAlertStore(desk.engine)
    async with store.transaction() as transaction:
        assert transaction.silences == []
    await desk.silence()
    async with store.transaction() as transaction:
        first = transaction.silences
    async with store.transaction() as transaction:
        assert transaction.silences is first

    assert [silence.author for silence in first] == ["Bà Hoa"]


async def test_reports_and_drills_leave_in_spite_of_a_silence_of_everything(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.rows("SELECT 1")
    async with desk.engine.begin() as connection:
        await connection.execute(
            text("UPDATE notifier.ledger SET kind = 'report', alert_id = NULL WHERE responsible_unit = 'bhxh'")
        )

    await desk.silence(units=[], all=True)

    assert [row[:3] for row in await desk.held()] == [(HERE, "opened", "silence"), (HERE, "report", None)]


async def test_the_audit_says_who_silenced_what_and_how_much_was_held(desk: Desk) -> None:
    await desk.tell(a_breach(1))

    silence = await desk.silence(hours=1)

    ((kind, actor, details),) = await desk.audit()
    assert (kind, actor) == ("silenced", "Bà Hoa")
    assert (details["silence"], details["reason"], details["roots"], details["held"]) == (
        silence, "Đối chiếu số liệu", [HERE], 4,
    )  # fmt: skip


async def test_silences_are_listed_by_state_and_by_any_unit_they_cover(desk: Desk) -> None:
    """AM TestAmtoolQuerySilence."""
    await desk.silence(units=["183"])
    over = await desk.silence(units=[ELSEWHERE])
    await desk.silences.end(over, "Ông Bình", "")
    now = desk.clock.now()

    listed = await silences(desk.engine, now, unit=HERE)
    everything = await silences(desk.engine, now, ended=True)

    assert [(line.roots, line.state(now)) for line in listed] == [(("183",), "active")]
    assert sorted(line.state(now) for line in everything) == ["active", "ended"]


async def test_a_silence_of_a_large_district_holds_thousands_of_entries_in_one_statement(desk: Desk) -> None:
    units = [unit.id for unit in desk.catalog.units if unit.parent == "183"]
    await desk.tell(*(a_breach(number, unit=unit) for number, unit in enumerate(units, 1)))

    await desk.silence(units=["183"])

    assert {row[2] for row in await desk.held()} == {"silence"}
    assert sum(row[3] for row in await desk.held()) == 4 * len(units)
