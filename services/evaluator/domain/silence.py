"""The judge of an indicator whose figures no longer count once their source has been silent for too long."""

import datetime as dt
from dataclasses import dataclass

from services.evaluator.domain.facts import Measure
from services.evaluator.domain.findings import Finding, finding
from services.evaluator.domain.judges import ByCell, Cells, Histories, Judge, told
from services.evaluator.domain.targets import CellResult
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import CellFinding

STALE = CellResult(Status.NOT_EVALUABLE, Reason.STALE_DATA)


@dataclass(frozen=True, slots=True)
class SilenceJudge:
    """Another judge, whose figures are stale from the day after so many days have passed since their period ended.

    One stale cell leaves the chỉ tiêu open, whatever the others say; only where one breach decides (`one_breaks`) a
    breach in fresh figures goes on deciding. Stale numbers are still told, without a gap: they are the last known.
    """

    fresh: Judge
    lasting: dt.timedelta
    one_breaks: bool

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """See `Judge.judge`."""
        if not any(self._is_stale(measure, on) for measure in self.fresh.measures(cells, histories, on)):
            return self.fresh.judge(cells, histories, on)
        found = self.explain(cells, histories, on)
        broken = tuple(cell.cell for cell in found if cell.status is Status.NOT_MET)
        if broken and self.one_breaks:
            return finding(Status.NOT_MET, Reason.INCIDENT_OPEN, broken)
        stale = tuple(cell.cell for cell in found if cell.reason is Reason.STALE_DATA)
        return finding(STALE.status, STALE.reason, stale)

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[CellFinding, ...]:
        """See `Judge.explain`."""
        found = self.fresh.explain(cells, histories, on)
        measures = self.fresh.measures(cells, histories, on)
        return tuple(
            [
                told(cell.cell, measure, STALE) if self._is_stale(measure, on) else cell
                for cell, measure in zip(found, measures, strict=True)
            ]
        )

    def measures(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[Measure | None, ...]:
        """See `Judge.measures`."""
        return self.fresh.measures(cells, histories, on)

    def by_cell(self) -> ByCell | None:
        """See `Judge.by_cell`: the day counts too."""
        return None

    def _is_stale(self, measure: Measure | None, on: dt.date) -> bool:
        return measure is not None and on - measure.period_end > self.lasting
