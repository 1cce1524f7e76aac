"""A notifier in this process on a real database, at the time of a clock that stands still."""

import datetime as dt
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.alert_store import SqlAlertStore
from services.notifier.adapters.course_store import SqlCourses
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.ports import Pace
from services.notifier.domain.retry import Backoff
from services.notifier.handlers.drafting import Drafter
from services.notifier.handlers.gathering import Grouper
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.handlers.timekeeping import Timekeeper
from services.notifier.metrics import NotifierMetrics
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import Policies
from shared.contracts.wire import VerdictChanged
from shared.runtime import mailbox
from shared.testing.catalogs import shipped_at_once
from shared.testing.clocks import ManualClock
from shared.testing.notifying import Notifiers
from shared.testing.verdicts import a_batch

AT_ONCE = Windows(0, 0)


def urging_at_once() -> Catalog:
    """Return the shipped catalog with its deadlines, and nothing that holds news back."""
    shipped, at_once = load_catalog(SHIPPED), shipped_at_once()
    kept = {name: getattr(shipped.policies, name) for name in ("escalation", "superiors", "at_risk")}
    policies = Policies(**kept)
    return Catalog(**{name: getattr(at_once, name) for name in Catalog.model_fields} | {"policies": policies})


class Desk:
    """Keeper and timekeeper of one replica on a real database, at the time of a clock that stands still."""

    def __init__(self, engine: AsyncEngine, catalog: Catalog, clock: ManualClock) -> None:
        self.engine = engine
        self.clock = clock
        self.registry = CollectorRegistry()
        metrics = NotifierMetrics(self.registry)
        self.planner = planner = Planner(catalog, AT_ONCE)
        self.keeper = AlertKeeper(SqlAlertStore(engine), planner, metrics, clock)
        self.courses = SqlCourses(engine, planner.calendar)
        self.timekeeper = Timekeeper(self.courses, planner, metrics, clock)
        drafter = Drafter(catalog, TemplateRenderer(), clock, message_domain="x.example", detailed_items=20)
        outbox = SqlOutbox(engine, "test", 60, Backoff())
        self.grouper = Grouper(outbox, drafter, Pace(0), items_per_message=2_000)

    async def tell(self, *changes: VerdictChanged) -> None:
        batch = a_batch(f"m{changes[0].unit}{changes[0].node}{changes[0].sequence}", *changes)
        async with self.engine.begin() as connection:
            await mailbox.put(connection, Notifiers.copies(batch))
        await self.keeper.on_verdict_changed([batch])

    async def pass_time(self, until: dt.datetime) -> int:
        self.clock.set(until)
        return await self.timekeeper.fire_due()

    async def ledger(self, columns: str = "kind, status", where: str = "true") -> dict[tuple[Any, ...], int]:
        rows = await self.query(f"SELECT {columns}, count(*) FROM notifier.ledger WHERE {where} GROUP BY {columns}")
        return {tuple(row[:-1]): row[-1] for row in rows}

    async def query(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    async def send_due(self) -> list[str]:
        """Send what is due now, one message for each address; return the addresses."""
        while await self.grouper.group_due():
            pass
        statement = "UPDATE notifier.delivery SET status = 'sent' WHERE status = 'pending' RETURNING id, address"
        sent = await self.query(statement)
        await self.query("UPDATE notifier.ledger SET status = 'sent' WHERE status = 'grouped'")
        return sorted(address for _, address in sent)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"datchuan_notifier_{name}", labels)
