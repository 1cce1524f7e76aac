import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters import queries
from services.notifier.adapters.alert_store import SqlAlertStore
from services.notifier.adapters.dead_deliveries import Retried, discard_delivery, retry_delivery
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.domain.delivery import Delivery, DeliveryStatus, Failed, Sent
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.ports import Pace
from services.notifier.domain.retry import Backoff
from services.notifier.handlers.drafting import Drafter
from services.notifier.handlers.gathering import Grouper
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.metrics import NotifierMetrics
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Channel
from shared.contracts.wire import VerdictChanged
from shared.runtime import mailbox
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.testing.catalogs import shipped_at_once
from shared.testing.clocks import ManualClock
from shared.testing.notifying import Notifiers
from shared.testing.polling import until
from shared.testing.verdicts import MORNING, a_batch, a_breach, a_recovery

pytestmark = pytest.mark.integration

BHXH = "bhxh.caoloc@langson.example"
CORRECTED = "bhxh.moi@langson.example"
OFFICE = "vanphong.caoloc@langson.example"
COMMUNE = "ubnd.xa.thuyhung.caoloc@langson.example"


def readdressed(catalog: Catalog, *mails: str) -> Catalog:
    """Return the catalog with other mail addresses for BHXH."""
    addresses = tuple(a.model_copy(update={"mail": mails}) if BHXH in a.mail else a for a in catalog.addresses)
    return Catalog(**{name: getattr(catalog, name) for name in Catalog.model_fields} | {"addresses": addresses})


class PostOffice:
    """Tells changes, groups what is due and plays the mail server that refuses some addresses."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.catalog = shipped_at_once()
        self.outbox = SqlOutbox(engine, "a", 60, Backoff(first_seconds=0.001, attempts=3))
        self._keeper = AlertKeeper(
            SqlAlertStore(engine),
            Planner(self.catalog, Windows(0, 0)),
            NotifierMetrics(CollectorRegistry()),
            SystemClock(),
        )
        clock = ManualClock(MORNING + dt.timedelta(hours=1))
        drafter = Drafter(self.catalog, TemplateRenderer(), clock, message_domain="langson.example", detailed_items=20)
        self._grouper = Grouper(self.outbox, drafter, Pace(window_seconds=5), items_per_message=100)

    async def tell(self, change: VerdictChanged) -> None:
        batch = a_batch(f"m{change.sequence}", change)
        async with self.engine.begin() as connection:
            await mailbox.put(connection, Notifiers.copies(batch))
        await self._keeper.on_verdict_changed([batch])

    async def send(self, refused: Collection[str] = ()) -> list[Delivery]:
        """Group and send what is due; return what was taken by its receiver, by address."""
        await self._grouper.group_due()
        deliveries = await self.outbox.take(Channel.MAIL, 100)
        for delivery in deliveries:
            said = Failed(permanent=True, reply="550 no") if delivery.address in refused else Sent("250 ok")
            await self.outbox.settle(delivery, said)
        return sorted((d for d in deliveries if d.address not in refused), key=lambda d: d.address)

    async def dead(self) -> str:
        (found,) = await queries.dead_deliveries(self.engine)
        return found.id

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    async def told(self) -> list[tuple[str, str]]:
        rows = await self.rows(
            "SELECT address, status FROM notifier.ledger WHERE responsible_unit = 'bhxh' ORDER BY id"
        )
        return [(str(address), str(status)) for address, status in rows]


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[PostOffice]:
    engine = create_database(SecretStr(database_url), "test", pool_size=5)
    yield PostOffice(engine)
    await engine.dispose()


@pytest.fixture
async def refused(office: PostOffice) -> str:
    """Tell a breach of which BHXH's mail is refused; return the dead delivery."""
    await office.tell(a_breach())
    sent = await office.send(refused=[BHXH])
    assert [delivery.address for delivery in sent] == [COMMUNE, OFFICE]
    return await office.dead()


async def test_a_dead_delivery_is_told_anew_at_the_corrected_address_and_to_nobody_else(
    office: PostOffice, refused: str
) -> None:
    result = await retry_delivery(office.engine, readdressed(office.catalog, CORRECTED), refused)

    sent = await office.send()
    assert result == Retried(waiting=2, addresses=(CORRECTED,), superseded=2, unreachable=())
    assert [delivery.address for delivery in sent] == [CORRECTED]
    assert await office.told() == [(BHXH, "superseded")] * 2 + [(CORRECTED, "sent")] * 2
    assert await queries.dead_deliveries(office.engine) == []


async def test_a_dead_delivery_is_told_anew_at_the_same_address_when_that_is_right(
    office: PostOffice, refused: str
) -> None:
    result = await retry_delivery(office.engine, office.catalog, refused)

    (sent,) = await office.send()
    assert result == Retried(waiting=2, addresses=(BHXH,), superseded=0, unreachable=())
    assert (sent.address, sent.id != refused, sent.references) == (BHXH, True, ())
    assert await office.told() == [(BHXH, "sent")] * 2
    assert await office.rows(f"SELECT status FROM notifier.delivery WHERE id = '{refused}'") == [("replaced",)]


