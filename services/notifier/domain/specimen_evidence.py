"""Numbers that nobody reported, such as a notice would show: a little short of the target, just above it, none."""

import datetime as dt
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from services.notifier.domain.alerts import Evidence
from services.notifier.domain.labels_vi import CEILINGS, HOLDS_SIGN
from services.notifier.domain.numbers_vi import VIET_NAM
from shared.catalog.rulesets import IndicatorRule
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Cause, NoticeKind, Operator, Sector, Sex, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding

_DENOMINATOR = 1292
_FEW = 14
_MANY = 75
_NEAR = 4
_GROUPS: tuple[tuple[str, ...], ...] = (tuple(Sex), tuple(Sector))
_UNKNOWN = (VerdictReason.RULE_UNKNOWN, VerdictReason.RULE_UNKNOWN)
_GOOD = frozenset({NoticeKind.RESOLVED, NoticeKind.AT_RISK})


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which cell of which rule is told of, by which notice."""

    rule: IndicatorRule
    cell: str
    notice: NoticeKind


def specimen_evidence(
    unit: AdminUnit, rule: IndicatorRule, cell: str, notice: NoticeKind, now: dt.datetime
) -> Evidence:
    """Return numbers of the month before a moment for all cells of a rule; the cell told of fits the notice."""
    asked = _Asked(rule, cell, notice)
    threshold = rule.threshold_for((unit.group, unit.region))
    today = now.astimezone(VIET_NAM).date()
    last = today.replace(day=1) - dt.timedelta(days=1)
    cells = tuple(_finding(asked, each, threshold) for each in _cells(cell))
    own = next(finding for finding in cells if finding.cell == cell)
    return Evidence(
        status=own.status,
        reason=own.reason,
        cause=Cause.RULESET if notice is NoticeKind.RULESET_CHANGE else Cause.DATA,
        ruleset=rule.ruleset,
        catalog="",
        occurred_at=now,
        as_of=today,
        period_start=last.replace(day=1),
        period_end=last,
        operator=rule.operator,
        threshold=None if threshold is None else float(threshold),
        cells=cells,
    )


def _cells(cell: str) -> tuple[str, ...]:
    return next((group for group in _GROUPS if cell in group), (cell,))


def _finding(asked: _Asked, cell: str, threshold: Decimal | None) -> CellFinding:
    met = cell != asked.cell or asked.notice in _GOOD
    if cell == asked.cell and asked.notice is NoticeKind.DATA_LOST:
        return CellFinding(cell=cell, status=VerdictStatus.NOT_EVALUABLE, reason=VerdictReason.STALE_DATA)
    operator = asked.rule.operator
    if operator not in HOLDS_SIGN or threshold is None:
        return _fact(operator, cell, met=met)
    spare = (_NEAR if asked.notice is NoticeKind.AT_RISK and cell == asked.cell else _MANY) if met else -_FEW
    limit = _last_that_meets(operator, threshold)
    sign = -1 if operator in CEILINGS else 1
    numerator = max(0, min(_DENOMINATOR, limit + sign * spare))
    falling = Decimal(100 * (limit + sign * _MANY)) / _DENOMINATOR
    missed = VerdictReason.ABOVE_CEILING if operator in CEILINGS else VerdictReason.BELOW_TARGET
    return CellFinding(
        cell=cell,
        status=VerdictStatus.MET if met else VerdictStatus.NOT_MET,
        reason=VerdictReason.TARGET_MET if met else missed,
        numerator=numerator,
        denominator=_DENOMINATOR,
        gap=0 if met else abs(limit - numerator),
        before=min(100.0, float(falling)) if asked.notice is NoticeKind.AT_RISK else None,
    )


def _last_that_meets(operator: Operator | None, threshold: Decimal) -> int:
    """Return the numerator that meets a target by a hair: of a floor the least one, of a ceiling the greatest one."""
    exact = threshold * _DENOMINATOR / 100
    below, above = (int(exact.to_integral_value(rounding)) for rounding in (ROUND_FLOOR, ROUND_CEILING))
    if operator in CEILINGS:
        return below if operator is Operator.AT_MOST else above - 1
    return above if operator is Operator.AT_LEAST else below + 1


def _fact(operator: Operator | None, cell: str, *, met: bool) -> CellFinding:
    """Return the finding of a chỉ tiêu that is no rate."""
    reasons = {
        Operator.NO_EVENT_IN_WINDOW: (VerdictReason.NO_INCIDENT, VerdictReason.INCIDENT_OPEN),
        Operator.CERTIFICATE_VALID: (VerdictReason.CERTIFICATE_VALID, VerdictReason.CERTIFICATE_EXPIRED),
    }
    good, bad = reasons.get(operator, (VerdictReason.ATTESTED, VerdictReason.ATTESTED_NOT)) if operator else _UNKNOWN
    status = VerdictStatus.MET if met else VerdictStatus.NOT_MET
    value = float(met if operator is not Operator.NO_EVENT_IN_WINDOW else not met)
    return CellFinding(cell=cell, status=status, reason=good if met else bad, value=value)
