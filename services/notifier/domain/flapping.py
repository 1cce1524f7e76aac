"""Flapping (dao động): an alert that opens again and again is told so once, and then only what it came to."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from services.notifier.domain.alerts import Alert, AlertAction, AlertKey, Step, alert_id
from shared.catalog.policies import FlappingPolicy
from shared.contracts.vocabulary import AlertKind

# At most so many occurrences of a cell can still have something waiting: each supersedes what was before it, or takes
# it along; between two that failed it may have been at risk.
_RECENT = 4


class Flips(NamedTuple):
    """The recent openings of a cell, whether it is flapping by now, and whether it has just begun to."""

    openings: tuple[dt.datetime, ...] = ()
    flapping: bool = False
    begins: bool = False


def after_flip(policy: FlappingPolicy | None, last: Alert | None, moment: dt.datetime) -> Flips:
    """Return what a cell comes to that begins to fail, or to lack data, at a moment; `last` was its newest alert."""
    if policy is None:
        return Flips()
    if last is None or (last.flapping and is_calm(policy, last, moment)):
        return Flips((moment,))
    since = moment - dt.timedelta(days=policy.within_days)
    recent = [each for each in last.openings if each > since]
    openings = (*recent, moment)[-policy.openings :]
    flapping = last.flapping or len(openings) >= policy.openings
    return Flips(openings, flapping, begins=flapping and not last.flapping)


def carried(policy: FlappingPolicy | None, last: Alert | None, moment: dt.datetime) -> Flips:
    """Return what is carried over to an alert whose opening is no flip: of a target that is met, or of new rules."""
    if policy is None or last is None:
        return Flips()
    if last.flapping and is_calm(policy, last, moment):
        return Flips()
    return Flips(last.openings, last.flapping)


def settled(policy: FlappingPolicy | None, alert: Alert, moment: dt.datetime) -> Alert:
    """Return an alert that is about to end: it no longer counts as flapping when it has been calm by then."""
    if alert.flapping and (policy is None or is_calm(policy, alert, moment)):
        return msgspec.structs.replace(alert, flapping=False, openings=())
    return alert


def superseded_by(steps: Iterable[Step]) -> dict[str, str]:
    """Return the earlier occurrences of which nothing that waits is to be told any more, each with the newest one.

    What is told of a flapping cell is what it comes to: the newest occurrence that failed or lacked data.
    """
    touched: dict[AlertKey, list[int]] = {}
    for step in steps:
        if step.is_held_for_calm and step.alert.opened_as is not AlertKind.AT_RISK:
            touched.setdefault(step.alert.key, []).append(step.alert.occurrence)
    return {
        alert_id(key, number): alert_id(key, max(numbers))
        for key, numbers in touched.items()
        for number in range(max(1, min(numbers) - _RECENT), max(numbers))
    }


def before_them(steps: Iterable[Step]) -> dict[str, str]:
    """Return the occurrences just before those that begin here, each with the one that begins."""
    began = [step.alert for step in steps if step.action is AlertAction.OPENED and step.alert.occurrence > 1]
    return {
        alert_id(alert.key, number): alert.id
        for alert in began
        if alert.opened_as is not AlertKind.AT_RISK
        for number in range(max(1, alert.occurrence - _RECENT), alert.occurrence)
    }


def is_calm(policy: FlappingPolicy, alert: Alert, moment: dt.datetime) -> bool:
    """Return whether an alert has neither opened nor ended for the calm time of the policy."""
    turned = alert.opened_at if alert.opened_as is AlertKind.AT_RISK else (alert.ended_at or alert.opened_at)
    return moment - max((*alert.openings, turned)) >= dt.timedelta(hours=policy.calm_hours)
