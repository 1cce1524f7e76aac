"""Alerting on changes that nobody has committed: the notifier's own book and planner, beside the stored alerts."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from services.notifier.domain.alerts import Alert, AlertAction, Step
from services.notifier.domain.book import Book, NodeKey, Outcome
from services.notifier.domain.ledger import Entry
from services.notifier.domain.limits import Limits
from services.notifier.domain.mark import Mark
from services.notifier.domain.momentary import without_momentary_gaps
from services.notifier.domain.planning import Planner
from shared.contracts.vocabulary import AlertKind, NoticeKind
from shared.contracts.wire import VerdictChanged


@dataclass(frozen=True, slots=True)
class Standing:
    """What the notifier has stored of some chỉ tiêu: newest occurrences of their alerts, and their marks.

    `unsent` are the ids of the alerts whose opening still waits to be sent.
    """

    keys: Sequence[NodeKey] = ()
    alerts: Sequence[Alert] = ()
    marks: Sequence[Mark] = ()
    unsent: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Alerted:
    """What would be told: the entries of the ledger, and the alerts and changes of roll-ups that they speak of."""

    entries: list[Entry]
    outcome: Outcome


def keys_of(changes: Iterable[VerdictChanged]) -> list[NodeKey]:
    """Return the chỉ tiêu of units whose `Standing` is needed for the changes."""
    return Book().unknown(changes)


def alert(
    planner: Planner,
    standing: Standing,
    before: Sequence[VerdictChanged],
    after: Sequence[VerdictChanged],
    now: dt.datetime,
) -> Alerted:
    """Return whom the changes `after` would be told at the moment `now`, after `before`, told by others.

    A condition that is open already is not told again, so it brings nothing here either.
    """
    book = Book(Limits.of(planner.catalog))
    book.learn(standing.keys, standing.alerts, standing.marks)
    first = book.apply(without_momentary_gaps(before))
    outcome = book.apply(without_momentary_gaps(after))
    plan = planner.plan(outcome.steps, outcome.rollups, now)
    return Alerted(_settled(plan.entries, outcome.steps, first.opened.union(standing.unsent)), outcome)


def _settled(entries: Iterable[Entry], steps: Iterable[Step], unsent: Collection[str]) -> list[Entry]:
    """Return the entries that would still be sent: what is over before anybody heard of it is told to nobody.

    Only a breach that is met again at once is told all the same: its opening and its end, in one message.
    """
    opened, closed, back, gaps = set(unsent), set(), set(), set()
    for step in steps:
        match step.action:
            case AlertAction.OPENED:
                opened.add(step.alert.id)
            case AlertAction.CLOSED:
                closed.add(step.alert.id)
            case AlertAction.DATA_BACK:
                back.add(step.alert.id)
            case AlertAction.RESOLVED:
                back.add(step.alert.id)
                if step.alert.opened_as is AlertKind.DATA_GAP and not step.alert.flapping:
                    gaps.add(step.alert.id)
    untold = closed | (gaps & opened)
    return [
        entry
        for entry in entries
        if entry.alert_id not in untold and not (entry.kind is NoticeKind.DATA_LOST and entry.alert_id in back)
    ]
