"""The ledger of notifications: one entry per subject, kind, responsible unit, role, channel and address."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from shared.contracts.vocabulary import Cause, Channel, NoticeKind, Role


class LedgerStatus(StrEnum):
    """How far an entry has come. Every entry ends in one of the last six."""

    WAITING = "waiting"
    GROUPED = "grouped"
    SENT = "sent"
    DEAD = "dead"
    SUPERSEDED = "superseded"
    UNROUTABLE = "unroutable"
    RECORDED = "recorded"
    DISCARDED = "discarded"


class HeldFor(StrEnum):
    """Why an entry waits longer than for its neighbours."""

    DIGEST = "digest"
    QUIET_HOURS = "quiet_hours"
    SILENCE = "silence"
    FLAPPING = "flapping"


class UnroutableReason(StrEnum):
    """Why news has no addressee, or no leading one."""

    NO_DISPATCH = "no_dispatch"
    NO_ASSIGNMENT = "no_assignment"
    NO_ADDRESS = "no_address"
    NO_LEAD = "no_lead"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry to be written: who is told what, in which role, by which clauses, on which channel.

    `wait_seconds` counts from now; `held_for` says why it is more than the time in which neighbours gather.
    `gap_vi` says what the dispatch leaves open, to those who can settle it. `no_address_units` names the responsible
    units of the same news that cannot be reached, to the consolidating unit.
    """

    subject: str
    kind: NoticeKind
    alert_id: str | None
    unit: str
    node: str
    cell: str
    as_of: dt.date
    cause: Cause
    sequence: int
    wait_seconds: float
    responsible_unit: str = ""
    role: Role = Role.CONSOLIDATING
    channel: Channel | None = None
    address: str = ""
    dispatch: str | None = None
    clauses: tuple[str, ...] = ()
    gap_vi: str | None = None
    no_address_units: tuple[str, ...] = ()
    status: LedgerStatus = LedgerStatus.WAITING
    reason: UnroutableReason | None = None
    held_for: HeldFor | None = None


@dataclass(frozen=True, slots=True)
class DueEntry:
    """One entry that is due to be sent, as read back from the ledger."""

    id: int
    subject: str
    kind: NoticeKind
    alert_id: str | None
    unit: str
    node: str
    cell: str
    as_of: dt.date
    cause: Cause
    sequence: int
    responsible_unit: str
    role: Role
    channel: Channel
    address: str
    dispatch: str | None
    clauses: tuple[str, ...]
    gap_vi: str | None
    no_address_units: tuple[str, ...]

    @property
    def rollup(self) -> tuple[str, str, int]:
        """The roll-up change that an entry of no alert tells of."""
        return self.unit, self.node, self.sequence
