"""The life of an alert: opened, updated, marked as without data, resolved or closed, by one change at a time."""

import datetime as dt
from collections.abc import Iterator, Mapping

import msgspec

from services.notifier.domain.alerts import Alert, AlertAction, AlertKey, EndReason, Evidence, Step, alert_id
from services.notifier.domain.conditions import WHOLE, Conditions, conditions_of
from services.notifier.domain.flapping import Flips, after_flip, carried, settled
from services.notifier.domain.limits import NO_LIMITS, Limits
from services.notifier.domain.risk import cells_at_risk
from shared.contracts.vocabulary import AlertKind, Cause, ChangeKind, NoticeKind, VerdictStatus
from shared.contracts.wire import VerdictChanged

_MET = VerdictStatus.MET
_FINE = (_MET, VerdictStatus.NOT_APPLICABLE)
_AT_RISK = AlertKind.AT_RISK


def decide(latest: Mapping[str, Alert], change: VerdictChanged, limits: Limits = NO_LIMITS) -> list[Step]:
    """Return what `change` does to the alerts of its chỉ tiêu; `latest` is the newest occurrence of each cell."""
    open_now = {cell: alert for cell, alert in latest.items() if alert.ended_at is None}
    if not open_now and change.to_status in _FINE and not (change.cells and change.node in limits.margins):
        return []  # by far the most changes: nothing was wrong and nothing is
    conditions = conditions_of(change, standing_cells(open_now))
    holding = conditions.holding | _at_risk(change, conditions, open_now, limits)
    steps: list[Step] = []
    for cell, alert in sorted(open_now.items()):
        if cell not in holding:
            steps.append(_end(alert, change, _end_reason(alert, conditions), limits))
    for cell, kind in sorted(holding.items()):
        if cell in open_now:
            steps.extend(_continue(open_now[cell], kind, change, limits))
        else:
            steps.append(open_alert(latest.get(cell), cell, kind, change, limits))
    return steps


def standing_cells(open_now: Mapping[str, Alert]) -> set[str]:
    """Return the cells that fail or lack data: silence never resolves them, and takes the place of a mere risk."""
    return {cell for cell, alert in open_now.items() if alert.opened_as is not _AT_RISK}


def _at_risk(
    change: VerdictChanged, conditions: Conditions, open_now: Mapping[str, Alert], limits: Limits
) -> dict[str, AlertKind]:
    """Return the cells that are met and at risk, where nothing worse of the same chỉ tiêu keeps that from being told.

    While another cell fails or lacks data no risk is opened, but one that was told goes on; while the data of the
    whole is missing there is none.
    """
    margin = limits.margins.get(change.node)
    if margin is None or not change.cells or WHOLE in conditions.holding:
        return {}
    found = cells_at_risk(margin, change, open_now)
    return {
        cell: _AT_RISK
        for cell in found
        if cell not in conditions.holding
        and (change.to_status is _MET or (cell in open_now and open_now[cell].opened_as is _AT_RISK))
    }


def _end_reason(alert: Alert, conditions: Conditions) -> EndReason:
    reason = conditions.ending.get(alert.key.cell, conditions.otherwise)
    if reason is EndReason.MET and alert.opened_as is _AT_RISK:
        return EndReason.NO_LONGER_AT_RISK
    return reason


def open_alert(
    last: Alert | None, cell: str, kind: AlertKind, change: VerdictChanged, limits: Limits = NO_LIMITS
) -> Step:
    """Return the step that opens the next occurrence after `last`."""
    key = AlertKey(change.unit, change.node, cell)
    occurrence = 1 if last is None else last.occurrence + 1
    is_flip = kind is not _AT_RISK and not _announces(change)
    flips = (after_flip if is_flip else carried)(limits.flapping, last, change.occurred_at)
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
        openings=flips.openings,
        flapping=flips.flapping,
    )
    return Step(AlertAction.OPENED, alert, _opening_notice(kind, change, flips), change.cause, change.as_of)


def _opening_notice(kind: AlertKind, change: VerdictChanged, flips: Flips) -> NoticeKind:
    if kind is _AT_RISK:
        return NoticeKind.AT_RISK
    if flips.begins:
        return NoticeKind.FLAPPING
    return NoticeKind.RULESET_CHANGE if _announces(change) else NoticeKind.OPENED


def _continue(alert: Alert, kind: AlertKind, change: VerdictChanged, limits: Limits) -> Iterator[Step]:
    """Carry an open alert through a change after which its cell is still worth an alert."""
    if _gives_way(alert, kind):
        ended = _end(alert, change, EndReason.MET if kind is _AT_RISK else EndReason.REPLACED, limits)
        yield ended
        yield open_alert(ended.alert, alert.key.cell, kind, change, limits)
        return
    seen = alert.seen(Evidence.of(change), kind)
    if _announces(change) and kind is not _AT_RISK:
        yield Step(AlertAction.UPDATED, seen.told(), NoticeKind.RULESET_CHANGE, change.cause, change.as_of)
    elif kind is AlertKind.DATA_GAP and alert.kind is AlertKind.BREACH:
        yield _lose_data(alert, seen.told(), change, limits)
    elif kind is AlertKind.BREACH and alert.kind is AlertKind.DATA_GAP:
        yield Step(AlertAction.DATA_BACK, seen, None, change.cause, change.as_of)
    else:
        yield Step(AlertAction.UPDATED, seen, None, change.cause, change.as_of)


def _gives_way(alert: Alert, kind: AlertKind) -> bool:
    """Return whether an alert ends and another opens; only a breach goes on as something else, without its data."""
    return kind is not alert.opened_as and not (alert.opened_as is AlertKind.BREACH and kind is AlertKind.DATA_GAP)


def _lose_data(alert: Alert, told: Alert, change: VerdictChanged, limits: Limits) -> Step:
    """Return the step of a breach whose source has fallen silent: it stays open, and data that come and go flap."""
    flips = after_flip(limits.flapping, alert, change.occurred_at)
    lost = msgspec.structs.replace(told, openings=flips.openings, flapping=flips.flapping)
    notice = NoticeKind.FLAPPING if flips.begins else NoticeKind.DATA_LOST
    return Step(AlertAction.DATA_LOST, lost, notice, change.cause, change.as_of)


def _end(alert: Alert, change: VerdictChanged, reason: EndReason, limits: Limits) -> Step:
    return end_alert(alert, Evidence.of(change), reason, change.cause, change.as_of, limits)


def end_alert(
    alert: Alert, evidence: Evidence, reason: EndReason, cause: Cause, as_of: dt.date, limits: Limits = NO_LIMITS
) -> Step:
    """Return the step that ends an alert: with good news when the target is met, else closed without a claim."""
    ended = settled(limits.flapping, alert, evidence.occurred_at).ended(evidence, reason)
    if reason is EndReason.MET:
        return Step(AlertAction.RESOLVED, ended, NoticeKind.RESOLVED, cause, as_of, was_flapping=alert.flapping)
    return Step(AlertAction.CLOSED, ended, NoticeKind.CLOSED, cause, as_of)


def _announces(change: VerdictChanged) -> bool:
    """Return whether a change of the rules, not of the numbers, made this verdict."""
    return change.cause is Cause.RULESET and change.kind is ChangeKind.TRANSITION
