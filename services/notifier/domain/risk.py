"""At risk: a target that is met, but only just, or that another change as large as the last one would miss."""

from collections.abc import Mapping

import msgspec

from services.notifier.domain.alerts import Alert
from services.notifier.domain.conditions import WHOLE
from services.notifier.domain.limits import Margin
from shared.contracts.vocabulary import AlertKind, Operator, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged

_FLOORS = (Operator.AT_LEAST, Operator.MORE_THAN)
_RATES = (*_FLOORS, Operator.AT_MOST, Operator.LESS_THAN)
_STRICT = (Operator.MORE_THAN, Operator.LESS_THAN)
# Percentages are floats: 90.5 - 90 must still lie within a margin of 0.5.
_ROUNDING = 1e-9


def cells_at_risk(margin: Margin, change: VerdictChanged, open_now: Mapping[str, Alert]) -> set[str]:
    """Return the cells that are met and at risk after a change; "" stands for cells that are judged by their sum.

    `open_now` are the open alerts by cell: who was falling and has not moved since is still at risk.
    """
    if change.operator not in _RATES or change.threshold is None:
        return set()
    found = (_total(change),) if margin.adds_up else change.cells
    return {finding.cell for finding in found if finding is not None and _is_at_risk(margin, change, finding, open_now)}


def _is_at_risk(margin: Margin, change: VerdictChanged, finding: CellFinding, open_now: Mapping[str, Alert]) -> bool:
    if finding.status is not VerdictStatus.MET or finding.reason is not VerdictReason.TARGET_MET:
        return False
    percent = percentage(finding)
    if percent is None or change.threshold is None:
        return False
    away = _distance(change, percent)
    if away <= margin.margin + _ROUNDING:
        return True
    if away > margin.watch + _ROUNDING:
        return False
    if finding.before is None:
        return _has_not_moved(finding, open_now.get(finding.cell), adds_up=margin.adds_up)
    lost = _distance(change, finding.before) - away
    return lost > away + _ROUNDING or (change.operator in _STRICT and lost > _ROUNDING and lost >= away - _ROUNDING)


def _distance(change: VerdictChanged, percent: float) -> float:
    """Return by how many points a percentage is on the good side of the threshold."""
    threshold = change.threshold or 0.0
    return percent - threshold if change.operator in _FLOORS else threshold - percent


def _has_not_moved(finding: CellFinding, alert: Alert | None, *, adds_up: bool) -> bool:
    if alert is None or alert.opened_as is not AlertKind.AT_RISK:
        return False
    last = total_of(alert.evidence.cells) if adds_up else alert.evidence.finding(finding.cell)
    return last is not None and percentage(last) == percentage(finding)


def percentage(finding: CellFinding) -> float | None:
    """Return the percentage of a cell, None when it has none."""
    if finding.value is not None:
        return finding.value
    if finding.numerator is None or not finding.denominator:
        return None
    return 100 * finding.numerator / finding.denominator


def _total(change: VerdictChanged) -> CellFinding | None:
    if change.to_status is not VerdictStatus.MET:
        return None
    return total_of(change.cells)


def total_of(cells: tuple[CellFinding, ...]) -> CellFinding | None:
    """Return the sum of the cells of a met chỉ tiêu as one finding; None when one of them has no counts."""
    if not cells or any(cell.numerator is None or cell.denominator is None for cell in cells):
        return None
    return msgspec.structs.replace(
        cells[0],
        cell=WHOLE,
        status=VerdictStatus.MET,
        reason=VerdictReason.TARGET_MET,
        numerator=sum(cell.numerator or 0 for cell in cells),
        denominator=sum(cell.denominator or 0 for cell in cells),
        value=None,
    )
