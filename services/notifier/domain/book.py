"""The book of alerts: folds a batch of changes over what was known, in the order in which they were decided."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.notifier.domain.alerts import Alert, Step
from services.notifier.domain.late import decide_late
from services.notifier.domain.lifecycle import decide
from services.notifier.domain.mark import Mark
from shared.contracts.vocabulary import NodeKind
from shared.contracts.wire import VerdictChanged

NodeKey = tuple[str, str]


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
            known[key] = outcome.marks[key] = Mark.of(change, mark)
        else:
            outcome.late += 1
        if change.node_kind is not NodeKind.INDICATOR:
            outcome.rollups.append(change)
            continue
        steps = decide(latest[key], change) if mark is None or newer else decide_late(latest[key], change, mark)
        for step in steps:
            latest[key][step.alert.key.cell] = step.alert
            outcome.alerts[step.alert.id] = step.alert
        outcome.steps += steps
    return outcome
