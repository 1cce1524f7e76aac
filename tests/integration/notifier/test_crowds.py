"""More news for one address than anybody reads, and news that comes again and again: few messages, nothing left out."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.domain.ports import Pace
from shared.runtime.database import create_database
from shared.testing.catalogs import shipped_at_once
from shared.testing.verdicts import a_breach, a_recovery
from tests.integration.notifier.office import Office

OFFICE = "vanphong.caoloc@langson.example"
BHXH = "bhxh.caoloc@langson.example"
COMMUNES = [f"{code:05d}" for code in range(6190, 6227, 3)]
AT_ONCE = Pace(window_seconds=5)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "test", pool_size=5)
    yield engine
    await engine.dispose()


@pytest.fixture
def office(engine: AsyncEngine) -> Office:
    return Office(engine, shipped_at_once())


async def mails_to(engine: AsyncEngine, address: str) -> list[tuple[str, str]]:
    """Return subject and text of the messages for an address, the first stored first."""
    statement = "SELECT subject, body FROM notifier.delivery WHERE address = :address ORDER BY stored_at"
    async with engine.connect() as connection:
        return [(row.subject, row.body) for row in await connection.execute(text(statement), {"address": address})]


async def statuses(engine: AsyncEngine) -> dict[str, int]:
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT status, count(*) FROM notifier.ledger GROUP BY status"))
        return {str(row[0]): int(row[1]) for row in rows}


async def test_an_address_with_more_news_than_a_message_holds_gets_one_that_counts_it(
    engine: AsyncEngine, office: Office
) -> None:
    """AM TestGroupsWithLimits, D10: a storm makes one message per address, however many alerts it holds."""
    await office.tell(*(a_breach(number, unit=unit) for number, unit in enumerate(COMMUNES, 1)))

    await office.group(AT_ONCE, items_per_message=5)

    ((subject, body),) = await mails_to(engine, OFFICE)
    assert subject.startswith(f"[Đạt Chuẩn] Tin tóm tắt: {len(COMMUNES)} nội dung tại {len(COMMUNES)} địa bàn")
    assert f"{len(COMMUNES)} chưa đạt" in body
    assert await statuses(engine) == {"grouped": 4 * len(COMMUNES)}  # not one entry was left out


async def test_what_opened_and_resolved_counts_once_in_a_summary(engine: AsyncEngine, office: Office) -> None:
    breaches = [a_breach(number, unit=unit) for number, unit in enumerate(COMMUNES, 1)]
    recoveries = [a_recovery(100 + number, unit=unit) for number, unit in enumerate(COMMUNES[:3], 1)]
    await office.tell(*breaches, *recoveries)

    await office.group(AT_ONCE, items_per_message=5)

    ((subject, _),) = await mails_to(engine, OFFICE)
    assert f"{len(COMMUNES)} nội dung" in subject
    assert "10 chưa đạt" in subject


async def test_the_neighbours_of_a_crowded_address_get_their_own_messages_in_the_same_round(
    engine: AsyncEngine, office: Office
) -> None:
    """AM TestGroupsWithLimits: the limit of one group is no other group's."""
    await office.tell(*(a_breach(number, unit=unit) for number, unit in enumerate(COMMUNES, 1)))

    await office.group(AT_ONCE, items_per_message=5)

    async with engine.connect() as connection:
        places = await connection.scalar(
            text("SELECT count(*) FROM notifier.delivery WHERE subject NOT LIKE '%tóm tắt%'")
        )
    assert places == len(COMMUNES)


async def test_an_address_that_got_a_message_is_left_alone_until_the_pause_is_over(
    engine: AsyncEngine, office: Office
) -> None:
    """TestBatching: new alerts leave after the interval, together; an unchanged set stays silent."""
    pause = Pace(window_seconds=5, pause_seconds=600)
    await office.tell(a_breach(1, unit=COMMUNES[0]))
    await office.group(pause)
    await office.tell(a_breach(2, unit=COMMUNES[1]))
    await office.tell(a_breach(3, unit=COMMUNES[2]))

    await office.group(pause)
    while_paused = await mails_to(engine, BHXH)
    await office.group(AT_ONCE)
    await office.group(AT_ONCE)

    assert len(while_paused) == 1
    later = (await mails_to(engine, BHXH))[1:]
    assert [subject.count("2 nội dung") for subject, _ in later] == [1]


async def test_a_pause_of_one_address_holds_nobody_else_back(engine: AsyncEngine, office: Office) -> None:
    pause = Pace(window_seconds=5, pause_seconds=600)
    await office.tell(a_breach(1, unit=COMMUNES[0]))
    await office.group(pause)
    await office.tell(*(a_breach(number, unit=unit) for number, unit in enumerate(COMMUNES[1:], 2)))

    stored = await office.group(pause)

    assert stored == len(COMMUNES) - 1  # each commune its own; BHXH and the Office wait
