"""The writer of a partition: restores the engine, handles reports, and moves with the calendar.

Whatever the engine decides is committed in one transaction, or the engine is thrown away: it must never be ahead of the
store. Facts alone are written later, and the messages they came in are kept until they are (see `domain/behind.py`).

One batch is prepared (judged and encoded) while the one before it is committed. Whoever prepares holds the first of two
locks until it has the second one, which it holds until its commit: so batches are committed in the order of preparing.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from services.evaluator.domain.behind import Behind, BehindLimits
from services.evaluator.domain.census import census
from services.evaluator.domain.engine import Engine
from services.evaluator.domain.outcome import Outcome
from services.evaluator.domain.pages import Pages
from services.evaluator.domain.partition import Partition
from services.evaluator.domain.ports import Draft, Step, VerdictStore
from services.evaluator.metrics import EvaluatorMetrics
from shared.catalog.catalog import Catalog
from shared.contracts.wire import IndicatorReported, IndicatorReportedBatch
from shared.runtime.clock import Clock
from shared.runtime.errors import LeaseLostError, OtherLayoutError
from shared.runtime.faults import fault_point

_log = structlog.get_logger(__name__)

_MERGED_AT_ONCE = 50
"""Units whose pages of facts are merged in one transaction: no batch waits longer than for that."""


class _ChangedHandsError(Exception):
    """A batch that was judged in advance holds messages that somebody has handled already."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A batch that `engine` has judged and nobody has committed."""

    engine: Engine
    messages: Sequence[str]
    reports: Sequence[IndicatorReported]
    outcome: Outcome
    draft: Draft


