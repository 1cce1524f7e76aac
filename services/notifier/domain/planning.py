"""From news to ledger entries: what is told of it, to whom, and how long it waits for other news."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.notifier.domain.addressees import Addressees
from services.notifier.domain.alerts import Step
from services.notifier.domain.audit import AuditLine
from services.notifier.domain.course import Course
from services.notifier.domain.ledger import Entry
from services.notifier.domain.policy import Windows
from services.notifier.domain.silences import Silence
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import NodeKind, NoticeKind, VerdictStatus
from shared.contracts.wire import VerdictChanged


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write of some news, and how many of them have no lead unit in the dispatch."""

    entries: list[Entry]
    no_lead: int
    courses: list[Course] = field(default_factory=list)
    audit: list[AuditLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans notifications by one catalog."""

    catalog: Catalog
    windows: Windows
    addressees: Addressees = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "addressees", Addressees(self.catalog))

    def plan(
        self,
        steps: Iterable[Step],
        rollups: Iterable[VerdictChanged],
        now: dt.datetime,
        silences: Sequence[Silence] = (),
    ) -> Plan:
        """Return what to write of what happened to alerts and to the health parts of standards, at the moment `now`."""
        entries: list[Entry] = []
        no_lead = 0
        for step in steps:
            if step.notice is not None and step.notice is not NoticeKind.CLOSED:
                no_lead += self._tell(step, step.notice, entries)
        for change in rollups:
            if is_announced(change):
                self._tell_rollup(change, entries)
        return Plan(entries, no_lead)

    def _tell(self, step: Step, notice: NoticeKind, entries: list[Entry]) -> bool:
        """Add the entries for one step; return whether the dispatch names no lead for it."""
        alert = step.alert
        key = alert.key
        addressees, lacks_lead = self.addressees.of(key.unit, key.node, key.cell, step.as_of, notice)
        wait = self.windows.wait_for(notice, alert.opened_as)
        news = (step.subject, notice, alert.id, key.unit, key.node, key.cell, step.as_of, step.cause, 0, wait)
        entries += [Entry(*news, *addressee) for addressee in addressees]
        return lacks_lead

    def _tell_rollup(self, change: VerdictChanged, entries: list[Entry]) -> None:
        addressees, _ = self.addressees.of(change.unit, None, "", change.as_of, NoticeKind.ROLLUP)
        entries += [
            Entry(
                f"rollup:{change.unit}:{change.node}:{change.sequence}",
                NoticeKind.ROLLUP,
                None,
                change.unit,
                change.node,
                "",
                change.as_of,
                change.cause,
                change.sequence,
                self.windows.wait_for(NoticeKind.ROLLUP, None),
                *addressee,
            )
            for addressee in addressees
        ]


def is_announced(change: VerdictChanged) -> bool:
    """Return whether a roll-up change is told: the health part of a standard becomes met, or stops being met."""
    return change.node_kind is NodeKind.STANDARD and (
        (change.from_status is VerdictStatus.MET) is not (change.to_status is VerdictStatus.MET)
    )
