"""The writer of a partition: restores the engine, handles reports, and moves with the calendar.

Whatever the engine decides is committed in one transaction, or the engine is thrown away: it must never be ahead of the
store.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import structlog

from services.evaluator.domain.census import census
from services.evaluator.domain.engine import Engine
from services.evaluator.domain.outcome import Outcome
from services.evaluator.domain.ports import Step, VerdictStore
from services.evaluator.metrics import EvaluatorMetrics
from shared.catalog.catalog import Catalog
from shared.contracts.streams import MAX_EVENTS_PER_MESSAGE
from shared.contracts.wire import IndicatorReportedBatch, VerdictChangedBatch
from shared.runtime.clock import Clock
from shared.runtime.errors import LeaseLostError

_log = structlog.get_logger(__name__)


class Writer:
    """The one writer of a partition; it has an engine only while it holds the lease."""

    def __init__(
        self, catalog: Catalog, store: VerdictStore, clock: Clock, metrics: EvaluatorMetrics, partition: int
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._partition = partition
        self._engine: Engine | None = None
        self._turn = asyncio.Lock()

    async def restore(self) -> None:
        """Build the engine from the store and commit how the verdicts differ as of today."""
        async with self._turn:
            await self._restore()

    def retire(self) -> None:
        """Forget the engine: another process may be the writer now."""
        self._engine = None

    async def on_indicator_reported(self, batches: Sequence[IndicatorReportedBatch]) -> int:
        """Apply the batches that are still to be handled, commit what follows, and return how many were done before."""
        async with self._turn, self._engine_step() as (engine, step):
            live = await step.claim([batch.message_id for batch in batches])
            reports = [report for batch in batches if batch.message_id in live for report in batch.events]
            wanted = engine.needs_history(reports)
            if wanted:
                slots = engine.slots.slots
                keys = [(unit, slots[slot].indicator, slots[slot].cell) for unit, slot in wanted]
                engine.open_history(wanted, await step.histories(keys))
            outcome = engine.apply(reports, self._clock.now())
            await _write(step, outcome, self._partition)
        self._report(outcome)
        self._metrics.reports.inc(len(reports))
        return len(batches) - len(live)

    async def on_tick(self) -> None:
        """Move to today when the date has changed, and refresh the figures of the whole."""
        async with self._turn:
            today = self._clock.today()
            if self._engine is not None and self._engine.as_of == today:
                self._metrics.show(census(self._engine), self._engine.rollups.counts)
                return
            async with self._engine_step() as (engine, step):
                now = self._clock.now()
                outcome = engine.advance(today, now)
                await _write(step, outcome, self._partition)
                await step.mark(today, self._catalog, now)
            self._report(outcome)
            _log.info("moved to another day", as_of=today.isoformat(), transitions=len(outcome.transitions))

    @asynccontextmanager
    async def _engine_step(self) -> AsyncIterator[tuple[Engine, Step]]:
        """Yield the engine and a transaction; on any failure the engine is dropped and restored before its next use."""
        if self._engine is None:
            await self._restore()
        engine, self._engine = self._engine, None
        if engine is None:
            raise LeaseLostError("This process is not the writer.")
        async with self._store.step() as step:
            yield engine, step
        self._engine = engine

    async def _restore(self) -> None:
        now, today = self._clock.now(), self._clock.today()
        async with self._store.step() as step:
            stored = await step.load({rule.indicator for rule in self._catalog.rules if rule.window is not None})
            engine = Engine(self._catalog, today, stored.last_transition + 1)
            changed = stored.rules is not None and stored.rules != self._catalog.rules_digest
            outcome = engine.restore(stored.facts, stored.verdicts, now, rollups=stored.rollups, rules_changed=changed)
            await _write(step, outcome, self._partition)
            await step.mark(today, self._catalog, now)
        self._engine = engine
        self._report(outcome)
        _log.info("engine restored", facts=len(stored.facts), transitions=len(outcome.transitions))

    def _report(self, outcome: Outcome) -> None:
        """Count what has been committed."""
        self._metrics.count(outcome)
        for report in outcome.unknown:
            _log.warning(
                "a journaled report has no place in this catalog, it stays in the journal",
                event_id=report.event_id,
                unit=report.unit,
                indicator=report.indicator,
            )


async def _write(step: Step, outcome: Outcome, partition: int) -> None:
    await step.save(outcome)
    await step.send(list(_messages(outcome, partition)))


def _messages(outcome: Outcome, partition: int) -> Iterator[VerdictChangedBatch]:
    changes = [transition.change for transition in outcome.transitions] + outcome.evidence
    for first in range(0, len(changes), MAX_EVENTS_PER_MESSAGE):
        chunk = tuple(changes[first : first + MAX_EVENTS_PER_MESSAGE])
        yield VerdictChangedBatch(message_id=uuid.uuid4().hex, partition=partition, changes=chunk)