class Writer:
    """The one writer of a partition; it has an engine only while it holds the lease."""

    def __init__(
        self,
        catalog: Catalog,
        store: VerdictStore,
        clock: Clock,
        metrics: EvaluatorMetrics,
        limits: BehindLimits,
        partition: Partition,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._limits = limits
        self.partition = partition
        self._units = [unit.id for unit in catalog.units if partition.owns(unit.id)]
        self._behind, self._pages = Behind(limits), Pages()
        self._engine: Engine | None = None
        # What was read before this writer took over may be handled already: until a batch is all new, claim first.
        self._claims_first = True
        self._last_step = 0.0
        self._preparing, self._committing = asyncio.Lock(), asyncio.Lock()

    async def restore(self) -> None:
        """Build the engine from the store and commit how the verdicts differ as of today."""
        async with self._preparing, self._committing:
            await self._restore()

    def retire(self) -> None:
        """Forget everything: another process may be the writer now."""
        self._engine = None
        self._metrics.hide(self.partition.number)
        self._behind, self._pages = Behind(self._limits), Pages()

    async def on_indicator_reported(self, batches: Sequence[IndicatorReportedBatch]) -> int:
        """Apply the batches that are still to be handled, commit what follows, and return how many were done before."""
        while True:
            async with self._preparing:
                prepared = self._prepare(batches)
                if prepared is None:
                    async with self._committing:
                        return await self._claim_and_apply(batches)
                try:
                    await self._committing.acquire()
                except BaseException:
                    self._engine = None  # it has judged what will never be committed
                    raise
            try:
                if prepared.engine is self._engine:
                    await self._commit(prepared)
                    return len(batches) - len(prepared.messages)
            except _ChangedHandsError:
                _log.warning("a message came again long after it was handled, the engine is restored")
            finally:
                self._committing.release()
            # The engine that judged this batch is gone, with what it judged: the next one judges it again.

    def _prepare(self, batches: Sequence[IndicatorReportedBatch]) -> _Prepared | None:
        """Judge a batch before it is claimed; None when it needs the store or is likely not all new."""
        engine = self._engine
        if engine is None or self._claims_first:
            return None
        new = [batch for batch in batches if batch.message_id not in self._behind]
        reports = [report for batch in new for report in batch.events]
        if engine.needs_history(reports):
            return None
        try:
            outcome = self._apply(engine, reports)
            return _Prepared(engine, [b.message_id for b in new], reports, outcome, self._store.draft(outcome))
        except BaseException:
            self._engine = None  # whoever was judged upon it finds that it is gone
            raise

    def _apply(self, engine: Engine, reports: Sequence[IndicatorReported]) -> Outcome:
        outcome = engine.apply(reports, self._clock.now())
        for report in outcome.unknown:
            if report.unit in self._catalog.unit_by_id and not self.partition.owns(report.unit):
                raise OtherLayoutError(
                    f"A report of {report.unit} came to partition {self.partition.number} of {self.partition.of}, "
                    "where it does not belong: DATCHUAN_PARTITIONS must be the same for all services."
                )
        return outcome

    async def _commit(self, prepared: _Prepared) -> None:
        async with self._step() as (_, step):
            live = await step.write(prepared.draft, prepared.messages)
            if len(live) < len(prepared.messages):
                # A report that is applied twice changes nothing, but the engine may have seen these for the first time.
                raise _ChangedHandsError
            fault_point("evaluator.before_commit")
        await self._committed(prepared.messages, prepared.reports, prepared.outcome)

    async def _claim_and_apply(self, batches: Sequence[IndicatorReportedBatch]) -> int:
        """Handle a batch step by step in one transaction: what is claimed is new, and histories can be read."""
        async with self._step() as (engine, step):
            live = await step.claim([batch.message_id for batch in batches])
            reports = [report for batch in batches if batch.message_id in live for report in batch.events]
            await self._open_histories(engine, step, reports)
            outcome = self._apply(engine, reports)
            await step.write(self._store.draft(outcome))
            fault_point("evaluator.before_commit")
        self._claims_first = len(live) < len(batches)
        await self._committed(sorted(live), reports, outcome)
        return len(batches) - len(live)

    async def _open_histories(self, engine: Engine, step: Step, reports: Sequence[IndicatorReported]) -> None:
        wanted = engine.needs_history(reports)
        if wanted:
            slots = engine.slots.slots
            keys = [(unit, slots[slot].indicator, slots[slot].cell) for unit, slot in wanted]
            engine.open_history(wanted, [*await step.histories(keys), *self._behind.of(keys)])

    async def _committed(self, messages: Sequence[str], reports: Sequence[IndicatorReported], outcome: Outcome) -> None:
        """Count what has been committed and owe its facts; pay at once what exceeds the limit."""
        self._last_step = _now()
        if messages:
            self._behind.add(messages, reports, self._last_step)
        self._report(outcome)
        self._metrics.reports.inc(len(reports))
        self._metrics.facts_behind.labels(str(self.partition.number)).set(len(self._behind))
        while self._behind.is_over:
            await self._write_chunk()

    # -- facts behind ------------------------------------------------------------------------------------------------

    async def catch_up(self) -> None:
        """Write the facts that have waited for long, or all when no reports come; then merge pages where it is time."""
        while self._engine is not None and self._behind.is_due(_now(), self._last_step):
            async with self._committing:  # let go after each chunk, so that a batch need not wait for all
                await self._write_chunk()
        while self._engine is not None and (units := self._pages_to_merge()):
            async with self._committing:
                async with self._store.step() as step:
                    await step.merge_pages(units)
                self._pages.merged(units)

    def _pages_to_merge(self) -> list[str]:
        return self._pages.due(_MERGED_AT_ONCE, idle=self._behind.is_idle(_now(), self._last_step))

    async def settle(self) -> None:
        """Write all facts, so that the next writer starts with the stored ones alone."""
        async with self._committing:
            while self._engine is not None and not self._behind.is_empty:
                await self._write_chunk()

    async def _write_chunk(self) -> None:
        chunk = self._behind.next()
        async with self._store.step() as step:
            await step.write_behind(chunk)
            fault_point("evaluator.before_flush")
        fault_point("evaluator.after_flush")
        self._behind.written(chunk)
        self._pages.add(chunk.pages)
        self._metrics.facts_behind.labels(str(self.partition.number)).set(len(self._behind))

    # -- the calendar, and starting over -----------------------------------------------------------------------------

    async def on_tick(self) -> None:
        """Move to today when the date has changed, and refresh the figures of the whole."""
        async with self._preparing, self._committing:
            today = self._clock.today()
            if self._engine is not None and self._engine.as_of == today:
                self._metrics.show(self.partition.number, census(self._engine), self._engine.rollups.counts)
                return
            async with self._step() as (engine, step):
                now = self._clock.now()
                outcome = engine.advance(today, now)
                await step.write(self._store.draft(outcome))
                await step.mark(today, self._catalog, now)
            self._report(outcome)
            _log.info("moved to another day", as_of=today.isoformat(), transitions=len(outcome.transitions))

    @asynccontextmanager
    async def _step(self) -> AsyncIterator[tuple[Engine, Step]]:
        """Yield the engine and a transaction; on any failure the engine is dropped and restored before its next use."""
        if self._engine is None:
            await self._restore()
        engine = self._engine
        if engine is None:
            raise LeaseLostError("This process is not the writer.")
        try:
            async with self._store.step() as step:
                yield engine, step
        except BaseException:
            self._engine = None
            raise

    async def _restore(self) -> None:
        now, today = self._clock.now(), self._clock.today()
        self._claims_first, self._behind = True, Behind(self._limits)
        async with self._store.step() as step:
            windowed = {rule.indicator for rule in self._catalog.rules if rule.window is not None}
            stored = await step.load(self._units, windowed)
            kept = [report for batch in stored.kept for report in batch.events]
            engine = Engine(self._catalog, today, stored.last_transition + 1, self.partition)
            changed = stored.rules is not None and stored.rules != self._catalog.rules_digest
            facts = [*stored.facts, *kept]
            outcome = engine.restore(facts, stored.verdicts, now, rollups=stored.rollups, rules_changed=changed)
            fault_point("evaluator.during_restore")
            await step.write(self._store.draft(outcome))
            await step.mark(today, self._catalog, now)
        self._behind.add([batch.message_id for batch in stored.kept], kept, _now())
        self._pages = Pages(stored.pages)
        self._engine = engine
        self._report(outcome)
        _log.info("engine restored", facts=len(facts), kept=len(kept), transitions=len(outcome.transitions))

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


def _now() -> float:
    return asyncio.get_running_loop().time()
