"""A notifier in one process without its loops: tells changes, groups what is due, seals and reports when told to."""

import datetime as dt

from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.alert_store import SqlAlertStore
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.ports import Pace
from services.notifier.domain.retry import Backoff
from services.notifier.handlers.drafting import Drafter
from services.notifier.handlers.gathering import Grouper
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.metrics import NotifierMetrics
from shared.catalog.catalog import Catalog
from shared.contracts.wire import VerdictChanged
from shared.runtime import mailbox
from shared.testing.catalogs import shipped_at_once
from shared.testing.clocks import ManualClock
from shared.testing.notifying import Notifiers
from shared.testing.verdicts import MORNING, a_batch


class Office:
    """Everything that an alert passes on its way to a message, on one database."""

    def __init__(self, engine: AsyncEngine, catalog: Catalog | None = None, clock: ManualClock | None = None) -> None:
        self.engine = engine
        self.catalog = catalog or shipped_at_once()
        self.clock = clock or ManualClock(MORNING + dt.timedelta(hours=1))
        self.metrics = NotifierMetrics(CollectorRegistry())
        self.outbox = SqlOutbox(engine, "a", 60, Backoff(first_seconds=0.001, attempts=3))
        self.planner = Planner(self.catalog, Windows(0, 0))
        self._told = 0

    async def tell(self, *changes: VerdictChanged) -> None:
        """Let the notifier decide about changes, as a new process does."""
        self._told += 1
        batch = a_batch(f"m{self._told}", *changes)
        async with self.engine.begin() as connection:
            await mailbox.put(connection, Notifiers.copies(batch))
        keeper = AlertKeeper(SqlAlertStore(self.engine), self.planner, self.metrics, self.clock)
        await keeper.on_verdict_changed([batch])

    async def tell_as_if_unknown(self, *changes: VerdictChanged) -> None:
        """Let the notifier decide about changes of which it has forgotten all but what it has told."""
        async with self.engine.begin() as connection:
            await connection.execute(text("DELETE FROM notifier.node_mark"))
            await connection.execute(text("DELETE FROM notifier.alert"))
        await self.tell(*changes)

    async def group(self, pace: Pace | None = None, items_per_message: int = 100) -> int:
        """Turn what is due into messages; return how many."""
        drafter = Drafter(
            self.catalog, TemplateRenderer(), self.clock, message_domain="langson.example", detailed_items=20
        )
        grouper = Grouper(self.outbox, drafter, pace or Pace(window_seconds=5), items_per_message=items_per_message)
        return await grouper.group_due()
