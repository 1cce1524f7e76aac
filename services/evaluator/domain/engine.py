"""The incremental engine: reports in, changes out. A report re-judges only what hangs on it.

All state is in memory and belongs to one writer. If what a step returned could not be committed, the engine is ahead of
the store and must be thrown away and restored.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from services.evaluator.domain.facts import History, Measure, is_plain, stamp
from services.evaluator.domain.findings import NO_DATA, RULE_ENDED, UNIT_ENDED
from services.evaluator.domain.outcome import Outcome, RollupCounts, StoredVerdict
from services.evaluator.domain.plan import Node, Plan, PlanKey, compile_plan
from services.evaluator.domain.recorder import Recorder, Why
from services.evaluator.domain.rollups import Rollups
from services.evaluator.domain.slots import slot_table
from services.evaluator.domain.state import UnitState
from shared.catalog.catalog import Catalog
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Cause, NodeKind, VerdictStatus
from shared.contracts.wire import IndicatorReported

NO_PLAN = Plan((), (), {})


class Engine:
    """Facts in memory and the verdicts they make, for all units of a catalog, as of one day."""

    def __init__(self, catalog: Catalog, as_of: dt.date, next_transition: int = 1) -> None:
        self.catalog = catalog
        self.as_of = as_of
        self.slots = slot_table(catalog)
        self.rollups = Rollups()
        self._next_transition = next_transition
        self._plans: dict[PlanKey, Plan] = {}
        windowed = _windowed_slots(self)
        self.units = {
            unit.id: UnitState(
                id=unit.id,
                above=tuple(place.id for place in catalog.ancestors(unit)),
                plan=NO_PLAN,
                cells=[None] * len(self.slots.slots),
                histories={slot: History() for slot in windowed},
            )
            for unit in catalog.units
        }

    # -- restoring ---------------------------------------------------------------------------------------------------

    def restore(
        self,
        facts: Sequence[IndicatorReported],
        verdicts: Mapping[tuple[str, str], StoredVerdict],
        now: dt.datetime,
        *,
        catalog_changed: bool = False,
    ) -> Outcome:
        """Load facts (of plain cells at least the newest, of others all) and return how the store's verdicts differ.

        On a store that was left in order the outcome is empty. A verdict that the store does not have yet is born
        silently when there is no data; with data it is a transition caused by the rules.
        """
        self.open_history(self.needs_history(facts), facts)
        recorder = self._recorder(now)
        by_unit: dict[str, dict[str, StoredVerdict]] = {}
        for (unit_id, node), verdict in verdicts.items():
            by_unit.setdefault(unit_id, {})[node] = verdict
        for unit in self.units.values():
            self._replan(unit, by_unit.get(unit.id, {}), recorder, catalog_changed=catalog_changed)
        recorder.outcome.rollups.update(self.rollups.counts)
        return self._finish(recorder)

    def needs_history(self, reports: Iterable[IndicatorReported]) -> set[tuple[str, int]]:
        """Return the (unit, slot) pairs whose other periods and parts must be opened before `apply` sees `reports`."""
        wanted: set[tuple[str, int]] = set()
        for report in reports:
            if is_plain(report) or (unit := self.units.get(report.unit)) is None:
                continue
            slot = self.slots.number(report)
            if slot is not None and slot not in unit.histories:
                wanted.add((report.unit, slot))
        return wanted

    def open_history(self, wanted: Iterable[tuple[str, int]], facts: Iterable[IndicatorReported]) -> None:
        """Give slots their whole history, from all stored reports of theirs."""
        for unit_id, slot in wanted:
            self.units[unit_id].histories[slot] = History()
        for report in facts:
            place, number = self.units.get(report.unit), self.slots.number(report)
            if place is not None and number is not None:
                _put(place, number, report)

    # -- stepping ----------------------------------------------------------------------------------------------------

    def apply(self, reports: Sequence[IndicatorReported], now: dt.datetime) -> Outcome:
        """Take reports in, in their order, and return everything that changed."""
        recorder = self._recorder(now)
        outcome = recorder.outcome
        moved: dict[tuple[str, int], IndicatorReported] = {}
        for report in reports:
            unit = self.units.get(report.unit)
            slot = self.slots.number(report)
            if unit is None or slot is None:
                outcome.unknown.append(report)
                continue
            outcome.keep(report)
            before = unit.cells[slot]
            if not _put(unit, slot, report) or not unit.findings:
                continue
            for position in unit.plan.readers[slot]:
                if self._rejudge(unit, position, recorder, (report, slot, before)):
                    moved.pop((unit.id, position), None)
                elif unit.findings[position].status is VerdictStatus.NOT_MET:
                    moved[unit.id, position] = report
        for (unit_id, position), report in moved.items():
            recorder.evidence(self.units[unit_id], position, report)
        return self._finish(recorder)

    def advance(self, as_of: dt.date, now: dt.datetime) -> Outcome:
        """Move to another day: rules start and end, certificates expire, windows roll over."""
        first, last = sorted((self.as_of, as_of))
        new_rules = any(first < day <= last for day in self.catalog.rule_boundaries)
        self.as_of = as_of
        recorder = self._recorder(now)
        if new_rules:
            self._plans.clear()
            gone = dict.fromkeys(self.rollups.counts, RollupCounts())
            self.rollups = Rollups()
            for unit in self.units.values():
                self._replan(unit, _as_stored(unit, now), recorder)
            recorder.outcome.rollups.update(gone | self.rollups.counts)
            return self._finish(recorder)
        for unit in self.units.values():
            for position, node in enumerate(unit.plan.nodes):
                if node.leaf is not None and node.leaf.timed:
                    self._rejudge(unit, position, recorder)
        return self._finish(recorder)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _recorder(self, now: dt.datetime) -> Recorder:
        return Recorder(self.catalog.digest, self._next_transition, self.as_of, now, Outcome())

    def _finish(self, recorder: Recorder) -> Outcome:
        self._next_transition = recorder.next_transition
        return recorder.outcome

    def _plan(self, unit: AdminUnit) -> Plan:
        if not unit.in_force(self.as_of):
            return NO_PLAN
        key = PlanKey.of(unit)
        if key not in self._plans:
            self._plans[key] = compile_plan(self.catalog, self.slots, key, self.as_of)
        return self._plans[key]

    def _replan(
        self,
        unit: UnitState,
        stored: Mapping[str, StoredVerdict],
        recorder: Recorder,
        *,
        catalog_changed: bool = False,
    ) -> None:
        """Give a unit the plan of the day and record where its findings differ from the stored verdicts."""
        unit.plan = self._plan(self.catalog.unit_by_id[unit.id])
        unit.judge_all(self.as_of)
        self.rollups.count(unit)
        for node, current in zip(unit.plan.nodes, unit.findings, strict=True):
            known = stored.get(node.name)
            if known is None and current.status in {VerdictStatus.MET, VerdictStatus.NOT_MET}:
                recorder.record(unit, node, NO_DATA, current, Why(Cause.RULESET))
            elif known is not None and known.finding is not current:
                by_rules = catalog_changed or known.ruleset != node.ruleset
                recorder.record(unit, node, known.finding, current, Why(Cause.RULESET if by_rules else Cause.CLOCK))
            elif known is None or known.ruleset != node.ruleset:
                recorder.keep(unit, node, current)
        self._end_missing(unit, stored, recorder)

    def _end_missing(self, unit: UnitState, stored: Mapping[str, StoredVerdict], recorder: Recorder) -> None:
        """Record the end of every verdict that the unit's plan no longer has."""
        in_force = self.catalog.unit_by_id[unit.id].in_force(self.as_of)
        ended, cause = (RULE_ENDED, Cause.RULESET) if in_force else (UNIT_ENDED, Cause.CLOCK)
        for name, known in stored.items():
            if name not in unit.plan.position and known.finding.status is not VerdictStatus.NOT_APPLICABLE:
                gone = Node(name, self._kind(name), known.ruleset)
                recorder.record(unit, gone, known.finding, ended, Why(cause))

    def _kind(self, node: str) -> NodeKind:
        if any(rule.node == node for rule in self.catalog.rules):
            return NodeKind.INDICATOR
        return NodeKind.CRITERION if "/" in node else NodeKind.STANDARD

    def _rejudge(
        self,
        unit: UnitState,
        position: int,
        recorder: Recorder,
        by: tuple[IndicatorReported, int, Measure | None] | None = None,
    ) -> bool:
        """Judge one node again and, when its status changed, what hangs on it; return whether the node changed."""
        node = unit.plan.nodes[position]
        old = unit.findings[position]
        new = unit.judge(node, self.as_of)
        if new is old:
            return False
        unit.findings[position] = new
        recorder.record(unit, node, old, new, self._why(unit, node, by))
        if new.status is not old.status:
            if node.standard is not None and node.titled:
                recorder.outcome.rollups.update(self.rollups.move(unit, node.standard, old.status, new.status))
            for parent in node.parents:
                self._rejudge(unit, parent, recorder, by)
        return True

    def _why(self, unit: UnitState, node: Node, by: tuple[IndicatorReported, int, Measure | None] | None) -> Why:
        if by is None:
            return Why(Cause.CLOCK)
        report, slot, measure = by
        cause = Cause.CORRECTION if _is_correction(measure, report) else Cause.DATA
        if node.leaf is None or node.leaf.rule.window is not None:
            return Why(cause, report)  # a window's former state cannot be read from one cell
        present, unit.cells[slot] = unit.cells[slot], measure
        before = unit.explain(node, self.as_of)
        unit.cells[slot] = present
        return Why(cause, report, before)


