"""The incremental engine: reports in, changes out. A report re-judges only what hangs on it.

All state is in memory and belongs to one writer. If what a step returned could not be committed, the engine is ahead of
the store and must be thrown away and restored.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.evaluator.domain.facts import History, Measure, is_plain
from services.evaluator.domain.findings import NO_DATA, RULE_ENDED, UNIT_ENDED, Finding
from services.evaluator.domain.outcome import Outcome, RollupCounts, StoredVerdict
from services.evaluator.domain.placing import is_correction, put
from services.evaluator.domain.plan import Node, Plan, PlanKey, compile_plan
from services.evaluator.domain.recorder import Recorder, Why
from services.evaluator.domain.rollups import Rollups
from services.evaluator.domain.slots import slot_table
from services.evaluator.domain.state import UnitState
from shared.catalog.catalog import Catalog
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Cause, NodeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, IndicatorReported

NO_PLAN = Plan((), (), {})
# What the passing of time alone does to a verdict, whatever else has changed in the catalog.
_BY_CLOCK = frozenset({VerdictReason.CERTIFICATE_EXPIRED, VerdictReason.NO_POSITIVE_REPORT})


@dataclass(frozen=True, slots=True)
class _Placed:
    """A report that has taken its place: in which slot, what was there before, and whether it takes that back."""

    report: IndicatorReported
    slot: int
    before: Measure | None
    is_correction: bool


class Engine:
    """Facts in memory and the verdicts they make, for all units of a catalog, as of one day."""

    def __init__(self, catalog: Catalog, as_of: dt.date, next_transition: int = 1) -> None:
        self.catalog = catalog
        self.as_of = as_of
        self._last_day = as_of
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
        rollups: Iterable[tuple[str, str]] = (),
        rules_changed: bool = False,
    ) -> Outcome:
        """Load facts (of plain cells at least the newest, of others all) and return how the store differs.

        On a store that was left in order there are no transitions. A verdict that the store does not have yet is born
        silently when there is no data; with data it is a transition caused by the rules. What the catalog no longer
        has is ended: verdicts of unknown units, and the stored `rollups` that nothing is counted in any more.
        """
        self.open_history(self.needs_history(facts), facts)
        recorder = self._recorder(now)
        by_unit: dict[str, dict[str, StoredVerdict]] = {}
        for (unit_id, node), verdict in verdicts.items():
            by_unit.setdefault(unit_id, {})[node] = verdict
        for unit in self.units.values():
            self._replan(unit, by_unit.pop(unit.id, {}), recorder, rules_changed=rules_changed)
        for unit_id, stored in by_unit.items():
            self._end_missing(UnitState(unit_id, (), NO_PLAN, []), stored, recorder)
        recorder.outcome.rollups.update(dict.fromkeys(rollups, RollupCounts()) | self.rollups.counts)
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
                put(place, number, report)

    # -- stepping ----------------------------------------------------------------------------------------------------

    def apply(self, reports: Sequence[IndicatorReported], now: dt.datetime) -> Outcome:
        """Take reports in, in their order, and return everything that changed."""
        recorder = self._recorder(now)
        outcome = recorder.outcome
        moved: dict[tuple[str, int], IndicatorReported] = {}
        for report in reports:
            outcome.keep(report)
            unit = self.units.get(report.unit)
            slot = self.slots.number(report)
            if unit is None or slot is None:
                outcome.unknown.append(report)
                continue
            placed = _Placed(report, slot, unit.cells[slot], is_correction(unit, slot, report))
            if not put(unit, slot, report) or not unit.findings:
                continue
            for position in unit.plan.readers[slot]:
                if self._rejudge(unit, position, recorder, placed):
                    moved.pop((unit.id, position), None)
                elif self._is_evidence(unit, position, placed):
                    moved[unit.id, position] = report
        for (unit_id, position), report in moved.items():
            recorder.evidence(self.units[unit_id], position, report)
        return self._finish(recorder)

    def advance(self, as_of: dt.date, now: dt.datetime) -> Outcome:
        """Move to another day: rules start and end, certificates expire, windows roll over."""
        first, last = sorted((self.as_of, as_of))
        new_rules = any(first < day <= last for day in self.catalog.rule_boundaries)
        self.as_of, self._last_day = as_of, self.as_of
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
        rules_changed: bool = False,
    ) -> None:
        """Give a unit the plan of the day and record where its findings differ from the stored verdicts."""
        last_plan, unit.plan = unit.plan, self._plan(self.catalog.unit_by_id[unit.id])
        unit.judge_all(self.as_of)
        self.rollups.count(unit)
        by_rules: set[int] = set()
        for position, (node, current) in enumerate(zip(unit.plan.nodes, unit.findings, strict=True)):
            known = stored.get(node.name)
            if known is not None and known.finding is current:
                if known.ruleset != node.ruleset:
                    recorder.keep(unit, node, current)
                continue
            if known is None and current.status not in {VerdictStatus.MET, VerdictStatus.NOT_MET}:
                recorder.keep(unit, node, current)
                continue
            if _is_by_rules(node, current, known, by_rules, rules_changed=rules_changed):
                by_rules.add(position)
            cause = Cause.RULESET if position in by_rules else Cause.CLOCK
            before = self._cells_before(unit, last_plan, node)
            recorder.record(unit, node, known.finding if known else NO_DATA, current, Why(cause, None, before))
        self._end_missing(unit, stored, recorder)

    def _cells_before(self, unit: UnitState, plan: Plan, node: Node) -> tuple[CellFinding, ...]:
        """Return the cells of a node as the last plan judged them on the last day; nothing after a restart."""
        position = plan.position.get(node.name)
        return () if position is None else unit.explain(plan.nodes[position], self._last_day)

    def _end_missing(self, unit: UnitState, stored: Mapping[str, StoredVerdict], recorder: Recorder) -> None:
        """Record the end of every verdict that the unit's plan no longer has, and remember how it ended."""
        place = self.catalog.unit_by_id.get(unit.id)
        in_force = place is not None and place.in_force(self.as_of)
        ended, cause = (RULE_ENDED, Cause.RULESET) if in_force else (UNIT_ENDED, Cause.CLOCK)
        unit.ended = {}
        for name, known in stored.items():
            if name in unit.plan.position:
                continue
            unit.ended[name] = known
            if known.finding.status is not VerdictStatus.NOT_APPLICABLE:
                gone = Node(name, self._kind(name), known.ruleset)
                recorder.record(unit, gone, known.finding, ended, Why(cause))
                unit.ended[name] = StoredVerdict(ended, recorder.now, known.ruleset, 0)

    def _kind(self, node: str) -> NodeKind:
        if any(rule.node == node for rule in self.catalog.rules):
            return NodeKind.INDICATOR
        return NodeKind.CRITERION if "/" in node else NodeKind.STANDARD

    def _rejudge(self, unit: UnitState, position: int, recorder: Recorder, by: _Placed | None = None) -> bool:
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

    def _why(self, unit: UnitState, node: Node, by: _Placed | None) -> Why:
        if by is None:
            return Why(Cause.CLOCK, None, unit.explain(node, self._last_day))
        cause = Cause.CORRECTION if by.is_correction else Cause.DATA
        return Why(cause, by.report, self._before(unit, node, by))

    def _before(self, unit: UnitState, node: Node, by: _Placed) -> tuple[CellFinding, ...]:
        """Return the cells of a chỉ tiêu as they were before a report was placed."""
        if node.leaf is None or node.leaf.rule.window is not None:
            return ()  # a window's former state cannot be read from one cell
        present, unit.cells[by.slot] = unit.cells[by.slot], by.before
        before = unit.explain(node, self.as_of)
        unit.cells[by.slot] = present
        return before

    def _is_evidence(self, unit: UnitState, position: int, by: _Placed) -> bool:
        """Return whether a report that left the verdict as it is must be told all the same.

        Numbers that move under "not met" are. Where the verdict is open because one sex or sector is missing, another
        one that falls or recovers is: it has an alert of its own.
        """
        status = unit.findings[position].status
        if status is not VerdictStatus.NOT_EVALUABLE:
            return status is VerdictStatus.NOT_MET
        node = unit.plan.nodes[position]
        if node.leaf is None or len(node.leaf.slots) == 1:
            return False
        before, after = self._before(unit, node, by), unit.explain(node, self.as_of)
        return [cell.status for cell in before] != [cell.status for cell in after]


def _is_by_rules(
    node: Node, current: Finding, known: StoredVerdict | None, by_rules: set[int], *, rules_changed: bool
) -> bool:
    """Return whether the rules, not the calendar, made a verdict other than the stored one."""
    if node.leaf is None:
        return rules_changed or not by_rules.isdisjoint(node.children)
    if known is None or known.ruleset != node.ruleset or known.finding is RULE_ENDED:
        return True
    return rules_changed and not (node.leaf.timed and current.reason in _BY_CLOCK)


def _as_stored(unit: UnitState, now: dt.datetime) -> dict[str, StoredVerdict]:
    return unit.ended | {
        node.name: StoredVerdict(finding, now, node.ruleset, 0)
        for node, finding in zip(unit.plan.nodes, unit.findings, strict=True)
    }


def _windowed_slots(engine: Engine) -> tuple[int, ...]:
    """Return the slots of every indicator that some rule judges over a window: they keep all their periods."""
    windowed = {rule.indicator for rule in engine.catalog.rules if rule.window is not None}
    return tuple(number for number, slot in enumerate(engine.slots.slots) if slot.indicator in windowed)
