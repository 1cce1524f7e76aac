"""The judge of incidents: none in the newest report, or none in the whole running year."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from services.evaluator.domain.facts import Measure
from services.evaluator.domain.findings import NO_DATA, Finding, finding
from services.evaluator.domain.judges import ByCell, Cells, Histories, told
from services.evaluator.domain.targets import MISSING, CellResult
from services.evaluator.domain.windows import INCIDENT, NO_INCIDENT, judge_window
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import CellFinding


@dataclass(frozen=True, slots=True)
class EventJudge:
    """No event: in the newest report, or in the whole running year when the rule has a window."""

    groups: tuple[tuple[str, int], ...]
    limit: int
    windowed: bool

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """See `Judge.judge`."""
        return self.combine([self._result(slot, cells[slot], histories, on) for _, slot in self.groups])

    def combine(self, results: Sequence[CellResult]) -> Finding:
        """Return the finding of the groups: one open incident decides, then one silence."""
        if all(result is MISSING for result in results):
            return NO_DATA
        for status, reason in (
            (Status.NOT_MET, Reason.INCIDENT_OPEN),
            (Status.NOT_EVALUABLE, Reason.NO_POSITIVE_REPORT),
        ):
            at_fault = tuple(
                cell for (cell, _), result in zip(self.groups, results, strict=True) if result.status is status
            )
            if at_fault:
                return finding(status, reason, at_fault)
        return finding(Status.MET, Reason.NO_INCIDENT)

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[CellFinding, ...]:
        """See `Judge.explain`."""
        found = [(cell, cells[slot], self._result(slot, cells[slot], histories, on)) for cell, slot in self.groups]
        return tuple([told(cell, None if result is MISSING else m, result) for cell, m, result in found])

    def measures(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[Measure | None, ...]:  # noqa: ARG002 - one of the Judges
        """See `Judge.measures`: also of a window the newest report is told."""
        found = [cells[slot] for _, slot in self.groups]
        return tuple([None if self._count(measure) is MISSING else measure for measure in found])

    def by_cell(self) -> ByCell | None:
        """See `Judge.by_cell`."""
        return None if self.windowed else ByCell(tuple((slot, self._count) for _, slot in self.groups), self.combine)

    def _result(self, slot: int, measure: Measure | None, histories: Histories, on: dt.date) -> CellResult:
        if not self.windowed or measure is None or measure.value is None:
            return self._count(measure)
        return judge_window(histories.get(slot), self.limit, on)

    def _count(self, measure: Measure | None) -> CellResult:
        if measure is None or measure.value is None:
            return MISSING
        return INCIDENT if measure.value > self.limit else NO_INCIDENT
