"""Changes become alerts, ledger entries and courses, in one transaction per read."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from services.notifier.domain.alerts import AlertAction
from services.notifier.domain.book import Book, Outcome
from services.notifier.domain.ledger import LedgerStatus, UnroutableReason
from services.notifier.domain.limits import Limits
from services.notifier.domain.momentary import without_momentary_gaps
from services.notifier.domain.planning import Plan, Planner
from services.notifier.domain.ports import AlertStore, ToldBeforeError
from services.notifier.metrics import NotifierMetrics
from shared.contracts.wire import VerdictChangedBatch
from shared.runtime.clock import Clock
from shared.runtime.faults import fault_point


class AlertKeeper:
    """Turns verdict changes into alerts and ledger entries, in one transaction per read.

    What it has read or decided about a chỉ tiêu it remembers for as long as nobody else decides. Reads of several
    partitions take turns. `tell_due` is told in how many seconds entries will be due.
    """

    def __init__(
        self,
        store: AlertStore,
        planner: Planner,
        metrics: NotifierMetrics,
        clock: Clock,
        *,
        tell_due: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._store = store
        self._planner = planner
        self._metrics = metrics
        self._clock = clock
        self._tell_due = tell_due
        self._book = Book(Limits.of(planner.catalog))
        self._deciding = asyncio.Lock()

    async def on_verdict_changed(self, batches: Sequence[VerdictChangedBatch]) -> int:
        """Handle the batches that were not handled before; return how many had been."""
        async with self._deciding:
            try:
                fresh, outcome, plan = await self._decide(batches, told_before=False)
            except ToldBeforeError:
                fresh, outcome, plan = await self._decide(batches, told_before=True)
        fault_point("notifier.after_commit")
        # What is held is due in hours: the loop that looks now and then finds it.
        for seconds in {e.wait_seconds for e in plan.entries if e.status is LedgerStatus.WAITING and not e.held_for}:
            self._tell_due(seconds)
        self._count(outcome, plan)
        return len(batches) - fresh

    async def _decide(self, batches: Sequence[VerdictChangedBatch], *, told_before: bool) -> tuple[int, Outcome, Plan]:
        try:
            async with self._store.transaction() as transaction:
                now = self._clock.now()  # that of the turn, from which the waits are counted, however long it takes
                if not transaction.follows_own:
                    self._book.forget()
                fresh = await transaction.claim([batch.message_id for batch in batches])
                unique = {batch.message_id: batch for batch in batches if batch.message_id in fresh}
                changes = without_momentary_gaps(change for batch in unique.values() for change in batch.changes)
                unknown = self._book.unknown(changes)
                self._book.learn(unknown, *await transaction.standing(unknown))
                outcome = self._book.apply(changes)
                ended = [step.alert.id for step in outcome.steps if step.action is AlertAction.RESOLVED]
                told = await transaction.urged(ended)
                plan = self._planner.plan(outcome.steps, outcome.rollups, now, transaction.silences, told)
                await (transaction.save_again if told_before else transaction.save)(outcome, plan)
                fault_point("notifier.before_commit")
        except BaseException:
            self._book.forget()  # what it remembers of this was not stored
            raise
        self._book.shrink()
        return len(unique), outcome, plan

    def _count(self, outcome: Outcome, plan: Plan) -> None:
        self._metrics.count_steps(outcome.steps)
        for node_kind, amount in Counter(change.node_kind for change in outcome.rollups).items():
            self._metrics.rollup_changes.labels(node_kind).inc(amount)
        for reason, amount in Counter(entry.reason for entry in plan.entries if entry.reason).items():
            self._metrics.unroutable.labels(reason).inc(amount)
        self._metrics.unroutable.labels(UnroutableReason.NO_LEAD).inc(plan.no_lead)
