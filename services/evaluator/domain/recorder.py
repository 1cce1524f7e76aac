"""The recorder: turns the change of one node into a transition, a verdict to store, and the message about it."""

import datetime as dt
from dataclasses import dataclass

from services.evaluator.domain.findings import Finding
from services.evaluator.domain.outcome import Outcome, StoredVerdict, Transition
from services.evaluator.domain.plan import Node
from services.evaluator.domain.state import UnitState
from shared.contracts.vocabulary import Cause, ChangeKind
from shared.contracts.wire import CellFinding, IndicatorReported, VerdictChanged


@dataclass(frozen=True, slots=True)
class Why:
    """What made a node change: the cause, and for data the report and the cells as they were before it."""

    cause: Cause
    report: IndicatorReported | None = None
    before: tuple[CellFinding, ...] = ()


@dataclass(slots=True)
class Recorder:
    """Numbers transitions without a gap for one step of the engine; `now` and `as_of` are those of the step."""

    catalog: str
    next_transition: int
    as_of: dt.date
    now: dt.datetime
    outcome: Outcome

    def record(self, unit: UnitState, node: Node, old: Finding, new: Finding, why: Why) -> None:
        """Note that a node went from one finding to another."""
        change = self._change(unit, node, (old, new), why, self.next_transition)
        self.next_transition += 1
        self.outcome.transitions.append(Transition(change, why.before))
        self.outcome.verdicts[unit.id, node.name] = StoredVerdict(new, self.now, node.ruleset, change.sequence)

    def keep(self, unit: UnitState, node: Node, current: Finding) -> None:
        """Note a verdict that is born without data, or that another ruleset now judges alike: no transition."""
        self.outcome.verdicts[unit.id, node.name] = StoredVerdict(current, self.now, node.ruleset, 0)

    def evidence(self, unit: UnitState, position: int, report: IndicatorReported) -> None:
        """Note that the numbers behind a standing verdict moved."""
        current = unit.findings[position]
        why = Why(Cause.DATA, report)
        self.outcome.evidence.append(self._change(unit, unit.plan.nodes[position], (current, current), why, 0))

    def _change(
        self, unit: UnitState, node: Node, findings: tuple[Finding, Finding], why: Why, sequence: int
    ) -> VerdictChanged:
        (old, new), leaf, report = findings, node.leaf, why.report
        return VerdictChanged(
            sequence=sequence,
            kind=ChangeKind.TRANSITION if sequence else ChangeKind.EVIDENCE,
            unit=unit.id,
            node=node.name,
            node_kind=node.kind,
            from_status=old.status,
            to_status=new.status,
            from_reason=old.reason,
            to_reason=new.reason,
            cause=why.cause,
            ruleset=node.ruleset,
            catalog=self.catalog,
            occurred_at=self.now,
            as_of=self.as_of,
            event_ids=(report.event_id,) if report else (),
            observed_at=report.observed_at if report else None,
            period_start=report.period_start if report else None,
            period_end=report.period_end if report else None,
            operator=leaf.rule.operator if leaf else None,
            threshold=leaf.threshold if leaf else None,
            cells=unit.explain(node, self.as_of),
        )
