"""News that is held back is let go by an operator: once, for those who are meant, and the audit keeps who did it."""

import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.audit_chain import SqlAuditChain
from services.notifier.adapters.releasing import release
from services.notifier.adapters.silence_store import SqlSilences, new_silence_id
from services.notifier.adapters.standing import standing
from services.notifier.domain.ledger import HeldFor
from services.notifier.domain.ports import Pace
from services.notifier.domain.silence_requests import wanted_silence
from shared.catalog.load import load_catalog
from shared.runtime.database import create_database
from shared.testing.verdicts import a_breach, a_recovery
from tests.integration.notifier.office import Office

pytestmark = pytest.mark.integration

OFFICE = "vanphong.caoloc@langson.example"
BHXH = "bhxh.caoloc@langson.example"
AT_ONCE = Pace(0)
# Longer than any digest waits; what ends before the digest holds nothing back that is not held anyway.
LONG = dt.timedelta(days=9)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_database(SecretStr(database_url), "test")
    yield made
    await made.dispose()


@pytest.fixture
async def office(engine: AsyncEngine) -> Office:
    """A breach in two communes by the shipped policies: the Office's news waits for its digest."""
    made = Office(engine, load_catalog())
    await made.tell(a_breach(1), a_breach(2, unit="06211"))
    while await made.group(AT_ONCE):
        pass
    return made


async def rows(office: Office, statement: str) -> list[tuple[Any, ...]]:
    async with office.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def addresses_told(office: Office) -> list[str]:
    return [address for (address,) in await rows(office, "SELECT address FROM notifier.delivery ORDER BY stored_at")]


async def silence(office: Office, **fields: Any) -> str:
    now = office.clock.now()
    request = {"author": "Bà Hoa", "reason": "Đối chiếu", "ends_at": now + LONG, **fields}
    wanted = wanted_silence(request, office.catalog, new_silence_id(), now, dt.timedelta(days=90))
    await SqlSilences(office.engine, office.catalog, office.clock).add([wanted])
    return wanted.silence.id


async def test_what_a_digest_holds_leaves_at_once_as_one_message_when_it_is_released(office: Office) -> None:
    before = await addresses_told(office)
    done = await release(office.engine, by="Ông Bình")
    made = await office.group(AT_ONCE)

    assert OFFICE not in before
    assert (done.entries, done.addresses, done.still_held) == (2, 1, {})
    assert (made, (await addresses_told(office))[-1]) == (1, OFFICE)
    assert (await release(office.engine)).entries == 0


async def test_each_alert_keeps_a_line_of_who_released_what(office: Office) -> None:
    await release(office.engine, by="Ông Bình")

    lines = await rows(
        office, "SELECT alert_id, actor, details FROM notifier.audit WHERE kind = 'released' ORDER BY alert_id"
    )

    assert [(alert, actor) for alert, actor, _ in lines] == [
        ("06208:xa_ntm/15.1:female:1", "Ông Bình"),
        ("06211:xa_ntm/15.1:female:1", "Ông Bình"),
    ]
    assert json.loads(lines[0][2]) == {"entries": 1, "held_for": ["digest"], "addresses": [OFFICE]}


async def test_only_the_address_that_is_named_is_released_in_any_spelling(office: Office) -> None:
    nobody = await release(office.engine, BHXH)
    done = await release(office.engine, OFFICE.upper())

    assert (nobody.entries, done.entries) == (0, 2)


async def test_what_a_silence_holds_is_released_only_by_name_and_the_silence_holds_it_no_more(office: Office) -> None:
    mark = await silence(office, units=["06208"])
    unasked = await release(office.engine)
    named = await release(office.engine, held_for=[HeldFor.SILENCE])
    await SqlSilences(office.engine, office.catalog, office.clock).end(mark, "Bà Hoa", "")

    assert (unasked.entries, unasked.still_held) == (1, {HeldFor.SILENCE: 1})
    assert (named.entries, named.still_held) == (1, {})
    assert await rows(office, "SELECT count(*) FROM notifier.ledger WHERE status = 'waiting' AND held_for IS NULL") == [
        (2,)
    ]


async def test_good_news_that_waits_together_with_the_bad_is_released_together(office: Office) -> None:
    await office.tell(a_recovery(3))
    done = await release(office.engine, OFFICE)
    while await office.group(AT_ONCE):
        pass

    subjects = await rows(office, f"SELECT body FROM notifier.delivery WHERE address = '{OFFICE}'")
    assert done.entries == 3
    assert len(subjects) == 1
    assert "đã khắc phục" in subjects[0][0].lower()


async def test_the_notifier_stands_as_its_tables_say(office: Office) -> None:
    await silence(office, units=["06208"])
    await SqlAuditChain(office.engine).seal()

    found = await standing(office.engine, office.clock.now())
    census = await office.outbox.census()

    assert (found.alerts_open, found.entries_held) == ({"breach": 2}, {"digest": 1, "silence": 1})
    assert (found.courses.running, found.courses.acknowledged, found.courses.stalled) == (2, 0, 0)
    assert (found.silences, found.next_silence_end) == (1, office.clock.now() + LONG)
    assert found.audit_block is not None
    assert found.audit_block.number == 1
    assert (census.entries_held, census.courses, census.audit_unsealed_seconds) == (
        found.entries_held,
        {"running": 2},
        0,
    )


async def test_what_is_late_by_more_than_an_hour_stands_as_stalled(office: Office) -> None:
    found = await standing(office.engine, office.clock.now() + dt.timedelta(days=60))

    assert found.courses.stalled == 2


async def test_the_census_tells_how_long_the_audit_waits_to_be_sealed(office: Office) -> None:
    await SqlAuditChain(office.engine).seal()
    written = (
        "INSERT INTO notifier.audit (at, kind, actor, details) VALUES (now() - interval '1 hour', 'sent', 'x', '{}')"
    )
    async with office.engine.begin() as connection:
        await connection.execute(text(written))
    before = await office.outbox.census()
    await SqlAuditChain(office.engine).seal()
    after = await office.outbox.census()

    assert before.audit_unsealed_seconds == pytest.approx(3_600, abs=60)
    assert after.audit_unsealed_seconds == 0
