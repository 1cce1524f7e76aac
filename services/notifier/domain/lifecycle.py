"""The life of an alert: opened, updated, marked as without data, resolved or closed, by one change at a time."""

import datetime as dt
from collections.abc import Iterator, Mapping

from services.notifier.domain.alerts import Alert, AlertAction, AlertKey, EndReason, Evidence, Step, alert_id
from services.notifier.domain.conditions import conditions_of
from shared.contracts.vocabulary import AlertKind, Cause, ChangeKind, NoticeKind, VerdictStatus
from shared.contracts.wire import VerdictChanged

_FINE = (VerdictStatus.MET, VerdictStatus.NOT_APPLICABLE)


def decide(latest: Mapping[str, Alert], change: VerdictChanged) -> list[Step]:
    """Return what `change` does to the alerts of its chỉ tiêu; `latest` is the newest occurrence of each cell."""
    open_now = {cell: alert for cell, alert in latest.items() if alert.ended_at is None}
    if not open_now and change.to_status in _FINE:
        return []  # by far the most changes: nothing was wrong and nothing is
    conditions = conditions_of(change, open_now)
    steps: list[Step] = []
    for cell, alert in sorted(open_now.items()):
        if cell not in conditions.holding:
            steps.append(_end(alert, change, conditions.ending.get(cell, conditions.otherwise)))
    for cell, kind in sorted(conditions.holding.items()):
        if cell in open_now:
            steps.extend(_continue(open_now[cell], kind, change))
        else:
            steps.append(open_alert(latest.get(cell), cell, kind, change))
    return steps


def open_alert(last: Alert | None, cell: str, kind: AlertKind, change: VerdictChanged) -> Step:
    """Return the step that opens the next occurrence after `last`."""
    key = AlertKey(change.unit, change.node, cell)
    occurrence = 1 if last is None else last.occurrence + 1
    alert = Alert(
        id=alert_id(key, occurrence),
        key=key,
        occurrence=occurrence,
        opened_as=kind,
        kind=kind,
        opened_at=change.occurred_at,
        opened_cause=change.cause,
        evidence=Evidence.of(change),
        breaches=(last.breaches if last else 0) + (kind is AlertKind.BREACH),
    )
    notice = NoticeKind.RULESET_CHANGE if _announces(change) else NoticeKind.OPENED
    return Step(AlertAction.OPENED, alert, notice, change.cause, change.as_of)


def _continue(alert: Alert, kind: AlertKind, change: VerdictChanged) -> Iterator[Step]:
    """Carry an open alert through a change after which its condition still holds."""
    if alert.opened_as is AlertKind.DATA_GAP and kind is AlertKind.BREACH:
        closed = _end(alert, change, EndReason.REPLACED)
        yield closed
        yield open_alert(closed.alert, alert.key.cell, kind, change)
        return
    seen = alert.seen(Evidence.of(change), kind)
    if _announces(change):
        yield Step(AlertAction.UPDATED, seen.told(), NoticeKind.RULESET_CHANGE, change.cause, change.as_of)
    elif kind is AlertKind.DATA_GAP and alert.kind is AlertKind.BREACH:
        yield Step(AlertAction.DATA_LOST, seen.told(), NoticeKind.DATA_LOST, change.cause, change.as_of)
    elif kind is AlertKind.BREACH and alert.kind is AlertKind.DATA_GAP:
        yield Step(AlertAction.DATA_BACK, seen, None, change.cause, change.as_of)
    else:
        yield Step(AlertAction.UPDATED, seen, None, change.cause, change.as_of)


def _end(alert: Alert, change: VerdictChanged, reason: EndReason) -> Step:
    return end_alert(alert, Evidence.of(change), reason, change.cause, change.as_of)


def end_alert(alert: Alert, evidence: Evidence, reason: EndReason, cause: Cause, as_of: dt.date) -> Step:
    """Return the step that ends an alert: with good news when the target is met, else closed without a claim."""
    ended = alert.ended(evidence, reason)
    if reason is EndReason.MET:
        return Step(AlertAction.RESOLVED, ended, NoticeKind.RESOLVED, cause, as_of)
    return Step(AlertAction.CLOSED, ended, NoticeKind.CLOSED, cause, as_of)


def _announces(change: VerdictChanged) -> bool:
    """Return whether a change of the rules, not of the numbers, made this verdict."""
    return change.cause is Cause.RULESET and change.kind is ChangeKind.TRANSITION
