"""What an alert is: an open condition of one cell of one chỉ tiêu of one unit, with its newest evidence."""

import datetime as dt
from enum import StrEnum

import msgspec

from shared.contracts.vocabulary import AlertKind, Cause, NoticeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged


class AlertAction(StrEnum):
    """What happened to an alert."""

    OPENED = "opened"
    UPDATED = "updated"
    DATA_LOST = "data_lost"
    DATA_BACK = "data_back"
    RESOLVED = "resolved"
    CLOSED = "closed"
    LATE = "late"


class EndReason(StrEnum):
    """Why an alert is no longer open; only `met` is good news."""

    MET = "met"
    REPLACED = "replaced"
    NOT_APPLICABLE = "not_applicable"
    RULE_ENDED = "rule_ended"
    UNIT_ENDED = "unit_ended"
    NO_LONGER_AT_RISK = "no_longer_at_risk"


class AlertKey(msgspec.Struct, frozen=True, gc=False):
    """Identity of a condition over time; its occurrences are numbered."""

    unit: str
    node: str
    cell: str


def alert_id(key: AlertKey, occurrence: int) -> str:
    """Return the readable, stable id of an occurrence: unit, node, cell and number."""
    return f"{key.unit}:{key.node}:{key.cell or '-'}:{occurrence}"


# What an unsteady alert (dao động) tells only when it has been calm for a while: by then, only the last of it.
_HELD_WHILE_FLAPPING = frozenset(
    {NoticeKind.OPENED, NoticeKind.RULESET_CHANGE, NoticeKind.DATA_LOST, NoticeKind.RESOLVED, NoticeKind.AT_RISK}
)


class Evidence(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The newest numbers known of an alert's chỉ tiêu, with the event that brought them."""

    status: VerdictStatus
    reason: VerdictReason
    cause: Cause
    ruleset: str
    catalog: str
    occurred_at: dt.datetime
    as_of: dt.date
    observed_at: dt.datetime | None = None
    period_start: dt.date | None = None
    period_end: dt.date | None = None
    operator: str | None = None
    threshold: float | None = None
    event_ids: tuple[str, ...] = ()
    cells: tuple[CellFinding, ...] = ()

    @classmethod
    def of(cls, change: VerdictChanged) -> "Evidence":
        """Return what a change shows."""
        return cls(
            change.to_status,
            change.to_reason,
            change.cause,
            change.ruleset,
            change.catalog,
            change.occurred_at,
            change.as_of,
            change.observed_at,
            change.period_start,
            change.period_end,
            change.operator,
            change.threshold,
            change.event_ids,
            change.cells,
        )

    def finding(self, cell: str) -> CellFinding | None:
        """Return the finding of one cell, or None when the change does not list it."""
        return next((finding for finding in self.cells if finding.cell == cell), None)


class Alert(msgspec.Struct, frozen=True, gc=False):
    """One occurrence of a condition.

    `opened_as` never changes; `kind` is what it is now: a breach whose source fell silent becomes a data gap and stays
    open. `opened_at` is its earliest known moment, `evidence` the newest. `revision` counts what was worth telling.
    `breaches` counts the occurrences of its cell that were breaches, this one included (lần thứ mấy). `openings` are
    the moments at which the cell lately began to fail or to lack data, oldest first; `flapping`: too many of them.
    """

    id: str
    key: AlertKey
    occurrence: int
    opened_as: AlertKind
    kind: AlertKind
    opened_at: dt.datetime
    opened_cause: Cause
    evidence: Evidence
    revision: int = 1
    breaches: int = 0
    ended_at: dt.datetime | None = None
    end_reason: EndReason | None = None
    end_cause: Cause | None = None
    openings: tuple[dt.datetime, ...] = ()
    flapping: bool = False

    @property
    def previous(self) -> str | None:
        """The id of the last occurrence of the same cell, None for the first."""
        return alert_id(self.key, self.occurrence - 1) if self.occurrence > 1 else None

    @property
    def is_open(self) -> bool:
        """Whether the condition still holds, as far as anybody knows."""
        return self.ended_at is None

    @property
    def verdict(self) -> tuple[VerdictStatus, VerdictReason]:
        """The newest verdict on its own cell; that of the whole chỉ tiêu where it is about the whole."""
        own = self.evidence.finding(self.key.cell) or self.evidence
        return own.status, own.reason

    def seen(self, evidence: Evidence, kind: AlertKind) -> "Alert":
        """Return the alert with newer evidence."""
        return msgspec.structs.replace(self, evidence=evidence, kind=kind)

    def told(self) -> "Alert":
        """Return the alert one revision later."""
        return msgspec.structs.replace(self, revision=self.revision + 1)

    def ended(self, evidence: Evidence, reason: EndReason) -> "Alert":
        """Return the alert ended at the moment of `evidence`."""
        return msgspec.structs.replace(
            self,
            evidence=evidence,
            revision=self.revision + 1,
            ended_at=evidence.occurred_at,
            end_reason=reason,
            end_cause=evidence.cause,
        )


class Step(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened to an alert, and what is to be told of it (None: nothing).

    `was_flapping`: it ends calm, but the ends of occurrences before it may not have been told, as it had begun again.
    """

    action: AlertAction
    alert: Alert
    notice: NoticeKind | None
    cause: Cause
    as_of: dt.date
    was_flapping: bool = False

    @property
    def is_held_for_calm(self) -> bool:
        """Whether this is told only after the alert, which is flapping, has been calm for a while."""
        return self.alert.flapping and self.notice in _HELD_WHILE_FLAPPING

    @property
    def subject(self) -> str:
        """What the ledger row is about: an occurrence opens and resolves once; other news may come again."""
        if self.notice in (NoticeKind.OPENED, NoticeKind.RESOLVED, NoticeKind.CLOSED):
            return self.alert.id
        return f"{self.alert.id}#{self.alert.revision}"
