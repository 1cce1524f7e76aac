"""The incremental engine: reports in, changes out. A report re-judges only what hangs on it.

All state is in memory and belongs to one writer. If what a step returned could not be committed, the engine is ahead of
the store and must be thrown away and restored.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from services.evaluator.domain.facts import History, is_plain, measure_of
from services.evaluator.domain.findings import NO_DATA, RULE_ENDED, UNIT_ENDED, Finding
from services.evaluator.domain.outcome import Outcome, RollupCounts, StoredVerdict
from services.evaluator.domain.partition import WHOLE, Partition
from services.evaluator.domain.placing import put, supersedes
from services.evaluator.domain.plan import Node, Plan, PlanKey, compile_plan, plan_of
from services.evaluator.domain.recorder import Recorder, told_by_clock
from services.evaluator.domain.rollups import Rollups
from services.evaluator.domain.slots import ATTESTATION, slot_table
from services.evaluator.domain.state import UnitState
from shared.catalog.catalog import Catalog
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Cause, NodeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, IndicatorReported

# What the passing of time alone does to a verdict, whatever else has changed in the catalog.
_BY_CLOCK = frozenset({VerdictReason.CERTIFICATE_EXPIRED, VerdictReason.NO_POSITIVE_REPORT, VerdictReason.STALE_DATA})


class Engine:
    """Facts in memory and the verdicts they make, as of one day, for the units of a partition or of a whole catalog."""

    def __init__(
        self, catalog: Catalog, as_of: dt.date, next_transition: int = 1, partition: Partition = WHOLE
    ) -> None:
        self.catalog = catalog
        self.as_of = as_of
        self._last_day = as_of
        self.slots = slot_table(catalog)
        self.rollups = Rollups()
        self._next_transition = next_transition
        self._no_plan = plan_of((), self.slots)
        self._plans: dict[PlanKey, Plan] = {}
        self._windowed = windowed = _windowed_slots(self)
        self.units = {
            unit.id: UnitState(
                id=unit.id,
                above=tuple(place.id for place in catalog.ancestors(unit)),
                plan=self._no_plan,
                cells=[None] * len(self.slots.slots),
                histories={slot: History() for slot in windowed},
            )
            for unit in catalog.units
            if partition.owns(unit.id)
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
            self._end_missing(UnitState(unit_id, (), self._no_plan, []), stored, recorder)
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
        units, measured, attested = self.units, self.slots.measured, self.slots.attested
        for report in reports:
            unit = units.get(report.unit)
            slot = (attested if report.part is ATTESTATION else measured).get((report.indicator, report.cell))
            if unit is None or slot is None:
                recorder.outcome.unknown.append(report)
                continue
            before = unit.cells[slot]
            if slot in unit.histories:
                history = unit.histories[slot]
                known = history.standing(report)
                if history.add(report):
                    measure = unit.cells[slot] = history.current()
                    if slot in self._windowed or measure != before:  # else an older period: no number has moved
                        recorder.reported(unit, slot, report, before, known)
            elif before is None or supersedes(report, before):
                unit.cells[slot] = measure_of(report)
                recorder.reported(unit, slot, report, before, before)
        recorder.tell_moved()
        return self._finish(recorder)

    def advance(self, as_of: dt.date, now: dt.datetime) -> Outcome:
        """Move to another day: rules start and end, certificates expire, windows roll over, figures become stale."""
        first, last = sorted((self.as_of, as_of))
        new_rules = any(first < day <= last for day in self.catalog.rule_boundaries)
        self._last_day, self.as_of = self.as_of, as_of
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
                    recorder.by_clock(unit, position)
        return self._finish(recorder)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _recorder(self, now: dt.datetime) -> Recorder:
        outcome = Outcome(self.catalog.digest, self.as_of, now)
        return Recorder(outcome, self.rollups, self._next_transition, self._last_day)

    def _finish(self, recorder: Recorder) -> Outcome:
        self._next_transition = recorder.next_transition
        return recorder.outcome

    def _plan(self, unit: AdminUnit) -> Plan:
        if not unit.in_force(self.as_of):
            return self._no_plan
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
        unit.keep_up()
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
            told = told_by_clock(unit, node, self._cells_before(unit, last_plan, node), current, self.as_of)
            recorder.record(unit.id, node, known.finding if known else NO_DATA, current, cause, told)
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
                recorder.record(unit.id, gone, known.finding, ended, cause)
                unit.ended[name] = StoredVerdict(ended, recorder.outcome.now, known.ruleset, 0)

    def _kind(self, node: str) -> NodeKind:
        if any(rule.node == node for rule in self.catalog.rules):
            return NodeKind.INDICATOR
        return NodeKind.CRITERION if "/" in node else NodeKind.STANDARD


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


def _windowed_slots(engine: Engine) -> frozenset[int]:
    """Return the slots of every indicator that some rule judges over a window: they keep all their periods."""
    windowed = {rule.indicator for rule in engine.catalog.rules if rule.window is not None}
    return frozenset(number for number, slot in enumerate(engine.slots.slots) if slot.indicator in windowed)
