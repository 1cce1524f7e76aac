"""Verdicts as tables and as JSON: how `status` and `explain` show one."""

from typing import Any

from rich.text import Text

from datchuan.cli.output import moment, number
from datchuan.labels import OPERATOR_VI, cell_vi, confidence_vi, reason_vi, status_vi
from services.evaluator.adapters.queries import NodeStatus
from services.notifier.domain.numbers_vi import count_vi, percent_of, percent_vi, threshold_vi
from shared.catalog.rulesets import IndicatorRule
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Confidence, Operator, VerdictStatus
from shared.contracts.wire import CellFinding

_FLOORS = (Operator.AT_LEAST, Operator.MORE_THAN)
_CEILINGS = (Operator.AT_MOST, Operator.LESS_THAN)
_YES_OR_NO = (Operator.IS_TRUE, Operator.CERTIFICATE_VALID)


def target_vi(rule: IndicatorRule, threshold: float | None) -> str:
    """Return the target of a chỉ tiêu as an official reads it: "≥ 90 %"."""
    if rule.operator is Operator.NO_EVENT_IN_WINDOW:
        return f"không quá {number(threshold)} sự cố" if threshold else "không có sự cố"
    if rule.operator is None or rule.disabled:
        return "chưa biết"
    word = OPERATOR_VI[rule.operator]
    if rule.operator in _YES_OR_NO:
        return word
    return f"{word} {threshold_vi(threshold)} %" if threshold is not None else "chưa biết"


def measure_vi(cell: CellFinding, rule: IndicatorRule, threshold: float | None) -> str:
    """Return the measure of one cell: "88,45 % (973/1.100)", "có", "1", or a dash.

    Rounded as in the mails: 89,999 % that misses 90 % never reads 90,00 %; all else reads alike on every line.
    """
    missed = rule.operator if cell.status is VerdictStatus.NOT_MET and rule.operator in _FLOORS + _CEILINGS else None
    percent = percent_of(cell.numerator, cell.denominator, cell.value)
    rate = "" if percent is None else f"{percent_vi(percent, missed, threshold)} %"
    if cell.numerator is not None and cell.denominator and percent is not None:
        return f"{rate} ({count_vi(cell.numerator)}/{count_vi(cell.denominator)})"
    if cell.numerator is not None or cell.denominator is not None:
        return f"{number(cell.numerator)}/{number(cell.denominator)}"
    if cell.value is None or percent is None:
        return "–"
    if rule.operator in _YES_OR_NO:
        return "có" if cell.value >= 1 else "không"
    return number(cell.value) if rule.operator is Operator.NO_EVENT_IN_WINDOW else rate


def cell_line(cell: CellFinding, rule: IndicatorRule, threshold: float | None, period: str = "") -> str:
    """Return the measure of one cell with its sex or sector, its period, and what is missing to the target."""
    name = f"{cell_vi(cell.cell)}: " if cell.cell else ""
    of_period = f", kỳ {period}" if period else ""
    gap = f", còn thiếu {count_vi(cell.gap)}" if cell.gap and rule.operator in _FLOORS else ""
    over = f", vượt {count_vi(cell.gap)}" if cell.gap and rule.operator in _CEILINGS else ""
    return f"{name}{measure_vi(cell, rule, threshold)}{of_period}{gap}{over}"


def cells_vi(status: NodeStatus, rule: IndicatorRule) -> str:
    """Return the measures of all cells, one a line."""
    threshold = None if status.node.leaf is None else status.node.leaf.threshold
    return "\n".join(cell_line(cell, rule, threshold) for cell in status.cells)


def threshold_confidence(rule: IndicatorRule, unit: AdminUnit) -> Confidence:
    """Return how far the threshold that a rule sets for a unit can be trusted."""
    return rule.applied_confidence((unit.group, unit.region))


def confidences_vi(rule: IndicatorRule, unit: AdminUnit) -> tuple[str, ...]:
    """Return how far each number of a rule can be trusted: its threshold for the unit, its code, its window."""
    asked = "ngưỡng" if rule.thresholds else "yêu cầu"
    words = [
        f"{asked}: {confidence_vi(threshold_confidence(rule, unit))}",
        f"số hiệu: {confidence_vi(rule.code_confidence)}",
    ]
    if rule.window is not None:
        # A window that nobody vouches for is as good as a guess.
        words.append(f"thời gian xét (trong năm): {confidence_vi(rule.window_confidence or Confidence.UNCERTAIN)}")
    return tuple(words)


def confidence_document(rule: IndicatorRule, unit: AdminUnit) -> dict[str, Any]:
    """Return the confidences of a rule for JSON; "confidence" is that of the threshold for the unit."""
    return {
        "confidence": threshold_confidence(rule, unit),
        "code_confidence": rule.code_confidence,
        "window_confidence": rule.window_confidence if rule.window is not None else None,
    }


def status_row(status: NodeStatus, unit: AdminUnit) -> tuple[str | Text, ...]:
    """Return the row of one verdict in the table of a unit."""
    since = moment(status.since)[:10]
    verdict, reason = status_vi(status.finding.status), reason_vi(status.finding.reason)
    leaf = status.node.leaf
    if leaf is None:
        return Text(status.node.name, style="bold"), "", "", "", verdict, reason, since, ""
    return (
        status.node.name,
        leaf.rule.name_vi,
        cells_vi(status, leaf.rule),
        target_vi(leaf.rule, leaf.threshold),
        verdict,
        reason,
        since,
        "\n".join(confidences_vi(leaf.rule, unit)),
    )


def status_document(status: NodeStatus, unit: AdminUnit) -> dict[str, Any]:
    """Return one verdict for JSON; a legal number always with its source and confidence."""
    leaf = status.node.leaf
    document: dict[str, Any] = {
        "node": status.node.name,
        "kind": status.node.kind,
        "status": status.finding.status,
        "reason": status.finding.reason,
        "cells_at_fault": status.finding.cells,
        "since": status.since,
        "ruleset": status.ruleset,
    }
    if leaf is not None:
        document |= {
            "name_vi": leaf.rule.name_vi,
            "indicator": leaf.rule.indicator,
            "operator": leaf.rule.operator,
            "threshold": leaf.threshold,
            "legal_source": leaf.rule.legal_source,
            **confidence_document(leaf.rule, unit),
            "cells": [cell_document(cell) for cell in status.cells],
        }
    return document


def cell_document(cell: CellFinding) -> dict[str, Any]:
    """Return one cell for JSON."""
    return {
        "cell": cell.cell,
        "status": cell.status,
        "reason": cell.reason,
        "numerator": cell.numerator,
        "denominator": cell.denominator,
        "value": cell.value,
        "gap": cell.gap,
    }
