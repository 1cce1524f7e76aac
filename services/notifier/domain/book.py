"""The book of alerts: folds batches of changes over what is known, in the order in which they were decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter

from services.notifier.domain.alerts import Alert, AlertAction, Step
from services.notifier.domain.late import decide_late
from services.notifier.domain.lifecycle import decide
from services.notifier.domain.limits import NO_LIMITS, Limits
from services.notifier.domain.mark import Mark
from shared.contracts.vocabulary import NodeKind
from shared.contracts.wire import VerdictChanged

NodeKey = tuple[str, str]

_MOST_NODES = 50_000  # 100 MB when each has an alert; a nation of 3,321 communes with eleven chỉ tiêu has 36,531
_INDICATOR = NodeKind.INDICATOR
_moment = attrgetter("occurred_at")


@dataclass(slots=True)
class Outcome:
    """What a batch of changes came to; `opened` and `first_marks` name those of them that were never stored."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    marks: dict[NodeKey, Mark] = field(default_factory=dict)
    first_marks: set[NodeKey] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    rollups: list[VerdictChanged] = field(default_factory=list)
    late: int = 0


@dataclass(slots=True)
class _Node:
    """A chỉ tiêu of a unit: the mark of its newest change, and the newest occurrence of each cell."""

    mark: Mark | None = None
    latest: dict[str, Alert] = field(default_factory=dict)


class Book:
    """What is known of the chỉ tiêu that changes spoke of, kept between batches so that it is read once."""

    def __init__(self, limits: Limits = NO_LIMITS) -> None:
        self._limits = limits
        self._nodes: dict[NodeKey, _Node] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def unknown(self, changes: Iterable[VerdictChanged]) -> list[NodeKey]:
        """Return the chỉ tiêu of the changes of which nothing is known yet, in order."""
        named = {(change.unit, change.node) for change in changes if change.node_kind is _INDICATOR}
        return sorted(named.difference(self._nodes))

    def learn(self, keys: Iterable[NodeKey], alerts: Iterable[Alert], marks: Iterable[Mark]) -> None:
        """Take in all that is stored of the chỉ tiêu `keys`: their marks, and the newest occurrences of their cells."""
        for key in keys:
            self._nodes[key] = _Node()
        for mark in marks:
            self._nodes[mark.unit, mark.node].mark = mark
        for alert in alerts:
            self._nodes[alert.key.unit, alert.key.node].latest[alert.key.cell] = alert

    def apply(self, changes: Iterable[VerdictChanged]) -> Outcome:
        """Return the outcome of `changes`, all of known chỉ tiêu, and remember it."""
        outcome = Outcome()
        for change in sorted(changes, key=_moment):
            if change.node_kind is not _INDICATOR:
                outcome.rollups.append(change)
            else:
                self._change(change, outcome)
        return outcome

    def _change(self, change: VerdictChanged, outcome: Outcome) -> None:
        key = (change.unit, change.node)
        node = self._nodes[key]
        mark = node.mark
        if mark is not None and not mark.precedes(change):
            outcome.late += 1
            steps = decide_late(node.latest, change, mark, self._limits)
        else:
            if mark is None:
                outcome.first_marks.add(key)
            node.mark = outcome.marks[key] = Mark.of(change, mark)
            steps = decide(node.latest, change, self._limits)
        if not steps:
            return
        for step in steps:
            alert = step.alert
            node.latest[alert.key.cell] = alert
            outcome.alerts[alert.id] = alert
            if step.action is AlertAction.OPENED:
                outcome.opened.add(alert.id)
        outcome.steps += steps

    def forget(self) -> None:
        """Forget everything: another has written, or what was remembered was not stored."""
        self._nodes.clear()

    def shrink(self) -> None:
        """Forget what was learned first where too much is known."""
        for key in list(islice(self._nodes, max(0, len(self._nodes) - _MOST_NODES))):
            del self._nodes[key]


def apply(
    alerts: Iterable[Alert], marks: Iterable[Mark], changes: Sequence[VerdictChanged], limits: Limits = NO_LIMITS
) -> Outcome:
    """Return the outcome of `changes` on the newest occurrences `alerts` and the `marks` of their chỉ tiêu."""
    book = Book(limits)
    keys = book.unknown(changes)
    known = set(keys)
    book.learn(
        keys,
        (alert for alert in alerts if (alert.key.unit, alert.key.node) in known),
        (mark for mark in marks if (mark.unit, mark.node) in known),
    )
    return book.apply(changes)
