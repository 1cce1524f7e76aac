"""The book of alerts: folds a batch of changes over what was known, in the order in which they were decided."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.notifier.domain.alerts import Alert, Step
from services.notifier.domain.lifecycle import decide, decide_late
from shared.contracts.vocabulary import ChangeKind, NodeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import VerdictChanged

NodeKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest change applied to one node of one unit: what an older one is recognised by."""

    unit: str
    node: str
    node_kind: NodeKind
    status: VerdictStatus
    reason: VerdictReason
    sequence: int
    occurred_at: dt.datetime

    def precedes(self, change: VerdictChanged) -> bool:
        """Return whether `change` is newer than this mark. Evidence has no sequence and is ordered by time."""
        if change.kind is ChangeKind.EVIDENCE:
            return change.occurred_at >= self.occurred_at
        return change.sequence > self.sequence


@dataclass(slots=True)
class Outcome:
    """What a batch of changes came to."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    marks: dict[NodeKey, Mark] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    rollups: list[VerdictChanged] = field(default_factory=list)
    late: int = 0


def apply(alerts: Iterable[Alert], marks: Iterable[Mark], changes: Sequence[VerdictChanged]) -> Outcome:
    """Return the outcome of `changes` on the newest occurrences `alerts` and the `marks` of their nodes."""
    latest: defaultdict[NodeKey, dict[str, Alert]] = defaultdict(dict)
    for alert in alerts:
        latest[alert.key.unit, alert.key.node][alert.key.cell] = alert
    known = {(mark.unit, mark.node): mark for mark in marks}
    outcome = Outcome()
    for change in sorted(changes, key=lambda change: change.occurred_at):
        key = (change.unit, change.node)
        mark = known.get(key)
        newer = mark is None or mark.precedes(change)
        if newer:
            known[key] = outcome.marks[key] = _mark(change, mark)
        else:
            outcome.late += 1
        if change.node_kind is not NodeKind.INDICATOR:
            outcome.rollups.append(change)
            continue
        if newer:
            steps = decide(latest[key], change)
        else:
            steps = decide_late(latest[key], change, mark.occurred_at) if mark else []
        for step in steps:
            latest[key][step.alert.key.cell] = step.alert
            outcome.alerts[step.alert.id] = step.alert
        outcome.steps += steps
    return outcome


def _mark(change: VerdictChanged, before: Mark | None) -> Mark:
    sequence = change.sequence if change.kind is ChangeKind.TRANSITION else (before.sequence if before else 0)
    return Mark(
        unit=change.unit,
        node=change.node,
        node_kind=change.node_kind,
        status=change.to_status,
        reason=change.to_reason,
        sequence=sequence,
        occurred_at=change.occurred_at,
    )
