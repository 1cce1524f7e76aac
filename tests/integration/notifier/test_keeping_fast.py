"""The cheap way of storing and remembering leads to the same tables as the plain one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.alert_store import SqlAlertStore, SqlAlertTransaction
from services.notifier.domain.book import Outcome
from services.notifier.domain.ledger import Entry
from services.notifier.domain.planning import Plan, Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.ports import AlertStore
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.metrics import NotifierMetrics
from shared.contracts.vocabulary import Cause, ChangeKind, NodeKind, NoticeKind, VerdictStatus
from shared.contracts.wire import VerdictChanged, VerdictChangedBatch
from shared.runtime import mailbox
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.testing.notifying import Notifiers
from shared.testing.verdicts import MORNING, a_batch, a_breach, a_cell, a_change, a_recovery, a_silent_cell
from tests.integration.notifier.desk import urging_at_once

pytestmark = pytest.mark.integration

CATALOG = urging_at_once()
UNITS = ("06208", "06211", "06190", "of no catalog")
NODES = ("xa_ntm/15.1", "xa_ntm/17.10", "xa_ntm_nang_cao/14.1")
TABLES = {
    "alert": "SELECT id, opened_as, kind, opened_at, opened_cause, revision, breaches, evidence::jsonb::text, ended_at,"
    " end_reason, end_cause, openings, flapping FROM notifier.alert ORDER BY id",
    "course": "SELECT alert_id, plan, position, state FROM notifier.course ORDER BY alert_id",
    "mark": "SELECT * FROM notifier.node_mark ORDER BY unit, node",
    "rollup": "SELECT * FROM notifier.rollup_change ORDER BY unit, node, sequence",
    "ledger": "SELECT subject, kind, alert_id, unit, node, cell, as_of, cause, sequence, responsible_unit, role,"
    " channel, address, dispatch, clauses, gap_vi, no_address_units, status, reason FROM notifier.ledger"
    " ORDER BY subject, kind, responsible_unit, role, channel, address",
}


class PlainTransaction(SqlAlertTransaction):
    """Stores everything as if it could have been stored before."""

    async def save(self, outcome: Outcome, plan: Plan) -> None:
        await self.save_again(outcome, plan)


class PlainStore(SqlAlertStore):
    """Lets nothing be remembered from one transaction to the next."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlAlertTransaction]:
        async with super().transaction() as fast:
            yield PlainTransaction(fast._connection, fast._driver, fast._now, follows_own=False)


class FailingOnce(Planner):
    """Fails at its first plan, after everything was decided."""

    failed = False

    def plan(self, *args: Any) -> Plan:
        if not FailingOnce.failed:
            FailingOnce.failed = True
            raise RuntimeError("the plan fails")
        return super().plan(*args)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "test", pool_size=3)
    yield engine
    await engine.dispose()


def keeper(store: AlertStore, planner: Planner | None = None) -> AlertKeeper:
    return AlertKeeper(
        store, planner or Planner(CATALOG, Windows()), NotifierMetrics(CollectorRegistry()), SystemClock()
    )


async def tell(engine: AsyncEngine, told: AlertKeeper, *batches: VerdictChangedBatch) -> None:
    async with engine.begin() as connection:
        await mailbox.put(connection, Notifiers.copies(*batches))
    await told.on_verdict_changed(batches)


async def stored(engine: AsyncEngine) -> dict[str, list[tuple[Any, ...]]]:
    async with engine.connect() as connection:
        return {
            name: [tuple(row) for row in await connection.execute(text(statement))]
            for name, statement in TABLES.items()
        }


async def empty(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text("TRUNCATE notifier.alert, notifier.node_mark, notifier.rollup_change, notifier.ledger, notifier.turn")
        )


def finding(random: Random, cell: str) -> Any:
    kind = random.choice(("met", "low", "silent"))
    return (
        a_silent_cell(cell) if kind == "silent" else a_cell(cell, 1250 if kind == "met" else random.randint(800, 900))
    )


