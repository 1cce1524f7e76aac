"""The mark of a chỉ tiêu of a unit: the newest change applied to it, by which an older one is recognised."""

import datetime as dt

import msgspec

from shared.contracts.vocabulary import ChangeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import VerdictChanged

_EVIDENCE = ChangeKind.EVIDENCE


class Mark(msgspec.Struct, frozen=True, gc=False):
    """The newest change applied to one chỉ tiêu of one unit: what an older one is recognised by."""

    unit: str
    node: str
    status: VerdictStatus
    reason: VerdictReason
    sequence: int
    occurred_at: dt.datetime

    def precedes(self, change: VerdictChanged) -> bool:
        """Return whether `change` is newer than this mark. Evidence has no sequence and is ordered by time."""
        if change.kind is _EVIDENCE:
            return change.occurred_at >= self.occurred_at
        return change.sequence > self.sequence

    @classmethod
    def of(cls, change: VerdictChanged, before: "Mark | None") -> "Mark":
        """Return the mark that `change` leaves; evidence keeps the sequence of the mark before it."""
        sequence = change.sequence
        if change.kind is _EVIDENCE:
            sequence = 0 if before is None else before.sequence
        return cls(change.unit, change.node, change.to_status, change.to_reason, sequence, change.occurred_at)
