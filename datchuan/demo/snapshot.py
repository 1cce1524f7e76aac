"""What the board shows, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from datchuan.demo.mails import Mail
from shared.contracts.vocabulary import VerdictReason, VerdictStatus


@dataclass(frozen=True)
class Change:
    """One transition, ready to be shown."""

    commune_vi: str
    node: str
    from_status: VerdictStatus
    to_status: VerdictStatus
    to_reason: VerdictReason


@dataclass(frozen=True)
class Snapshot:
    """The state of the stack at one moment: verdicts by district, totals, and the latest changes and mails.

    `waiting` is what is under way; what local policy holds back until later is `held`.
    """

    verdicts: Mapping[str, Mapping[VerdictStatus, int]] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    mails: tuple[Mail, ...] = ()
    transitions: int = 0
    alerts: int = 0
    waiting: int = 0
    held: int = 0

    @property
    def mail_count(self) -> int:
        """How many mails arrived."""
        return len(self.mails)
