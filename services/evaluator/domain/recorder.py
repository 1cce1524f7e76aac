"""The recorder: notes how findings change in one step of the engine, up the tree of a unit and into the roll-ups."""

import datetime as dt
from dataclasses import dataclass, field

from services.evaluator.domain.bands import Watch
from services.evaluator.domain.facts import Measure
from services.evaluator.domain.findings import Finding, rolled_up
from services.evaluator.domain.leaves import Measures
from services.evaluator.domain.outcome import Change, Outcome, StoredVerdict, Told
from services.evaluator.domain.placing import takes_back
from services.evaluator.domain.plan import Node
from services.evaluator.domain.rollups import Rollups
from services.evaluator.domain.state import UnitState
from services.evaluator.domain.targets import NEAR
from shared.contracts.vocabulary import Cause, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, IndicatorReported

# Looked up once: a member of an enum costs more than a global.
CORRECTION, DATA = Cause.CORRECTION, Cause.DATA
NOT_MET, NOT_EVALUABLE = VerdictStatus.NOT_MET, VerdictStatus.NOT_EVALUABLE
_JUDGED = (VerdictStatus.MET, NOT_MET)
STALE_DATA = VerdictReason.STALE_DATA


@dataclass(slots=True)
class Recorder:
    """Numbers transitions without a gap for one step of the engine. `last_day` is the day before the step.

    `moved` are the verdicts that stand while their numbers moved, by (unit, position), `earlier` what the slots of
    those that are watched held before. A transition tells all that moved before it.
    """

    outcome: Outcome
    rollups: Rollups
    next_transition: int
    last_day: dt.date
    moved: dict[tuple[str, int], tuple[UnitState, IndicatorReported]] = field(default_factory=dict)
    earlier: dict[tuple[str, int], dict[int, Measure | None]] = field(default_factory=dict)

    def record(self, unit: str, node: Node, old: Finding, new: Finding, cause: Cause, told: Told | None = None) -> None:
        """Note that the rules or the calendar took a node from one finding to another."""
        self.outcome.transitions.append(Change(self.next_transition, unit, node, old, new, cause, told=told))
        self.next_transition += 1

    def keep(self, unit: UnitState, node: Node, current: Finding) -> None:
        """Note a verdict that is born without data, or that another ruleset now judges alike: no transition."""
        self.outcome.kept[unit.id, node.name] = StoredVerdict(current, self.outcome.now, node.ruleset, 0)

    def reported(
        self, unit: UnitState, slot: int, report: IndicatorReported, before: Measure | None, known: Measure | None
    ) -> None:
        """Judge what hangs on a slot that a report has changed.

        `before` was the measure in the slot, `known` what the report takes the place of.
        """
        plan, results, findings, measure = unit.plan, unit.results, unit.findings, unit.cells[slot]
        for position, place, judge, span, combined in plan.readers[slot]:
            result, was = judge(measure), results[place]
            old = findings[position]
            if result is not was:
                results[place] = result
                new = combined[tuple(results[span])]
                if new is not old:
                    self._changed(unit, position, new, report, slot, before, known)
                elif result is NEAR or was is NEAR:
                    self._moved_near(unit, position, report, slot, before, turned=result.status is not was.status)
                elif old.status is NOT_MET or (old.status is NOT_EVALUABLE and result.status is not was.status):
                    self.moved[unit.id, position] = unit, report
            elif result is NEAR:
                self._moved_near(unit, position, report, slot, before)
            elif old.status is NOT_MET:
                self.moved[unit.id, position] = unit, report
        for position in plan.whole[slot]:
            self._rejudge(unit, position, report, slot, before, known)

    def _moved_near(
        self,
        unit: UnitState,
        position: int,
        report: IndicatorReported,
        slot: int,
        before: Measure | None,
        *,
        turned: bool = False,
    ) -> None:
        """Note that a cell moved inside, into or out of a watch band while the verdict stands.

        An open verdict is told only when the cell has `turned` to another status, as that of an unwatched one.
        """
        if turned or unit.findings[position].status is not NOT_EVALUABLE:
            self.moved[unit.id, position] = unit, report
            self.earlier.setdefault((unit.id, position), {}).setdefault(slot, before)

    def _changed(
        self,
        unit: UnitState,
        position: int,
        new: Finding,
        report: IndicatorReported,
        slot: int,
        before: Measure | None,
        known: Measure | None,
    ) -> None:
        """Note that a report changed a chỉ tiêu."""
        node, old = unit.plan.nodes[position], unit.findings[position]
        unit.findings[position] = new
        earlier = None
        if self.moved:
            self.moved.pop((unit.id, position), None)
            if self.earlier:
                earlier = self.earlier.pop((unit.id, position), None)
        cause = CORRECTION if takes_back(report, known) else DATA
        measures, told = self._seen(unit, node)
        number = self.next_transition
        self.next_transition = number + 1
        self.outcome.transitions.append(
            Change(number, unit.id, node, old, new, cause, report, measures, slot, before, told, earlier)
        )
        if new.status is not old.status:
            self._carry(unit, node, new.weight - old.weight, cause, report)

    def _seen(self, unit: UnitState, node: Node) -> tuple[Measures, Told | None]:
        """Return what a chỉ tiêu was judged by, in one of two forms: measures, or the cells told at once."""
        leaf = node.leaf
        if leaf is not None and not leaf.windowed:
            return leaf.read(unit.cells), None
        as_of = self.outcome.as_of
        return (), Told((), unit.explain(node, as_of), unit.told_measures(node, as_of))

    def by_clock(self, unit: UnitState, position: int) -> None:
        """Judge a chỉ tiêu again because the day is another one, and note it when it changed."""
        node, old = unit.plan.nodes[position], unit.findings[position]
        new = unit.judge(node, self.outcome.as_of)
        if new is old:
            return
        unit.findings[position] = new
        told = told_by_clock(unit, node, unit.explain(node, self.last_day), new, self.outcome.as_of)
        self.record(unit.id, node, old, new, Cause.CLOCK, told)
        if new.status is not old.status:
            self._carry(unit, node, new.weight - old.weight, Cause.CLOCK, None)

    def _carry(self, unit: UnitState, child: Node, shift: int, cause: Cause, report: IndicatorReported | None) -> None:
        """Carry a changed status of a node to the nodes above it: their tallies move by `shift`."""
        findings, tallies = unit.findings, unit.tallies
        for position in child.parents:
            tally = tallies[position] = tallies[position] + shift
            old, new = findings[position], rolled_up(tally)
            if new is old:
                continue
            findings[position] = new
            node = unit.plan.nodes[position]
            number = self.next_transition
            self.next_transition = number + 1
            self.outcome.transitions.append(Change(number, unit.id, node, old, new, cause, report))
            if node.standard is not None:
                self.outcome.rollups.update(self.rollups.move(unit, node.standard, old.status, new.status))
            if node.parents:
                self._carry(unit, node, new.weight - old.weight, cause, report)

    def _rejudge(
        self,
        unit: UnitState,
        position: int,
        report: IndicatorReported,
        slot: int,
        before: Measure | None,
        known: Measure | None,
    ) -> None:
        """Judge a whole chỉ tiêu again after a report took a slot of it."""
        node, old = unit.plan.nodes[position], unit.findings[position]
        new = unit.judge(node, self.outcome.as_of)
        if new is not old:
            self._changed(unit, position, new, report, slot, before, known)
        elif node.watch is not None and self._is_near(unit, position, node.watch, slot, before):
            self._moved_near(unit, position, report, slot, before)
        elif old.status is NOT_MET or (old.status is NOT_EVALUABLE and self._has_moved(unit, node, slot, before)):
            self.moved[unit.id, position] = unit, report

    def _has_moved(self, unit: UnitState, node: Node, slot: int, before: Measure | None) -> bool:
        """Return whether a verdict that stays open must be told all the same.

        It must where it is open because one sex or sector is missing and another one falls or recovers: that one has
        an alert of its own. The former state of a window cannot be read from one cell.
        """
        if node.leaf is None or len(node.leaf.slots) == 1:
            return False
        if node.leaf.windowed:
            return True
        as_of = self.outcome.as_of
        after, was = unit.explain(node, as_of), self._explained_before(unit, node, slot, before)
        return [cell.status for cell in was] != [cell.status for cell in after]

    def _is_near(self, unit: UnitState, position: int, watch: Watch, slot: int, before: Measure | None) -> bool:
        """Return whether a watched chỉ tiêu is or was near; with a window it is told always, see `_has_moved`."""
        node = unit.plan.nodes[position]
        if unit.findings[position].status not in _JUDGED:
            return False
        return (
            (node.leaf is not None and node.leaf.windowed)
            or watch.is_near(unit.explain(node, self.outcome.as_of), slot)
            or watch.is_near(self._explained_before(unit, node, slot, before), slot)
        )

    def _explained_before(
        self, unit: UnitState, node: Node, slot: int, before: Measure | None
    ) -> tuple[CellFinding, ...]:
        """Return the cells of a chỉ tiêu as they were with another measure in one slot."""
        present, unit.cells[slot] = unit.cells[slot], before
        was = unit.explain(node, self.outcome.as_of)
        unit.cells[slot] = present
        return was

    def tell_moved(self) -> None:
        """Note the evidence of the step: verdicts that stand while their numbers moved, each once."""
        all_earlier = self.earlier
        for key, (unit, report) in self.moved.items():
            unit_id, position = key
            node, current = unit.plan.nodes[position], unit.findings[position]
            measures, told = self._seen(unit, node)
            earlier = all_earlier.get(key) if all_earlier else None
            self.outcome.evidence.append(
                Change(0, unit_id, node, current, current, DATA, report, measures, None, None, told, earlier)
            )


def told_by_clock(unit: UnitState, node: Node, before: tuple[CellFinding, ...], new: Finding, on: dt.date) -> Told:
    """Return what a change that no report made tells of a chỉ tiêu: also which measures became stale, if that is it."""
    after = unit.explain(node, on)
    if new.reason is not STALE_DATA:
        return Told(before, after)
    told = zip(after, unit.told_measures(node, on), strict=True)
    return Told(before, after, tuple([measure for cell, measure in told if cell.reason is STALE_DATA]))
