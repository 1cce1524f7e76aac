"""What is held, by a digest, office hours, a silence or an alert that flaps, leaves at its own time and as one message.

The hours between are not waited for: the clock is set ahead, and every entry is due so much earlier.
"""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.alert_store import SqlAlertStore
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.domain.delivery import Delivery, Sent
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.ports import Pace
from services.notifier.domain.retry import Backoff
from services.notifier.handlers.drafting import Drafter
from services.notifier.handlers.gathering import Grouper
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.metrics import NotifierMetrics
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import Policies, RolePolicy, Unrouted
from shared.contracts.vocabulary import Channel, NoticeKind, Role, Timing, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged
from shared.runtime import mailbox
from shared.runtime.database import create_database
from shared.testing.clocks import ManualClock
from shared.testing.notifying import Notifiers
from shared.testing.verdicts import a_batch, a_breach, a_change, a_recovery

pytestmark = pytest.mark.integration

BHXH = "bhxh.caoloc@langson.example"
OFFICE = "vanphong.caoloc@langson.example"
COMMUNE = "ubnd.xa.thuyhung.caoloc@langson.example"
BOTH = "đã phát sinh và đã khắc phục"
# A Tuesday morning, and the Friday evening before.
MORNING = dt.datetime(2024, 10, 15, 9, 30, tzinfo=VIET_NAM)
FRIDAY_EVENING = dt.datetime(2024, 10, 11, 20, 0, tzinfo=VIET_NAM)


