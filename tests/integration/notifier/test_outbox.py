import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Sequence

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters import queries
from services.notifier.adapters.alert_store import SqlAlertStore
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.domain.delivery import Delivery, DeliveryStatus, Failed, Sent
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.ports import Pace, Renderer, RenderingError
from services.notifier.domain.retry import Backoff
from services.notifier.domain.views import Message
from services.notifier.handlers.drafting import Drafter
from services.notifier.handlers.gathering import Grouper
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.metrics import NotifierMetrics
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Channel
from shared.runtime import mailbox
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.testing.catalogs import shipped_at_once
from shared.testing.clocks import ManualClock
from shared.testing.notifying import Notifiers
from shared.testing.verdicts import MORNING, a_batch, a_breach

pytestmark = pytest.mark.integration

COMMUNES = [f"{code:05d}" for code in range(6190, 6251, 3) if code != 6229]


class Refusing:
    """Renders every message but those to one unit."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._renderer = TemplateRenderer()

    def render(self, message: Message) -> str:
        if self._unit in message.addressees:
            raise RenderingError("the template has a fault")
        return self._renderer.render(message)

    def render_html(self, message: Message) -> str:
        return self._renderer.render_html(message)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return shipped_at_once()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "test", pool_size=10)
    yield engine
    await engine.dispose()


@pytest.fixture
async def told(engine: AsyncEngine, catalog: Catalog) -> int:
    """Tell breaches of all communes; return how many addresses have news waiting."""
    await tell_all(engine, catalog)
    return len(COMMUNES) + 2


async def tell_all(engine: AsyncEngine, catalog: Catalog, communes: Sequence[str] = COMMUNES) -> None:
    batch = a_batch("m1", *(a_breach(number, unit=unit) for number, unit in enumerate(communes, 1)))
    async with engine.begin() as connection:
        await mailbox.put(connection, Notifiers.copies(batch))
    keeper = AlertKeeper(
        SqlAlertStore(engine), Planner(catalog, Windows(0, 0)), NotifierMetrics(CollectorRegistry()), SystemClock()
    )
    await keeper.on_verdict_changed([batch])


def an_outbox(engine: AsyncEngine, sender: str = "a", lease_seconds: float = 60, attempts: int = 3) -> SqlOutbox:
    return SqlOutbox(engine, sender, lease_seconds, Backoff(first_seconds=0.001, attempts=attempts))


def a_grouper(engine: AsyncEngine, catalog: Catalog, renderer: Renderer | None = None) -> Grouper:
    clock = ManualClock(MORNING + dt.timedelta(hours=1))
    drafter = Drafter(
        catalog, renderer or TemplateRenderer(), clock, message_domain="langson.example", detailed_items=20
    )
    return Grouper(an_outbox(engine), drafter, Pace(window_seconds=5), items_per_message=100)


async def one_delivery(engine: AsyncEngine, outbox: SqlOutbox) -> Delivery:
    (delivery,) = await outbox.take(Channel.MAIL, 1)
    return delivery


async def status_of(engine: AsyncEngine, delivery: Delivery) -> tuple[str, str | None]:
    async with engine.connect() as connection:
        row = await connection.execute(
            text("SELECT status, server_reply FROM notifier.delivery WHERE id = :id"), {"id": delivery.id}
        )
        status, reply = row.one()
        return status, reply


async def test_replicas_that_group_at_once_make_one_message_per_address(
    engine: AsyncEngine, catalog: Catalog, told: int
) -> None:
    counts = await asyncio.gather(*(a_grouper(engine, catalog).group_due() for _ in range(4)))

    assert sum(counts) == told
    assert (await queries.ledger_counts(engine)).grouped == 4 * len(COMMUNES)


async def test_replicas_that_take_at_once_never_take_the_same(engine: AsyncEngine, catalog: Catalog, told: int) -> None:
    await a_grouper(engine, catalog).group_due()

    taken = await asyncio.gather(*(an_outbox(engine, str(n)).take(Channel.MAIL, 5) for n in range(8)))

    ids = [delivery.id for deliveries in taken for delivery in deliveries]
    assert len(ids) == len(set(ids)) == told


async def test_a_message_that_cannot_be_written_is_a_dead_letter_and_the_others_go_out(
    engine: AsyncEngine, catalog: Catalog, told: int
) -> None:
    await a_grouper(engine, catalog, Refusing("Bảo hiểm xã hội huyện")).group_due()

    (dead,) = await queries.dead_deliveries(engine)
    counts = await queries.ledger_counts(engine)
    assert dead.address == "bhxh.caoloc@langson.example"
    assert "the template has a fault" in str(dead.server_reply)
    assert (counts.dead, counts.messages_unfinished) == (2 * len(COMMUNES), told - 1)


@pytest.mark.usefixtures("told")
async def test_a_claim_that_ran_out_is_taken_over_under_the_same_message_id(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    await a_grouper(engine, catalog).group_due()
    first = await one_delivery(engine, an_outbox(engine, lease_seconds=0))
    everything = await an_outbox(engine, "b").take(Channel.MAIL, 100)

    again = next(delivery for delivery in everything if delivery.id == first.id)

    assert again.message_id == first.message_id
    assert again.attempts == first.attempts + 1


@pytest.mark.usefixtures("told")
async def test_a_sender_whose_claim_ran_out_decides_only_that_it_was_sent(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    await a_grouper(engine, catalog).group_due()
    slow = an_outbox(engine, lease_seconds=0)
    first = await one_delivery(engine, slow)
    await an_outbox(engine, "b").take(Channel.MAIL, 100)

    await slow.settle(first, Failed(permanent=True, reply="550 too late to say"))
    assert await status_of(engine, first) == ("sending", None)

    await slow.settle(first, Sent("250 kept"))
    assert await status_of(engine, first) == ("sent", "250 kept")


@pytest.mark.usefixtures("told")
async def test_a_delivery_is_given_up_after_its_last_try_with_the_last_reply(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    await a_grouper(engine, catalog).group_due()
    outbox = an_outbox(engine, attempts=1)
    delivery = await one_delivery(engine, outbox)

    status = await outbox.settle(delivery, Failed(permanent=False, reply="451 still \x00 later \udc80"))

    assert status is DeliveryStatus.DEAD
    assert await status_of(engine, delivery) == ("dead", "451 still   later ?")


@pytest.mark.usefixtures("told")
async def test_the_census_counts_what_is_open_and_what_waits(engine: AsyncEngine, catalog: Catalog) -> None:
    before = await an_outbox(engine).census()
    await a_grouper(engine, catalog).group_due()
    await one_delivery(engine, an_outbox(engine))

    after = await an_outbox(engine).census()

    assert (before.alerts_open, before.entries_waiting) == ({"breach": len(COMMUNES)}, 4 * len(COMMUNES))
    assert (after.deliveries, after.entries_waiting) == ({"pending": len(COMMUNES) + 1, "sending": 1}, 0)


async def test_a_webhook_is_given_the_facts_of_every_item_however_many_there_are(
    engine: AsyncEngine, catalog: Catalog
) -> None:
    addresses = tuple(
        address.model_copy(update={"mail": (), "webhook": "https://bhxh.example/tin"})
        if "bhxh.caoloc@langson.example" in address.mail
        else address
        for address in catalog.addresses
    )
    by_webhook = Catalog(**{n: getattr(catalog, n) for n in Catalog.model_fields} | {"addresses": addresses})
    many = [*COMMUNES, "06184", "06187"]
    await tell_all(engine, by_webhook, many)

    await a_grouper(engine, by_webhook).group_due()

    (delivery,) = await an_outbox(engine).take(Channel.WEBHOOK, 5)
    items = json.loads(delivery.payload)["items"]
    assert len(many) > 20
    assert sorted(item["alert"]["id"] for item in items) == sorted(f"{unit}:xa_ntm/15.1:female:1" for unit in many)