async def test_an_address_corrected_by_hand_gets_the_news_once_and_the_next_goes_where_the_catalog_says(
    office: PostOffice, refused: str
) -> None:
    """AM TestEmailRejected, and what it lacks: refused, corrected, delivered, with nobody else told again."""
    results = await asyncio.gather(
        *(retry_delivery(office.engine, office.catalog, refused, "Lê Văn A", CORRECTED) for _ in range(3))
    )

    sent = await office.send()
    await office.tell(a_recovery())
    later = await office.send()
    assert [result for result in results if result is not None] == [
        Retried(waiting=2, addresses=(CORRECTED,), superseded=2, unreachable=())
    ]
    assert [delivery.address for delivery in sent] == [CORRECTED]
    assert [delivery.address for delivery in later] == [BHXH, COMMUNE, OFFICE]


async def test_two_operators_who_retry_at_once_send_once(office: PostOffice, refused: str) -> None:
    results = await asyncio.gather(*(retry_delivery(office.engine, office.catalog, refused) for _ in range(4)))

    assert sum(result is not None for result in results) == 1
    assert len(await office.send()) == 1
    assert await office.send() == []


async def test_an_address_that_was_right_after_all_gets_what_moved_away_from_it(office: PostOffice) -> None:
    await office.tell(a_breach())
    await office.send(refused=[BHXH])

    result = await retry_delivery(office.engine, readdressed(office.catalog, CORRECTED), await office.dead())
    await office.send(refused=[CORRECTED])
    second = await retry_delivery(office.engine, readdressed(office.catalog, BHXH), await office.dead())
    back = await office.send()

    assert result is not None
    assert second == Retried(waiting=2, addresses=(BHXH,), superseded=2, unreachable=())
    assert [delivery.address for delivery in back] == [BHXH]
    assert await office.told() == [(BHXH, "sent")] * 2 + [(CORRECTED, "superseded")] * 2


async def test_a_retry_to_an_address_that_took_the_same_news_sends_nothing(office: PostOffice, refused: str) -> None:
    both = readdressed(office.catalog, CORRECTED)
    await retry_delivery(office.engine, both, refused)
    await office.send()
    async with office.engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.delivery SET status = 'dead' WHERE id = :id"), {"id": refused})
        await connection.execute(
            text("UPDATE notifier.ledger SET status = 'dead' WHERE delivery_id = :id"), {"id": refused}
        )

    result = await retry_delivery(office.engine, both, refused)

    assert result == Retried(waiting=0, addresses=(), superseded=2, unreachable=())
    assert await office.send() == []


async def test_a_delivery_whose_unit_has_no_address_stays_a_dead_letter(office: PostOffice, refused: str) -> None:
    result = await retry_delivery(office.engine, readdressed(office.catalog), refused)

    assert result == Retried(waiting=0, addresses=(), superseded=0, unreachable=("bhxh",))
    assert await office.dead() == refused
    assert await office.send() == []


async def test_a_breach_that_has_ended_meanwhile_is_not_mailed_as_if_it_lasted(
    office: PostOffice, refused: str
) -> None:
    await office.tell(a_recovery())
    await office.send()

    result = await retry_delivery(office.engine, office.catalog, refused)

    assert result == Retried(waiting=0, addresses=(), superseded=2, unreachable=())
    assert await office.send() == []


async def test_a_receiver_that_took_the_message_after_all_is_not_sent_another(office: PostOffice, refused: str) -> None:
    await retry_delivery(office.engine, office.catalog, refused)
    (slow,) = [d for d in await _every_delivery(office) if d.id == refused]

    await office.outbox.settle(slow, Sent("250 kept after all"))

    assert await office.send() == []
    assert await office.told() == [(BHXH, "sent")] * 2


async def test_a_discarded_delivery_is_closed_and_stays_readable(office: PostOffice, refused: str) -> None:
    assert await discard_delivery(office.engine, refused)

    (shown,) = await queries.dead_deliveries(office.engine, status=DeliveryStatus.DISCARDED)
    counts = await queries.ledger_counts(office.engine)
    assert (shown.id, shown.status, shown.server_reply) == (refused, "discarded", "550 no")
    assert (counts.discarded, counts.dead, counts.messages_dead) == (2, 0, 0)
    assert not await discard_delivery(office.engine, refused)
    assert await retry_delivery(office.engine, office.catalog, refused) is None
    assert (await office.outbox.census()).deliveries == {}


async def test_a_running_notifier_takes_up_what_is_tried_again(notifiers: Notifiers) -> None:
    await notifiers.post.open(f"{BHXH}=550")
    await notifiers.start()
    await notifiers.tell(a_batch("m1", a_breach()))
    await until(notifiers.is_quiet, timeout=30, what="everything told has come to its end")
    (dead,) = await queries.dead_deliveries(notifiers.engine)

    await retry_delivery(notifiers.engine, readdressed(shipped_at_once(), CORRECTED), dead.id)
    await until(notifiers.is_quiet, timeout=30, what="the news has reached the corrected address")

    assert notifiers.post.recipients() == sorted([CORRECTED, COMMUNE, OFFICE])


async def _every_delivery(office: PostOffice) -> list[Delivery]:
    return [
        Delivery(
            id=str(row[0]),
            channel=Channel.MAIL,
            address=str(row[1]),
            message_id=str(row[2]),
            references=(),
            subject="",
            body="",
            payload="",
            created_at=MORNING,
            attempts=1,
        )
        for row in await office.rows("SELECT id, address, message_id FROM notifier.delivery")
    ]
