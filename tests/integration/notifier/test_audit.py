"""The audit on a real PostgreSQL: written with what it tells of, changed by nobody, sealed once, and checked."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.migrations import upgrade
from services.notifier.adapters.audit_chain import SqlAuditChain
from services.notifier.adapters.audit_check import Verification, verify
from services.notifier.adapters.audit_store import insert_lines
from services.notifier.adapters.dead_deliveries import discard_delivery, retry_delivery
from services.notifier.domain.audit import AuditKind, AuditLine
from services.notifier.domain.chain import Break, Fault
from services.notifier.domain.delivery import Failed, Sent
from shared.contracts.vocabulary import Channel
from shared.embedded.postgres import EmbeddedPostgres
from shared.runtime.database import create_database
from shared.testing.notifying import Notifiers
from shared.testing.polling import until
from shared.testing.servers import fresh_database
from shared.testing.verdicts import a_batch, a_breach, a_recovery
from tests.integration.notifier.office import Office

pytestmark = pytest.mark.integration

ALERT = "06208:xa_ntm/15.1:female:1"
PUT_IN = "INSERT INTO notifier.audit (id, xid, kind, actor, details) OVERRIDING SYSTEM VALUE"


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "test", pool_size=5)
    yield engine
    await engine.dispose()


@pytest.fixture
def office(engine: AsyncEngine) -> Office:
    return Office(engine)


@pytest.fixture
def other_server(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A second database that stands for another server."""
    with fresh_database(postgres_server, upgrade) as url:
        yield url


async def write(engine: AsyncEngine, *words: str) -> None:
    async with engine.begin() as connection:
        await insert_lines(connection, [AuditLine(AuditKind.ROUTED, json.dumps({"word": word})) for word in words])


async def seal_all(engine: AsyncEngine, most_rows: int = 10_000) -> int:
    chain = SqlAuditChain(engine, most_rows)
    sealed = 0
    while more := await chain.seal():
        sealed += more
    return sealed


async def forge(engine: AsyncEngine, statement: str) -> None:
    """Run a statement as somebody who may switch the triggers off."""
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(statement))


async def audit_of(engine: AsyncEngine, kind: AuditKind | None = None) -> list[dict[str, Any]]:
    statement = "SELECT * FROM notifier.audit WHERE CAST(:kind AS text) IS NULL OR kind = :kind ORDER BY id"
    async with engine.connect() as connection:
        rows = (await connection.execute(text(statement), {"kind": kind})).mappings().all()
    return [{**row, "details": json.loads(row["details"])} for row in rows]


