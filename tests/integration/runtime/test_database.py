"""The database and the mailbox on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.embedded.ports import free_port
from shared.runtime.database import create_database, is_outage, raw_connection, wait_for_database
from shared.runtime.errors import DependencyUnavailableError, LeaseLostError
from shared.runtime.mailbox import Buried, Outgoing, bury, claim, put

pytestmark = pytest.mark.integration

MESSAGES = [Outgoing("s", "m2", b"two"), Outgoing("s", "m1", b"one")]


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "the test")
    yield engine
    await engine.dispose()


async def test_only_messages_in_the_mailbox_are_claimed_and_only_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await put(connection, MESSAGES)
        first = await claim(connection, ["m1", "m2", "m3"])
        second = await claim(connection, ["m1"])

    assert first == {"m1", "m2"}
    assert second == frozenset()


async def test_a_claim_that_is_rolled_back_leaves_the_message(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await put(connection, MESSAGES)
    async with engine.connect() as connection:
        await claim(connection, ["m1"])
        await connection.rollback()

    async with engine.begin() as connection:
        assert await claim(connection, ["m1"]) == {"m1"}


async def test_two_claims_of_the_same_messages_in_opposite_order_do_not_deadlock(engine: AsyncEngine) -> None:
    ids = [f"m{number}" for number in range(200)]
    async with engine.begin() as connection:
        await put(connection, [Outgoing("s", message_id, b"x") for message_id in ids])

    async def claim_all(order: list[str]) -> frozenset[str]:
        async with engine.begin() as connection:
            return await claim(connection, order)

    first, second = await asyncio.gather(claim_all(ids), claim_all(ids[::-1]))

    assert sorted(map(len, (first, second))) == [0, 200]


async def test_a_message_put_twice_is_there_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await put(connection, MESSAGES)
        await put(connection, MESSAGES)
        assert await connection.scalar(text("SELECT count(*) FROM messaging.mailbox")) == 2


async def test_burying_moves_a_message_and_keeps_its_first_reason(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await put(connection, MESSAGES)
        await bury(connection, [Buried("s", "m1", b"one", "bad\x00 value", 3)])
        await bury(connection, [Buried("s", "m1", b"one", "again")])
        letters = (
            await connection.execute(text("SELECT message_id, reason, attempts FROM messaging.dead_letter"))
        ).all()
        left = (await connection.execute(text("SELECT message_id FROM messaging.mailbox"))).scalars().all()

    assert [tuple(letter) for letter in letters] == [("m1", "bad\\0 value", 3)]
    assert left == ["m2"]


async def test_the_connection_is_asyncpgs_own_and_shares_the_transaction(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await put(connection, MESSAGES)
        raw = await raw_connection(connection)

        assert await raw.fetchval("SELECT count(*) FROM messaging.mailbox") == 2
        assert await raw.fetchval("SHOW application_name") == "the test"
        assert await raw.fetchval("SHOW jit") == "off"


async def test_waiting_for_a_database_that_is_not_there_ends_with_the_address_and_the_remedy() -> None:
    port = free_port()
    engine = create_database(SecretStr(f"postgresql+asyncpg://u:geheim@127.0.0.1:{port}/d"), "test")

    with pytest.raises(DependencyUnavailableError) as error:
        await wait_for_database(engine, 0.2)

    assert f"127.0.0.1:{port}" in str(error.value)
    assert "DATCHUAN_DATABASE_URL" in str(error.value)
    assert "geheim" not in str(error.value)


async def test_waiting_for_a_database_that_is_there_ends_at_once(engine: AsyncEngine) -> None:
    async with asyncio.timeout(2):
        await wait_for_database(engine, 2)


@pytest.mark.parametrize(
    ("statement", "outage"),
    [
        pytest.param("SELECT 1 / 0", False, id="a bug in a query"),
        pytest.param("SELECT 'x'::int", False, id="a bad value"),
        pytest.param("SELECT no_such_column FROM messaging.mailbox", True, id="a column not migrated yet"),
        pytest.param("SELECT * FROM no_such_table", True, id="a table not migrated yet"),
        pytest.param("SELECT pg_terminate_backend(pg_backend_pid())", True, id="a closed connection"),
        pytest.param("DO $$ BEGIN RAISE deadlock_detected; END $$", True, id="a deadlock"),
        pytest.param("DO $$ BEGIN RAISE disk_full; END $$", True, id="a full disk"),
        pytest.param("DO $$ BEGIN RAISE cannot_connect_now; END $$", True, id="a server that starts"),
    ],
)
async def test_an_outage_is_told_from_a_bug(engine: AsyncEngine, statement: str, outage: bool) -> None:
    with pytest.raises(DBAPIError) as error:
        async with engine.connect() as connection:
            await connection.execute(text(statement))

    assert is_outage(error.value) is outage


async def test_a_broken_constraint_is_a_bug_and_not_an_outage(engine: AsyncEngine) -> None:
    insert = text("INSERT INTO messaging.mailbox (message_id, stream, payload) VALUES ('m1', NULL, '')")

    async with engine.connect() as connection:
        with pytest.raises(IntegrityError) as error:
            await connection.execute(insert)

    assert not is_outage(error.value)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        LeaseLostError("lost"),
        PoolTimeoutError("no connection free"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    ],
)
def test_an_error_that_time_may_heal_is_an_outage(error: Exception) -> None:
    wrapped = RuntimeError("while writing")
    wrapped.__cause__ = error

    assert is_outage(error)
    assert is_outage(wrapped)
    assert not is_outage(RuntimeError("bug"))