class Desk:
    """Alerts are decided, grouped and sent on a real database, at a time that the test sets."""

    def __init__(self, engine: AsyncEngine, catalog: Catalog, now: dt.datetime, window_seconds: float = 5) -> None:
        self._engine = engine
        self._registry = CollectorRegistry()
        self._metrics = NotifierMetrics(self._registry)
        self._window_seconds = window_seconds
        self.clock = ManualClock(now)
        self._outbox = SqlOutbox(engine, "a", 60, Backoff(first_seconds=0.001, attempts=3))
        self._messages = 0
        self.rung_in: set[float] = set()
        self.use(catalog)

    def use(self, catalog: Catalog) -> None:
        """Start anew with a catalog, as a notifier does."""
        planner = Planner(catalog, Windows(5, 60))
        self._keeper = AlertKeeper(
            SqlAlertStore(self._engine), planner, self._metrics, self.clock, tell_due=self.rung_in.add
        )
        drafter = Drafter(catalog, TemplateRenderer(), self.clock, message_domain="x.example", detailed_items=20)
        self._grouper = Grouper(self._outbox, drafter, Pace(self._window_seconds), items_per_message=100)

    async def tell(self, *changes: VerdictChanged) -> None:
        self._messages += 1
        batch = a_batch(f"m{self._messages}", *changes)
        async with self._engine.begin() as connection:
            await mailbox.put(connection, Notifiers.copies(batch))
        await self._keeper.on_verdict_changed([batch])

    async def until(self, moment: dt.datetime) -> None:
        """Let the time pass until a moment, at which the database has the notifier's clock again."""
        passed = moment - self.clock.now()
        assert passed >= dt.timedelta(0)
        self.clock.advance(passed)
        async with self._engine.begin() as connection:
            earlier = text("UPDATE notifier.ledger SET due_at = due_at - CAST(:passed AS interval)")
            await connection.execute(earlier, {"passed": passed})

    async def sent(self) -> dict[str, Delivery]:
        """Send what is due; return it by address, of which each must have one message."""
        while await self._grouper.group_due():
            pass
        deliveries = await self._outbox.take(Channel.MAIL, 100)
        for delivery in deliveries:
            await self._outbox.settle(delivery, Sent("250 ok"))
        by_address = {delivery.address: delivery for delivery in deliveries}
        assert len(by_address) == len(deliveries), "one message for each address"
        return by_address

    async def ledger(self, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
        statement = f"SELECT DISTINCT {columns} FROM notifier.ledger WHERE {where}"
        async with self._engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    def metric(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(f"datchuan_notifier_{name}", labels)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "test", pool_size=3)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def altered(catalog: Catalog, parts: dict[str, Any] | None = None, **policies: Any) -> Catalog:
    """Return the catalog with other `parts`, and with parts of its policies changed."""
    kept = {name: getattr(catalog.policies, name) for name in Policies.model_fields}
    fields = {name: getattr(catalog, name) for name in Catalog.model_fields}
    return Catalog(**fields | {"policies": Policies(**kept | policies)} | (parts or {}))


@pytest.fixture(scope="module")
def office(catalog: Catalog) -> Catalog:
    """Return the catalog with office hours for every address."""
    addresses = tuple(address.model_copy(update={"hours": "office"}) for address in catalog.addresses)
    return altered(catalog, {"addresses": addresses})


def told(role: Role, **kinds: Timing) -> RolePolicy:
    return RolePolicy(role=role, tells={NoticeKind(kind): timing for kind, timing in kinds.items()})


def food(sequence: int, **fields: Any) -> VerdictChanged:
    cell = CellFinding(
        cell="health",
        status=VerdictStatus.NOT_MET,
        reason=VerdictReason.BELOW_TARGET,
        numerator=20,
        denominator=25,
        gap=5,
    )
    return a_change(sequence, cell, node="xa_ntm/17.10", threshold=100.0, **fields)


async def test_a_breach_that_opens_and_closes_in_quiet_hours_is_one_item_of_what_is_sent_at_their_end(
    engine: AsyncEngine, office: Catalog
) -> None:
    """Probe D4: nothing that came and went unseen is lost, and nobody is told of it as of two things."""
    desk = Desk(engine, office, FRIDAY_EVENING)
    await desk.tell(a_breach(1))
    await desk.until(FRIDAY_EVENING + dt.timedelta(hours=2))
    await desk.tell(a_recovery(2))
    assert await desk.sent() == {}

    await desk.until(dt.datetime(2024, 10, 14, 7, 30, tzinfo=VIET_NAM))
    at_opening = await desk.sent()
    await desk.until(dt.datetime(2024, 10, 14, 16, 0, tzinfo=VIET_NAM))
    at_digest = await desk.sent()

    assert set(at_opening) == {BHXH, COMMUNE}
    assert set(at_digest) == {OFFICE}
    assert all(BOTH in mail.subject for mail in (*at_opening.values(), at_digest[OFFICE]))
    assert await desk.ledger("status") == [("sent",)]


async def test_when_quiet_hours_end_each_addressee_gets_one_digest(engine: AsyncEngine, office: Catalog) -> None:
    """Probe D9: all that was held over the week-end is one message for each, whenever it came."""
    desk = Desk(engine, office, FRIDAY_EVENING)
    for hours, unit in enumerate(("06190", "06193", "06196"), 1):
        await desk.until(FRIDAY_EVENING + dt.timedelta(hours=10 * hours, milliseconds=7 * hours))
        await desk.tell(a_breach(hours, unit=unit))

    await desk.until(dt.datetime(2024, 10, 14, 7, 29, 57, tzinfo=VIET_NAM))
    assert await desk.sent() == {}, "not a moment before the office opens"
    await desk.until(dt.datetime(2024, 10, 14, 7, 30, tzinfo=VIET_NAM))
    mails = await desk.sent()

    assert len(mails) == 4
    assert all(place in mails[BHXH].body for place in ("Xã Bảo Lâm", "Xã Thanh Lòa", "Xã Cao Lâu"))
    assert await desk.sent() == {}


async def test_what_comes_within_the_window_is_one_message_and_the_rest_of_the_day_one_digest(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    """TestBatching: news gathers, for seconds or for the digest; what was told is not repeated with it."""
    desk = Desk(engine, catalog, MORNING)
    await desk.tell(a_breach(1, unit="06190"))
    await desk.tell(a_breach(2, unit="06193"))
    await desk.until(MORNING + dt.timedelta(seconds=6))
    first = await desk.sent()
    await desk.until(MORNING + dt.timedelta(hours=3))
    await desk.tell(a_breach(3, unit="06196"))
    await desk.until(MORNING + dt.timedelta(hours=3, seconds=6))
    second = await desk.sent()
    await desk.until(MORNING.replace(hour=16, minute=0))
    digest = await desk.sent()
    await desk.until(MORNING.replace(day=16, hour=16, minute=0))

    assert "Xã Bảo Lâm" in first[BHXH].body
    assert "Xã Thanh Lòa" in first[BHXH].body
    assert OFFICE not in first
    assert "Xã Bảo Lâm" not in second[BHXH].body
    assert set(digest) == {OFFICE}
    assert all(place in digest[OFFICE].body for place in ("Xã Bảo Lâm", "Xã Thanh Lòa", "Xã Cao Lâu"))
    assert await desk.sent() == {}, "an unchanged state is not told again"


async def test_what_is_held_is_not_sent_with_what_is_due_at_the_same_address(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    """A window as long as the wait for the digest pulls forward what gathers, never what is held."""
    desk = Desk(engine, catalog, MORNING.replace(hour=15, minute=30), window_seconds=3_600)
    await desk.tell(a_breach(1), food(2))
    await desk.until(MORNING.replace(hour=15, minute=31))

    (item,) = {"15.1", "17.10"} & set((await desk.sent())[OFFICE].body.split())

    assert item == "17.10"
    assert await desk.ledger("node, held_for", f"status = 'waiting' AND address = '{OFFICE}'") == [
        ("xa_ntm/15.1", "digest")
    ]


async def test_nothing_keeps_a_timer_for_what_is_held_for_hours(engine: AsyncEngine, catalog: Catalog) -> None:
    desk = Desk(engine, catalog, MORNING)

    await desk.tell(a_breach(1))

    assert ("digest",) in await desk.ledger("held_for")
    assert desk.rung_in == {5}


async def test_an_alert_without_a_lead_is_counted_and_told_to_the_office_at_once(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    """Probe D6: chưa có đơn vị chủ trì."""
    desk = Desk(engine, catalog, MORNING)
    await desk.tell(food(1))
    await desk.until(MORNING + dt.timedelta(seconds=6))

    mails = await desk.sent()

    assert desk.metric("unroutable_total", reason="no_lead") == 1
    assert "Chưa có đơn vị chủ trì" in mails[OFFICE].body


async def test_an_end_that_is_told_at_once_waits_for_the_digest_that_holds_its_beginning(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    roles = (told(Role.CONSOLIDATING, opened=Timing.DIGEST, resolved=Timing.IMMEDIATE),)
    desk = Desk(engine, altered(catalog, roles=roles), MORNING)
    await desk.tell(a_breach(1))
    await desk.until(MORNING + dt.timedelta(hours=1))
    await desk.tell(a_recovery(2))
    await desk.until(MORNING + dt.timedelta(hours=1, minutes=1))
    assert await desk.sent() == {}

    await desk.until(MORNING.replace(hour=16, minute=0))

    assert BOTH in (await desk.sent())[OFFICE].subject


async def test_an_end_whose_beginning_was_sent_keeps_its_own_time(engine: AsyncEngine, catalog: Catalog) -> None:
    roles = (told(Role.LEAD, opened=Timing.IMMEDIATE, resolved=Timing.DIGEST),)
    desk = Desk(engine, altered(catalog, roles=roles), MORNING)
    await desk.tell(a_breach(1))
    await desk.until(MORNING + dt.timedelta(minutes=1))
    assert set(await desk.sent()) == {BHXH}
    await desk.tell(a_recovery(2))
    await desk.until(MORNING + dt.timedelta(minutes=2))
    assert await desk.sent() == {}

    await desk.until(MORNING.replace(hour=16, minute=0))

    mail = (await desk.sent())[BHXH]
    assert BOTH not in mail.subject


async def test_a_unit_in_two_roles_is_told_the_end_at_once_and_once(engine: AsyncEngine, catalog: Catalog) -> None:
    desk = Desk(engine, catalog, MORNING)
    await desk.tell(a_breach(1))
    await desk.until(MORNING + dt.timedelta(minutes=1))
    await desk.sent()
    await desk.tell(a_recovery(2))
    await desk.until(MORNING + dt.timedelta(minutes=2))
    assert "Vai trò của đơn vị: chủ trì; rà soát, thống kê danh sách" in (await desk.sent())[BHXH].body


async def test_a_digested_end_leaves_with_its_beginning_that_is_about_to_be_sent(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    roles = (told(Role.LEAD, opened=Timing.IMMEDIATE, resolved=Timing.DIGEST),)
    desk = Desk(engine, altered(catalog, roles=roles), MORNING)
    await desk.tell(a_breach(1))
    await desk.tell(a_recovery(2))
    await desk.until(MORNING + dt.timedelta(seconds=6))

    assert BOTH in (await desk.sent())[BHXH].subject
    assert await desk.ledger("status") == [("sent",)]


async def test_who_is_told_of_no_ends_hears_nothing_of_a_breach_that_is_over_and_all_of_one_that_comes_back(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    """TestResolvedFilter: the end is recorded although it is not told, so that the next breach is news again."""
    roles = (
        told(Role.LEAD, opened=Timing.IMMEDIATE),
        told(Role.CONSOLIDATING, opened=Timing.DIGEST),
        told(Role.IMPLEMENTING, opened=Timing.IMMEDIATE, resolved=Timing.IMMEDIATE),
    )
    desk = Desk(engine, altered(catalog, roles=roles), MORNING)
    await desk.tell(a_breach(1))
    await desk.until(MORNING + dt.timedelta(minutes=1))
    assert set(await desk.sent()) == {BHXH, COMMUNE}
    await desk.tell(a_recovery(2))
    await desk.until(MORNING + dt.timedelta(minutes=2))
    assert set(await desk.sent()) == {COMMUNE}
    assert await desk.ledger("status", f"address = '{OFFICE}'") == [("superseded",)]

    await desk.tell(a_breach(3))
    await desk.until(MORNING + dt.timedelta(minutes=3))

    assert set(await desk.sent()) == {BHXH, COMMUNE}
    assert await desk.ledger("status, alert_id", f"address = '{OFFICE}' AND status = 'waiting'") == [
        ("waiting", "06208:xa_ntm/15.1:female:2")
    ]


async def test_the_flips_of_an_alert_that_flaps_leave_together_when_it_has_been_calm(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    desk = Desk(engine, catalog, MORNING)
    for number in range(1, 5, 2):
        await desk.tell(a_breach(number), a_recovery(number + 1))
    await desk.tell(a_breach(5))
    await desk.until(MORNING + dt.timedelta(minutes=5))
    assert "dao động" in (await desk.sent())[BHXH].body
    await desk.tell(a_recovery(6), a_breach(7))
    await desk.until(MORNING + dt.timedelta(hours=6))
    await desk.tell(a_recovery(8))

    held = await desk.ledger("alert_id, kind, held_for, due_at", "status = 'waiting' AND role = 'lead'")
    await desk.until(MORNING + dt.timedelta(hours=29))
    assert BHXH not in await desk.sent(), "calm for less than a day"
    await desk.until(MORNING + dt.timedelta(hours=30, seconds=1))

    fourth = "06208:xa_ntm/15.1:female:4"
    assert {row[:3] for row in held} == {(fourth, "opened", "flapping"), (fourth, "resolved", "flapping")}
    assert len({due_at for *_, due_at in held}) == 1
    assert BOTH in (await desk.sent())[BHXH].subject


async def test_a_new_version_of_the_catalog_tells_nobody_anew(engine: AsyncEngine, catalog: Catalog) -> None:
    """TestReload: the same charges by a dispatch of another id; what is held stays held and is sent once."""
    desk = Desk(engine, catalog, MORNING)
    await desk.tell(a_breach(1))
    await desk.until(MORNING + dt.timedelta(seconds=6))
    assert set(await desk.sent()) == {BHXH, COMMUNE}

    desk.use(issued_anew(catalog))
    await desk.tell(a_breach(2, from_status=VerdictStatus.NOT_MET))
    await desk.until(MORNING + dt.timedelta(minutes=1))
    assert await desk.sent() == {}
    await desk.until(MORNING.replace(hour=16, minute=0))

    assert set(await desk.sent()) == {OFFICE}


def issued_anew(catalog: Catalog) -> Catalog:
    """Return the catalog with each dispatch also as one of another id, which holds in place of the first."""
    dispatches = tuple(each.model_copy(update={"id": f"{each.id}-v2"}) for each in catalog.dispatches)
    addresses = tuple(each.model_copy(update={"dispatch": f"{each.dispatch}-v2"}) for each in catalog.addresses)
    parts = {"digest": "newer", "dispatches": (*dispatches, *catalog.dispatches), "addresses": addresses}
    return altered(catalog, parts)


async def test_what_no_dispatch_routes_is_counted_and_reaches_the_operator_once_a_day(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    operator = "quantri@langson.example"
    day = dt.date(2026, 1, 15)
    desk = Desk(engine, altered(catalog, unrouted=Unrouted(mail=(operator,))), MORNING)
    await desk.tell(a_breach(1, as_of=day), a_breach(2, as_of=day, unit="06190"))
    await desk.until(MORNING.replace(hour=16, minute=0))

    mails = await desk.sent()

    assert desk.metric("unroutable_total", reason="no_dispatch") == 2
    assert set(mails) == {operator}
    assert "Đơn vị vận hành hệ thống" in mails[operator].body
    assert "Không có văn bản phân công nào có hiệu lực" in mails[operator].body
