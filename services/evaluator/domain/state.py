"""The state of one unit in memory: its plan, the current measure of every slot, and the finding of every node."""

import datetime as dt
from dataclasses import dataclass, field

from services.evaluator.domain.facts import History, Measure
from services.evaluator.domain.findings import NO_TITLE, Finding, roll_up
from services.evaluator.domain.outcome import StoredVerdict
from services.evaluator.domain.plan import Node, Plan
from services.evaluator.domain.targets import CellResult
from shared.contracts.wire import CellFinding


@dataclass(slots=True)
class UnitState:
    """One unit. `cells[slot]` is the current measure; `histories[slot]` exists where one report is not the whole story.

    `findings[position]` belongs to `plan.nodes[position]`. `above` are the ids of the units that count this one.
    `results` (of cells, see `plan.Reader`) and `tallies` (of children, see `findings.rolled_up`) are what the engine
    keeps so that a report re-judges its own cell only. `ended` are the verdicts that no rule of the day judges any
    more: should a rule come back, its chain goes on there.
    """

    id: str
    above: tuple[str, ...]
    plan: Plan
    cells: list[Measure | None]
    histories: dict[int, History] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    results: list[CellResult] = field(default_factory=list)
    tallies: list[int] = field(default_factory=list)
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

    def keep_up(self) -> None:
        """Set the results of the cells and the tallies of the children, to go on from the findings step by step."""
        leaves = [node.leaf.by_cell for node in self.plan.nodes if node.leaf and node.leaf.by_cell]
        self.results = [judge(self.cells[slot]) for by_cell in leaves for slot, judge in by_cell.judges]
        self.tallies = [sum(self.findings[child].weight for child in node.children) for node in self.plan.nodes]

    def explain(self, node: Node, on: dt.date) -> tuple[CellFinding, ...]:
        """Return the cells of a chỉ tiêu with their own verdicts, as messages carry them; nothing for other nodes."""
        return () if node.leaf is None else node.leaf.judge.explain(self.cells, self.histories, on)

    def told_measures(self, node: Node, on: dt.date) -> tuple[Measure | None, ...]:
        """Return the measures that the cells of `explain` tell, in the same order."""
        return () if node.leaf is None else node.leaf.judge.measures(self.cells, self.histories, on)