@pytest.mark.parametrize("table", ["audit", "audit_block"])
@pytest.mark.parametrize(
    "statement", ["UPDATE notifier.{} SET {} = {}", "DELETE FROM notifier.{}", "TRUNCATE notifier.{}"]
)
async def test_nobody_changes_or_deletes_a_line_or_a_block(engine: AsyncEngine, table: str, statement: str) -> None:
    await write(engine, "a")
    await seal_all(engine)
    column = "kind" if table == "audit" else "hash"

    with pytest.raises(DBAPIError, match="append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(statement.format(table, column, column)))

    assert (await verify(engine)).breaks == ()


async def test_every_transition_of_an_alert_is_a_line_with_addressees_clauses_and_rule_version(office: Office) -> None:
    await office.tell(a_breach())
    await office.tell(a_recovery())

    opened, ended = await audit_of(office.engine)
    assert [(line["kind"], line["alert_id"]) for line in (opened, ended)] == [("opened", ALERT), ("ended", ALERT)]
    details = opened["details"]
    assert (details["ruleset"], details["rules"], details["dispatch"]) == ("R318", "test", "caoloc-ubnd-vp-2024-09")
    assert details["catalog"] == office.catalog.digest
    told = {(each["unit"], each["role"]): each for each in details["told"]}
    assert told["bhxh", "lead"]["address"] == "bhxh.caoloc@langson.example"
    assert told["bhxh", "lead"]["clauses"]
    assert {role for _, role in told} >= {"lead", "data", "implementing", "consolidating"}
    assert ended["details"]["action"] == "resolved"


async def test_what_was_told_before_is_not_written_down_twice(office: Office) -> None:
    await office.tell(a_breach())
    before = await audit_of(office.engine)

    await office.tell_as_if_unknown(a_breach())

    assert await audit_of(office.engine) == before


async def test_every_sending_is_a_line_with_the_servers_reply(office: Office) -> None:
    await office.tell(a_breach())
    await office.group()
    first, second, *_ = await office.outbox.take(Channel.MAIL, 10)

    await office.outbox.settle(first, Failed(permanent=False, reply="451 later"))
    await office.outbox.settle(first, Failed(permanent=True, reply="550 said too late: another try decides"))
    await office.outbox.settle(second, Sent("250 kept as A1"))
    await office.outbox.settle(second, Sent("250 kept as A1"))

    lines = [line for line in await audit_of(office.engine) if line["delivery_id"]]
    assert [(line["kind"], line["delivery_id"], line["details"]["reply"]) for line in lines] == [
        ("refused", first.id, "451 later"),
        ("sent", second.id, "250 kept as A1"),
    ]
    assert lines[0]["details"]["next_attempt_at"]
    assert lines[1]["details"]["message_id"] == second.message_id


async def test_a_delivery_that_is_given_up_replayed_and_discarded_leaves_a_line_each_with_the_actor(
    office: Office,
) -> None:
    await office.tell(a_breach())
    await office.group()
    for delivery in await office.outbox.take(Channel.MAIL, 10):
        await office.outbox.settle(delivery, Failed(permanent=True, reply="550 no such user"))
    first, second, *_ = [line["delivery_id"] for line in await audit_of(office.engine, AuditKind.DEAD)]

    await retry_delivery(office.engine, office.catalog, first, actor="Nguyễn Văn A")
    await discard_delivery(office.engine, second, actor="Trần Thị B")

    replayed, discarded = (await audit_of(office.engine))[-2:]
    assert (replayed["kind"], replayed["delivery_id"], replayed["actor"]) == ("replayed", first, "Nguyễn Văn A")
    assert (discarded["kind"], discarded["delivery_id"], discarded["actor"]) == ("discarded", second, "Trần Thị B")


async def test_every_line_is_sealed_once_in_blocks_of_bounded_size(engine: AsyncEngine) -> None:
    await write(engine, *map(str, range(25)))

    sealed = await seal_all(engine, most_rows=10)

    found = await verify(engine)
    assert (sealed, found.blocks, found.lines, found.unsealed, found.breaks) == (25, 3, 25, 0, ())
    assert await seal_all(engine) == 0


async def test_lines_of_a_long_transaction_are_neither_missed_nor_put_into_an_old_block(engine: AsyncEngine) -> None:
    async with engine.connect() as slow:
        await insert_lines(slow, [AuditLine(AuditKind.ROUTED, '{"word": "slow"}')])
        await write(engine, "quick")
        while_it_runs = await seal_all(engine)
        await write(engine, "later")
        await slow.commit()

    sealed = await seal_all(engine)

    found = await verify(engine)
    assert (while_it_runs, sealed, found.lines, found.breaks) == (0, 3, 3, ())


async def test_a_transaction_that_ends_badly_leaves_no_gap_in_the_chain(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await insert_lines(connection, [AuditLine(AuditKind.ROUTED, "{}")])
        await connection.rollback()
    await write(engine, "a")

    await seal_all(engine)

    assert await _counts(engine) == (1, 0, ())


async def test_replicas_that_seal_at_once_make_one_chain(engine: AsyncEngine) -> None:
    """AM TestLogGC, TestStateMerge: the log of several replicas is one, whoever writes and whoever is away."""
    writers = [write(engine, *(f"{n}-{m}" for m in range(20))) for n in range(10)]
    sealers = [SqlAuditChain(engine, 7).seal() for _ in range(20)]

    await asyncio.gather(*writers, *sealers)
    await seal_all(engine, 7)

    assert await _counts(engine) == (200, 0, ())


@pytest.mark.parametrize(
    ("forgery", "found"),
    [
        ("UPDATE notifier.audit SET details = '{}' WHERE id = 12", Break(Fault.CHANGED, 2, 12, 11)),
        ("UPDATE notifier.audit SET actor = 'x' WHERE id = 11", Break(Fault.CHANGED, 2, 11)),
        ("DELETE FROM notifier.audit WHERE id = 15", Break(Fault.DELETED, 2, after_line=14)),
        ("DELETE FROM notifier.audit WHERE id = 20", Break(Fault.DELETED, 2, after_line=19)),
        (
            f"{PUT_IN} SELECT 99, xid, kind, actor, details FROM notifier.audit WHERE id = 12",
            Break(Fault.INSERTED, 3, 99),
        ),
        (
            f"{PUT_IN} SELECT -1, xid, kind, actor, details FROM notifier.audit WHERE id = 5",
            Break(Fault.INSERTED, 0, -1),
        ),
        ("UPDATE notifier.audit_block SET sealed_at = now() WHERE number = 2", Break(Fault.BLOCK_CHANGED, 2)),
        ("DELETE FROM notifier.audit_block WHERE number = 2", Break(Fault.BLOCK_MISSING, 2)),
    ],
)
async def test_what_was_changed_deleted_or_put_in_behind_the_triggers_is_found_and_named(
    engine: AsyncEngine, forgery: str, found: Break
) -> None:
    for start in (1, 11, 21):
        await write(engine, *(str(number) for number in range(start, start + (10 if start < 21 else 5))))
        await seal_all(engine)

    await forge(engine, forgery)

    assert (await verify(engine)).breaks[0] == found


async def test_a_chain_that_was_made_anew_does_not_hold_the_hash_that_was_kept_outside(engine: AsyncEngine) -> None:
    await write(engine, "a", "b")
    await seal_all(engine)
    kept = (await verify(engine)).head
    await forge(engine, "UPDATE notifier.audit SET details = '{}'")
    await forge(engine, "DELETE FROM notifier.audit_block")
    await seal_all(engine)

    assert (await verify(engine)).breaks == ()
    assert (await verify(engine, kept)).breaks == (Break(Fault.UNKNOWN_HASH, 1),)


@pytest.mark.parametrize("shift", [1_000_000_000_000, 40, -400])
async def test_a_chain_goes_on_after_a_dump_and_a_restore_into_a_server_that_counts_anew(
    engine: AsyncEngine, other_server: str, shift: int
) -> None:
    """The server of the dump has counted far more transactions than the other, some more, or fewer."""
    await write_elsewhere(engine, shift, "a", "b", "c", "d")
    await SqlAuditChain(engine, 3).seal()
    await write_elsewhere(engine, shift, "e", "f")
    await dump_and_restore(engine, other_server)
    restored = create_database(SecretStr(other_server), "test", pool_size=2)
    try:
        seen = [await verify(restored)]
        await write(restored, "g")
        seen.append(await verify(restored))
        sealed = [await SqlAuditChain(restored, 3).seal()]
        seen.append(await verify(restored))
        sealed.append(await seal_all(restored, 3))
        await write(restored, "h")
        sealed.append(await seal_all(restored, 3))
        seen.append(await verify(restored))
    finally:
        await restored.dispose()

    assert [(found.lines, found.unsealed, found.breaks) for found in seen] == [
        (3, 3, ()),
        (3, 4, ()),
        (6, 1, ()),
        (8, 0, ()),
    ]
    assert sealed == [3, 1, 1]


async def write_elsewhere(engine: AsyncEngine, shift: int, *words: str) -> None:
    """Write lines whose transactions have the numbers that another server gives."""
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        before = await connection.scalar(text("SELECT COALESCE(max(id), 0) FROM notifier.audit"))
        await insert_lines(connection, [AuditLine(AuditKind.ROUTED, json.dumps({"word": word})) for word in words])
        moved = text("UPDATE notifier.audit SET xid = xid + :shift WHERE id > :before")
        await connection.execute(moved, {"shift": shift, "before": before})


async def dump_and_restore(source: AsyncEngine, target: str) -> None:
    """Copy lines and blocks by COPY, as pg_dump and pg_restore do."""
    connection = await asyncpg.connect(target.replace("+asyncpg", ""))
    try:
        for table in ("audit", "audit_block"):
            async with source.connect() as dumped:
                found = await dumped.execute(text(f"SELECT * FROM notifier.{table}"))
                names, records = list(found.keys()), [tuple(row) for row in found]
            await connection.copy_records_to_table(table, schema_name="notifier", columns=names, records=records)
        await connection.execute("SELECT setval('notifier.audit_id_seq', (SELECT max(id) FROM notifier.audit))")
    finally:
        await connection.close()


async def _counts(engine: AsyncEngine) -> tuple[int, int, tuple[Break, ...]]:
    found: Verification = await verify(engine)
    return found.lines, found.unsealed, found.breaks


async def test_nothing_of_the_log_is_lost_by_a_kill_and_two_replicas_write_one_log(notifiers: Notifiers) -> None:
    """AM TestLogSnapshot, TestLogGC, TestStateMerge: what was told is known after a kill, once, whoever told it."""
    await notifiers.post.open()
    first = await notifiers.start()
    await notifiers.start()
    communes = [f"{code:05d}" for code in range(6190, 6226, 3)]
    await notifiers.tell(a_batch("m1", *(a_breach(number, unit=unit) for number, unit in enumerate(communes, 1))))
    await first.kill()
    await notifiers.start()
    await until(notifiers.is_quiet, timeout=60, what="everything told has come to its end")

    opened = await notifiers.rows("SELECT alert_id FROM notifier.audit WHERE kind = 'opened' ORDER BY alert_id")
    sent = await notifiers.rows("SELECT delivery_id FROM notifier.audit WHERE kind = 'sent' ORDER BY delivery_id")

    assert opened == [(f"{unit}:xa_ntm/15.1:female:1",) for unit in communes]
    assert sent == await notifiers.rows("SELECT id FROM notifier.delivery WHERE status = 'sent' ORDER BY id")
    await until(lambda: _is_sealed(notifiers.engine), timeout=30, what="the running notifiers seal all of it")
    assert (await verify(notifiers.engine)).breaks == ()


async def _is_sealed(engine: AsyncEngine) -> bool:
    return (await verify(engine)).unsealed == 0
