"""The state of one unit in memory: its plan, the current measure of every slot, and the finding of every node."""

import datetime as dt
from dataclasses import dataclass, field

from services.evaluator.domain.facts import History, Measure
from services.evaluator.domain.findings import NO_TITLE, Finding, roll_up
from services.evaluator.domain.judges import JudgedCell
from services.evaluator.domain.outcome import StoredVerdict
from services.evaluator.domain.plan import Node, Plan
from shared.contracts.wire import CellFinding


@dataclass(slots=True)
class UnitState:
    """One unit. `cells[slot]` is the current measure; `histories[slot]` exists where one report is not the whole story.

    `findings[position]` belongs to `plan.nodes[position]`. `above` are the ids of the units that count this one.
    `ended` are the verdicts that no rule of the day judges any more: should a rule come back, its chain goes on there.
    """

    id: str
    above: tuple[str, ...]
    plan: Plan
    cells: list[Measure | None]
    histories: dict[int, History] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    ended: dict[str, StoredVerdict] = field(default_factory=dict)

    def judge(self, node: Node, on: dt.date) -> Finding:
        """Return what the finding of a node is now; children come before parents in `plan.nodes`."""
        if node.leaf is not None:
            return node.leaf.judge.judge(self.cells, self.histories, on)
        if not node.titled:
            return NO_TITLE
        return roll_up([self.findings[child] for child in node.children])

    def judge_all(self, on: dt.date) -> None:
        """Set every finding from the cells."""
        self.findings = []
        for node in self.plan.nodes:
            self.findings.append(self.judge(node, on))

    def explain(self, node: Node, on: dt.date) -> tuple[CellFinding, ...]:
        """Return the cells of a chỉ tiêu with their own verdicts, as messages carry them; nothing for other nodes."""
        if node.leaf is None:
            return ()
        return tuple(cell_finding(cell) for cell in node.leaf.judge.explain(self.cells, self.histories, on))


def cell_finding(judged: JudgedCell) -> CellFinding:
    """Return a judged cell as messages carry it."""
    measure = judged.measure
    return CellFinding(
        cell=judged.cell,
        status=judged.status,
        reason=judged.reason,
        numerator=measure.numerator if measure else None,
        denominator=measure.denominator if measure else None,
        value=measure.value if measure else None,
        gap=judged.gap,
    )
