"""The mark of a node of a unit: the newest change applied to it, by which an older one is recognised."""

import datetime as dt
from dataclasses import dataclass

from shared.contracts.vocabulary import ChangeKind, NodeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import VerdictChanged


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

    @classmethod
    def of(cls, change: VerdictChanged, before: "Mark | None") -> "Mark":
        """Return the mark that `change` leaves; evidence keeps the sequence of the mark before it."""
        sequence = change.sequence if change.kind is ChangeKind.TRANSITION else (before.sequence if before else 0)
        return cls(
            unit=change.unit,
            node=change.node,
            node_kind=change.node_kind,
            status=change.to_status,
            reason=change.to_reason,
            sequence=sequence,
            occurred_at=change.occurred_at,
        )