def _put(unit: UnitState, slot: int, report: IndicatorReported) -> bool:
    """Put a report into its slot; return whether the unit may now be judged differently."""
    history = unit.histories.get(slot)
    if history is not None:
        if not history.add(report):
            return False
        unit.cells[slot] = history.current()
        return True
    current = unit.cells[slot]
    if current is not None:
        ours, theirs = report.period_end, current.period_end
        if ours < theirs or (ours == theirs and report.period_start < current.period_start):
            return False
        same = ours == theirs and report.period_start == current.period_start
        if same and stamp(report) <= stamp(current):
            return False
    unit.cells[slot] = report
    return True


def _as_stored(unit: UnitState, now: dt.datetime) -> dict[str, StoredVerdict]:
    return {
        node.name: StoredVerdict(finding, now, node.ruleset, 0)
        for node, finding in zip(unit.plan.nodes, unit.findings, strict=True)
    }


def _windowed_slots(engine: Engine) -> tuple[int, ...]:
    """Return the slots of every indicator that some rule judges over a window: they keep all their periods."""
    windowed = {rule.indicator for rule in engine.catalog.rules if rule.window is not None}
    return tuple(number for number, slot in enumerate(engine.slots.slots) if slot.indicator in windowed)


def _is_correction(before: Measure | None, report: IndicatorReported) -> bool:
    """Return whether a report takes back an earlier one: it deletes it, or lowers an event count of its period."""
    if report.deleted:
        return True
    if before is None or (before.period_end, before.period_start) != (report.period_end, report.period_start):
        return False
    return report.numerator is None and before.value is not None and (report.value or 0) < before.value
