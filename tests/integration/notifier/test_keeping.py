import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters import queries
from services.notifier.adapters.alert_store import SqlAlertStore
from services.notifier.domain.alerts import Evidence
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.metrics import NotifierMetrics
from shared.contracts.vocabulary import AlertKind, NodeKind, VerdictStatus
from shared.contracts.wire import VerdictChanged, VerdictChangedBatch
from shared.runtime import mailbox
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.testing.catalogs import shipped_at_once
from shared.testing.notifying import Notifiers
from shared.testing.verdicts import a_batch, a_breach, a_cell, a_change, a_recovery, a_silent_cell

pytestmark = pytest.mark.integration


class Desk:
    """The keeper of alerts on a real database, told changes one message after the other."""

    def __init__(self, engine: AsyncEngine, windows: Windows) -> None:
        self.engine = engine
        self.registry = CollectorRegistry()
        self.keeper = AlertKeeper(
            SqlAlertStore(engine), Planner(shipped_at_once(), windows), NotifierMetrics(self.registry), SystemClock()
        )
        self._messages = 0

    async def put(self, *changes: VerdictChanged) -> VerdictChangedBatch:
        self._messages += 1
        batch = a_batch(f"m{self._messages}", *changes)
        async with self.engine.begin() as connection:
            await mailbox.put(connection, Notifiers.copies(batch))
        return batch

    async def tell(self, *changes: VerdictChanged) -> None:
        await self.keeper.on_verdict_changed([await self.put(*changes)])

    async def ledger(self, columns: str = "kind, status") -> list[tuple[Any, ...]]:
        statement = f"SELECT {columns}, count(*) FROM notifier.ledger GROUP BY {columns} ORDER BY {columns}"
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"datchuan_notifier_{name}", labels)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    url = SecretStr(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    engine = create_database(url, "test", pool_size=10)
    yield engine
    await engine.dispose()


@pytest.fixture
def desk(engine: AsyncEngine) -> Desk:
    return Desk(engine, Windows())


async def test_alerts_and_entries_are_written_with_the_claim_of_the_message(desk: Desk) -> None:
    batch = await desk.put(a_breach())

    assert await desk.keeper.on_verdict_changed([batch]) == 0
    assert await desk.keeper.on_verdict_changed([batch]) == 1
    assert await desk.ledger() == [("opened", "waiting", 4)]
    assert desk.metric("alerts_total", action="opened") == 1


async def test_the_evidence_of_an_open_alert_is_the_newest(desk: Desk) -> None:
    await desk.tell(a_breach())
    await desk.tell(a_change(5, a_cell("male", 1200, 1250), a_cell("female", 1000)))

    (alert,) = await queries.open_alerts(desk.engine, unit="06208")

    finding = alert.evidence.finding("female")
    assert finding is not None
    assert (finding.numerator, alert.revision, alert.occurrence) == (1000, 1, 1)


async def test_an_alert_survives_the_way_into_the_database_and_back(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.tell(a_recovery(2))
    await desk.tell(a_breach(3))

    (alert,) = await queries.open_alerts(desk.engine)
    story = await queries.story(desk.engine, "06208:xa_ntm/15.1:female:1")

    assert alert.id == "06208:xa_ntm/15.1:female:2"
    assert alert.evidence == Evidence.of(a_breach(3))
    assert story is not None
    assert not story.alert.is_open
    assert [(line.kind, line.status) for line in story.lines] == [("opened", "waiting")] * 4 + [
        ("resolved", "waiting")
    ] * 4


async def test_an_alert_that_is_closed_is_recorded_for_everyone_and_mailed_to_nobody(desk: Desk) -> None:
    await desk.tell(a_breach(1))

    await desk.tell(a_change(2, to=VerdictStatus.NOT_APPLICABLE))

    assert await desk.ledger() == [("closed", "recorded", 4), ("opened", "superseded", 4)]
    assert await desk.ledger("kind, reason") == [("closed", "not_applicable", 4), ("opened", None, 4)]


async def test_data_that_is_lost_and_found_before_the_mail_brings_none(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.tell(a_change(2, a_cell("male", 1200, 1250), a_silent_cell("female"), from_status=VerdictStatus.NOT_MET))
    assert ("data_lost", "waiting", 4) in await desk.ledger()

    await desk.tell(a_breach(3))

    assert await desk.ledger() == [("data_lost", "superseded", 4), ("opened", "waiting", 4)]
    (alert,) = await queries.open_alerts(desk.engine)
    assert alert.kind is AlertKind.BREACH


async def test_a_recovery_waits_no_longer_than_the_breach_it_ends(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.tell(a_recovery(2))

    async with desk.engine.connect() as connection:
        moments = await connection.scalar(text("SELECT count(DISTINCT due_at) FROM notifier.ledger"))

    assert moments == 1


async def test_news_without_a_dispatch_is_in_the_ledger_and_in_the_metrics(desk: Desk) -> None:
    await desk.tell(a_breach(as_of=dt.date(2026, 1, 15)))

    counts = await queries.ledger_counts(desk.engine)

    assert (counts.alerts_open, counts.unroutable, counts.waiting) == (1, 1, 0)
    assert desk.metric("unroutable_total", reason="no_dispatch") == 1


async def test_changes_of_roll_ups_are_logged_once(desk: Desk) -> None:
    changes = [
        a_change(1, to=VerdictStatus.NOT_MET, node="xa_ntm/15", node_kind=NodeKind.CRITERION),
        a_change(2, to=VerdictStatus.NOT_MET, node="xa_ntm", node_kind=NodeKind.STANDARD),
    ]

    await desk.tell(*changes)
    await desk.tell(*changes)

    async with desk.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM notifier.rollup_change")) == 2
    assert await desk.ledger() == [("rollup", "waiting", 1)]


async def test_a_burst_costs_a_fixed_number_of_statements(desk: Desk) -> None:
    units = [unit.id for unit in shipped_at_once().units if unit.parent == "183"]
    nodes = ["xa_ntm/15.1", "xa_ntm_nang_cao/14.1"]
    changes = [a_breach(number, unit=unit, node=node) for number, (unit, node) in enumerate(pairs(units, nodes), 1)]
    batch = await desk.put(*changes)
    statements: list[str] = []

    @event.listens_for(desk.engine.sync_engine, "before_cursor_execute")
    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    await desk.keeper.on_verdict_changed([batch])

    assert len(await queries.open_alerts(desk.engine)) == len(changes)
    assert len(statements) <= 10


def pairs(units: list[str], nodes: list[str]) -> list[tuple[str, str]]:
    return [(unit, node) for unit in units for node in nodes]


async def test_replicas_that_get_a_breach_and_its_end_at_once_agree_with_one_another(engine: AsyncEngine) -> None:
    first, second = Desk(engine, Windows()), Desk(engine, Windows())
    breaches = [await first.put(a_breach(n, unit=f"{code:05d}")) for n, code in enumerate(range(6190, 6227, 3), 1)]
    second._messages = 1_000
    ends = [await second.put(a_recovery(100 + n, unit=f"{code:05d}")) for n, code in enumerate(range(6190, 6227, 3), 1)]

    await asyncio.gather(
        *(first.keeper.on_verdict_changed([batch]) for batch in breaches),
        *(second.keeper.on_verdict_changed([batch]) for batch in reversed(ends)),
    )

    counts = await queries.ledger_counts(engine)
    assert (counts.alerts, counts.alerts_open) == (len(breaches), 0)
    assert await first.ledger("kind") == [("opened", 4 * len(breaches)), ("resolved", 4 * len(breaches))]