def a_story(random: Random, length: int) -> list[VerdictChanged]:
    """Return changes of several chỉ tiêu and roll-ups of several units, a few of them out of order."""
    changes = []
    for sequence in range(1, length + 1):
        known: dict[str, Any] = {"unit": random.choice(UNITS), "cause": random.choice(tuple(Cause))}
        if random.random() < 0.3:
            node, kind = random.choice((("xa_ntm/15", NodeKind.CRITERION), ("xa_ntm", NodeKind.STANDARD)))
            before, after = random.sample((VerdictStatus.MET, VerdictStatus.NOT_MET, VerdictStatus.NOT_EVALUABLE), 2)
            changes.append(a_change(sequence, node=node, node_kind=kind, from_status=before, to=after, **known))
            continue
        known |= {"node": random.choice(NODES), "from_status": random.choice(tuple(VerdictStatus))}
        if random.random() < 0.1:
            changes.append(a_change(sequence, to=VerdictStatus.NOT_APPLICABLE, **known))
            continue
        cells = (finding(random, "male"), finding(random, "female"))
        if random.random() < 0.2:
            known |= {"kind": ChangeKind.EVIDENCE, "occurred_at": a_change(sequence).occurred_at}
            changes.append(a_change(0, *cells, **known))
            continue
        changes.append(a_change(sequence, *cells, **known))
    for _ in range(length // 20):
        first, second = random.sample(range(length), 2)
        changes[first], changes[second] = changes[second], changes[first]
    return changes


def cut(random: Random, changes: list[VerdictChanged]) -> list[list[VerdictChangedBatch]]:
    """Return the reads in which the changes come: several messages each."""
    reads: list[list[VerdictChangedBatch]] = []
    number = 0
    while changes:
        read = []
        for _ in range(random.randint(1, 3)):
            size, number = random.randint(1, 40), number + 1
            read.append(a_batch(f"m{number}", *changes[:size]))
            changes = changes[size:]
        reads.append(read)
    return reads


@pytest.mark.parametrize("seed", range(6))
async def test_the_tables_are_the_same_as_by_the_plain_way(engine: AsyncEngine, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a test must repeat
    reads = cut(random, a_story(random, 400))

    fast = keeper(SqlAlertStore(engine))
    for read in reads:
        await tell(engine, fast, *read)
    found = await stored(engine)
    await empty(engine)
    plain = keeper(PlainStore(engine))
    for read in reads:
        await tell(engine, plain, *read)

    expected = await stored(engine)
    assert all(expected.values())
    assert found == expected


async def test_what_another_replica_has_decided_is_read_again(engine: AsyncEngine) -> None:
    first, second = keeper(SqlAlertStore(engine)), keeper(SqlAlertStore(engine))

    await tell(engine, first, a_batch("m1", a_breach(1)))
    await tell(engine, second, a_batch("m2", a_recovery(2)))
    await tell(engine, first, a_batch("m3", a_breach(3)))

    found = [(row[0], row[8] is None) for row in (await stored(engine))["alert"]]
    assert found == [("06208:xa_ntm/15.1:female:1", False), ("06208:xa_ntm/15.1:female:2", True)]


async def test_what_was_decided_and_not_stored_is_not_remembered(engine: AsyncEngine) -> None:
    FailingOnce.failed = False
    told = keeper(SqlAlertStore(engine), FailingOnce(CATALOG, Windows()))

    with pytest.raises(RuntimeError, match="the plan fails"):
        await tell(engine, told, a_batch("m1", a_breach(1)))
    assert await told.on_verdict_changed([a_batch("m1", a_breach(1))]) == 0

    tables = await stored(engine)
    assert [row[0] for row in tables["alert"]] == ["06208:xa_ntm/15.1:female:1"]
    assert len(tables["ledger"]) == 4


async def test_the_same_changes_in_another_message_tell_nobody_anything_new(engine: AsyncEngine) -> None:
    told = keeper(SqlAlertStore(engine))
    standard = a_change(2, to=VerdictStatus.NOT_MET, node="xa_ntm", node_kind=NodeKind.STANDARD)
    await tell(engine, told, a_batch("m1", a_breach(1), standard))
    before = await stored(engine)

    await tell(engine, told, a_batch("m2", a_breach(1), standard))

    assert await stored(engine) == before


async def test_two_partitions_may_number_their_changes_alike(engine: AsyncEngine) -> None:
    told = keeper(SqlAlertStore(engine))
    standard: dict[str, Any] = {"to": VerdictStatus.NOT_MET, "node": "xa_ntm", "node_kind": NodeKind.STANDARD}

    await tell(
        engine,
        told,
        a_batch("m1", a_change(7, unit="06208", **standard)),
        a_batch("m2", a_change(7, unit="06211", **standard), partition=1),
    )

    tables = await stored(engine)
    assert [(row[0], row[3]) for row in tables["rollup"]] == [("06208", 7), ("06211", 7)]
    assert [row[0] for row in tables["ledger"]] == ["rollup:06208:xa_ntm:7", "rollup:06211:xa_ntm:7"]


async def test_words_reach_the_ledger_as_they_are_written_in_the_catalog(engine: AsyncEngine) -> None:
    gap_vi, clauses, units = 'dòng 1\r\ndòng 2\t\\N "ba"', ('c"1"', "c\\2", "{c,3}\n", ""), ("null", "-")
    address = "\\.@example.vn"
    entry = Entry(
        subject="s",
        kind=NoticeKind.OPENED,
        alert_id=None,
        unit="u",
        node="n",
        cell="",
        as_of=MORNING.date(),
        cause=Cause.DATA,
        sequence=1,
        wait_seconds=0,
        address=address,
        clauses=clauses,
        gap_vi=gap_vi,
        no_address_units=units,
    )

    async with SqlAlertStore(engine).transaction() as transaction:
        await transaction.save(Outcome(), Plan([entry], no_lead=0))

    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT * FROM notifier.ledger"))).mappings().one()
    assert (row["address"], row["gap_vi"], row["cell"], row["alert_id"]) == (address, gap_vi, "", None)
    assert (tuple(row["clauses"]), tuple(row["no_address_units"])) == (clauses, units)
