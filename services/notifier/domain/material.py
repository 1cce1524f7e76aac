"""What a message is made of, beside the ledger entries: alerts, roll-up changes and the messages that went before."""

import datetime as dt
from dataclasses import dataclass, field

from services.notifier.domain.alerts import Alert
from services.notifier.domain.course import Course
from services.notifier.domain.mark import Mark
from services.notifier.domain.report_content import Report
from shared.contracts.vocabulary import Cause, NodeKind, VerdictReason, VerdictStatus

RollupKey = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class RollupChange:
    """A change of a tiêu chí or of the health part of a standard, as logged."""

    sequence: int
    unit: str
    node: str
    node_kind: NodeKind
    from_status: VerdictStatus
    to_status: VerdictStatus
    to_reason: VerdictReason
    cause: Cause
    occurred_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that the entries of one round speak of.

    `rollups` are told apart by unit, node and sequence, which rises for each unit. `consequences` are the roll-up
    changes decided together with the opening or ending of an alert. `threads` holds the ids of the messages that told
    an address of an alert before, oldest first, by (address, alert id). `courses` are the deadlines of alerts, by alert
    id. `marks` are the verdicts of the chỉ tiêu of units whose dossier is to be appraised, by unit. `reports` are
    consolidated reports, by the subject of their entries.
    """

    alerts: dict[str, Alert] = field(default_factory=dict)
    rollups: dict[RollupKey, RollupChange] = field(default_factory=dict)
    consequences: dict[str, tuple[RollupChange, ...]] = field(default_factory=dict)
    threads: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    courses: dict[str, Course] = field(default_factory=dict)
    marks: dict[str, tuple[Mark, ...]] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)
