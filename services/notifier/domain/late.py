"""What a change does that arrives after a newer one of its chỉ tiêu: it is told, and ends as the newer one says."""

from collections.abc import Mapping

import msgspec

from services.notifier.domain.alerts import Alert, AlertAction, EndReason, Evidence, Step
from services.notifier.domain.conditions import WHOLE, Conditions, conditions_of
from services.notifier.domain.lifecycle import end_alert, open_alert, standing_cells
from services.notifier.domain.limits import NO_LIMITS, Limits
from services.notifier.domain.mark import Mark
from shared.contracts.vocabulary import AlertKind, ChangeKind, NoticeKind, VerdictStatus
from shared.contracts.wire import VerdictChanged


def decide_late(
    latest: Mapping[str, Alert], change: VerdictChanged, mark: Mark, limits: Limits = NO_LIMITS
) -> list[Step]:
    """Return what a change does that arrives after a newer one of its chỉ tiêu, the one that left `mark`.

    A breach that is open already began earlier. Any other is opened, so that it is told, and at once goes the way on
    which the newer change would have sent it: resolved only when the target is met, kept open when data is missing.
    """
    if change.to_status is not VerdictStatus.NOT_MET or change.kind is ChangeKind.EVIDENCE:
        return []
    breaches = sorted(c for c, kind in conditions_of(change, ()).holding.items() if kind is AlertKind.BREACH)
    open_now = {cell: alert for cell, alert in latest.items() if alert.is_open}
    newest = _newest(open_now, change, mark)
    before = {cell for cell in standing_cells(open_now) if open_now[cell].opened_at < mark.occurred_at}
    now = conditions_of(newest, before.union(breaches))
    steps: list[Step] = []
    for cell in breaches:
        told = _tell(open_now.get(cell), latest.get(cell), cell, change, newest, now, limits)
        if cell in open_now and open_now[cell].opened_as is AlertKind.AT_RISK and not told[-1].alert.is_open:
            # It was at risk before this breach became known, and still is.
            told.append(open_alert(told[-1].alert, cell, AlertKind.AT_RISK, newest, limits))
        steps += told
    whole = open_now.get(WHOLE)
    if whole is not None and WHOLE not in now.holding and whole.opened_as is AlertKind.DATA_GAP:
        # With this breach known before, the newer change would have kept its cell open instead.
        steps.append(_ended(whole, change, Evidence.of(newest), EndReason.REPLACED, limits))
    return steps


def _newest(open_now: Mapping[str, Alert], change: VerdictChanged, mark: Mark) -> VerdictChanged:
    """Return the newer change as far as it is known: by its mark, and by the alerts that it left open."""
    known = {
        "from_status": change.to_status,
        "from_reason": change.to_reason,
        "to_status": mark.status,
        "to_reason": mark.reason,
        "occurred_at": mark.occurred_at,
    }
    left = next((a.evidence for a in open_now.values() if a.evidence.occurred_at == mark.occurred_at), None)
    if left is None:
        return msgspec.structs.replace(change, cells=(), **known)
    shown = {name: getattr(left, name) for name in Evidence.__struct_fields__ if name not in ("status", "reason")}
    return msgspec.structs.replace(change, **(shown | known))


def _tell(
    open_now: Alert | None,
    last: Alert | None,
    cell: str,
    change: VerdictChanged,
    newest: VerdictChanged,
    now: Conditions,
    limits: Limits,
) -> list[Step]:
    """Return the steps of one cell that failed by the late change."""
    if open_now is not None and open_now.opened_as is AlertKind.BREACH:
        earlier = msgspec.structs.replace(open_now, opened_at=min(open_now.opened_at, change.occurred_at))
        return [Step(AlertAction.LATE, earlier, None, change.cause, change.as_of)]
    steps: list[Step] = []
    if open_now is not None:
        steps.append(_ended(open_now, change, Evidence.of(newest), EndReason.REPLACED, limits))
        last = steps[0].alert
    opened = open_alert(last, cell, AlertKind.BREACH, change, limits)
    steps.append(opened)
    if cell in now.holding:
        lost = opened.alert.seen(Evidence.of(newest), now.holding[cell]).told()
        steps.append(Step(AlertAction.DATA_LOST, lost, NoticeKind.DATA_LOST, newest.cause, newest.as_of))
        return steps
    # The numbers of the breach are kept: those of the newer change are not always known.
    passed = msgspec.structs.replace(Evidence.of(change), occurred_at=newest.occurred_at)
    steps.append(_ended(opened.alert, change, passed, now.ending.get(cell, now.otherwise), limits))
    return steps


def _ended(alert: Alert, change: VerdictChanged, evidence: Evidence, reason: EndReason, limits: Limits) -> Step:
    return end_alert(alert, evidence, reason, change.cause, change.as_of, limits)
