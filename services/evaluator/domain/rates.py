"""Judges of rates: one rate, a rate in every group, and a rate whose sectors add up."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from services.evaluator.domain.facts import Measure
from services.evaluator.domain.findings import NO_DATA, TARGET_MET, Finding, finding
from services.evaluator.domain.judges import ByCell, Cells, Histories, told
from services.evaluator.domain.targets import MET, MISSING, CellResult, RateTarget
from services.evaluator.domain.windows import calendar_year
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import CellFinding

# Looked up once: in Python 3.11 a member of an enum costs ten times what a global does.
NOT_EVALUABLE, NOT_MET, NOT_APPLICABLE = Status.NOT_EVALUABLE, Status.NOT_MET, Status.NOT_APPLICABLE
WORST_FIRST = (NOT_EVALUABLE, NOT_MET, NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class RateJudge:
    """A rate in one cell, or in every group: each sex must meet the target, and a missing one leaves it open."""

    groups: tuple[tuple[str, int], ...]
    target: RateTarget
    missing: Reason
    this_year: bool = False

    def measure(self, slot: int, cells: Cells, histories: Histories, on: dt.date) -> Measure | None:
        """Return what counts in a slot: its current measure, or the newest that touches the running year."""
        if not self.this_year:
            return cells[slot]
        history = histories.get(slot)
        return None if history is None else history.current(calendar_year(on))

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """See `Judge.judge`."""
        return self.combine([self.target.judge(self.measure(slot, cells, histories, on)) for _, slot in self.groups])

    def combine(self, results: Sequence[CellResult]) -> Finding:
        """Return the finding of the groups: absent beats doubtful beats failing beats met."""
        if results.count(MET) == len(results):  # by far the commonest
            return TARGET_MET
        by_cell = [(cell, result) for (cell, _), result in zip(self.groups, results, strict=True)]
        absent = tuple(cell for cell, result in by_cell if result is MISSING)
        if absent:
            return NO_DATA if len(absent) == len(results) else finding(NOT_EVALUABLE, self.missing, absent)
        for status in WORST_FIRST:
            at_fault = tuple(cell for cell, result in by_cell if result.status is status)
            if at_fault and (status is not NOT_APPLICABLE or len(at_fault) == len(results)):
                reason = next(result.reason for result in results if result.status is status)
                return finding(status, reason, at_fault)
        return TARGET_MET

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[CellFinding, ...]:
        """See `Judge.explain`."""
        target = self.target
        if not self.this_year:
            return tuple([_rated(cell, cells[slot], target) for cell, slot in self.groups])
        return tuple([_rated(cell, self.measure(slot, cells, histories, on), target) for cell, slot in self.groups])

    def measures(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[Measure | None, ...]:
        """See `Judge.measures`."""
        return tuple([self.measure(slot, cells, histories, on) for _, slot in self.groups])

    def by_cell(self) -> ByCell | None:
        """See `Judge.by_cell`."""
        if self.this_year:
            return None
        judge = self.target.compiled()
        return ByCell(tuple((slot, judge) for _, slot in self.groups), self.combine)


def _rated(cell: str, measure: Measure | None, target: RateTarget) -> CellFinding:
    result = target.judge(measure)
    if measure is None or measure.numerator is None or not measure.denominator:
        return told(cell, measure, result)
    return CellFinding(
        cell=cell,
        status=result.status,
        reason=result.reason,
        numerator=measure.numerator,
        denominator=measure.denominator,
        value=measure.value,
        gap=target.gap(measure.numerator, measure.denominator) if result.status is NOT_MET else 0,
    )


@dataclass(frozen=True, slots=True)
class SumJudge:
    """A rate over sectors whose numerators and denominators add up; every sector must have reported."""

    rate: RateJudge

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """See `Judge.judge`."""
        rate = self.rate
        found = [rate.measure(slot, cells, histories, on) for _, slot in rate.groups]
        results = [rate.target.judge(measure) for measure in found]
        if any(r.status is NOT_EVALUABLE and r.reason is not Reason.ZERO_DENOMINATOR for r in results):
            return rate.combine(results)
        measures = [measure for measure in found if measure is not None]
        if any(m.numerator is None or m.denominator is None for m in measures):
            return finding(NOT_EVALUABLE, Reason.MISSING_PART)
        whole = rate.target.judge_counts(
            sum(m.numerator or 0 for m in measures), sum(m.denominator or 0 for m in measures)
        )
        if whole.status is not NOT_MET:
            return finding(whole.status, whole.reason)
        at_fault = tuple(cell for (cell, _), r in zip(rate.groups, results, strict=True) if r.status is NOT_MET)
        return finding(whole.status, whole.reason, at_fault or ("",))

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[CellFinding, ...]:
        """See `Judge.explain`."""
        return self.rate.explain(cells, histories, on)

    def measures(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[Measure | None, ...]:
        """See `Judge.measures`."""
        return self.rate.measures(cells, histories, on)

    def by_cell(self) -> ByCell | None:
        """See `Judge.by_cell`: numbers that move within one result still move the sum."""
        return None
