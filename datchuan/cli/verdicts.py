"""Verdicts as tables and as JSON: how `status` and `explain` show one."""

from typing import Any

from datchuan.cli.output import moment, number
from datchuan.labels import cell_vi, status_vi
from services.evaluator.adapters.queries import NodeStatus
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.vocabulary import Operator
from shared.contracts.wire import CellFinding

_OPERATOR_VI = {
    Operator.AT_LEAST: "≥",
    Operator.AT_MOST: "≤",
    Operator.MORE_THAN: ">",
    Operator.LESS_THAN: "<",
    Operator.IS_TRUE: "đạt (xác nhận)",
    Operator.CERTIFICATE_VALID: "quyết định công nhận còn hiệu lực",
}


def target_vi(rule: IndicatorRule, threshold: float | None) -> str:
    """Return the target of a chỉ tiêu as an official reads it: "≥ 90 %"."""
    if rule.operator is Operator.NO_EVENT_IN_WINDOW:
        return f"không quá {number(threshold)} sự cố" if threshold else "không có sự cố"
    if rule.operator is None or rule.disabled:
        return "chưa biết"
    word = _OPERATOR_VI[rule.operator]
    if rule.operator in (Operator.IS_TRUE, Operator.CERTIFICATE_VALID):
        return word
    return f"{word} {number(threshold)} %" if threshold is not None else "chưa biết"


def measure_vi(cell: CellFinding, rule: IndicatorRule) -> str:
    """Return the measure of one cell: "88,45 % (973/1100)", "có", "1", or a dash."""
    if cell.numerator is not None and cell.denominator:
        return f"{number(100 * cell.numerator / cell.denominator)} % ({cell.numerator}/{cell.denominator})"
    if cell.numerator is not None or cell.denominator is not None:
        return f"{number(cell.numerator)}/{number(cell.denominator)}"
    if cell.value is None:
        return "–"
    if rule.operator in (Operator.IS_TRUE, Operator.CERTIFICATE_VALID):
        return "có" if cell.value >= 1 else "không"
    return number(cell.value) + ("" if rule.operator is Operator.NO_EVENT_IN_WINDOW else " %")


def cells_vi(status: NodeStatus, rule: IndicatorRule) -> str:
    """Return the measures of all cells, one a line, with what is missing to the target."""
    lines = []
    for cell in status.cells:
        name = f"{cell_vi(cell.cell)}: " if cell.cell else ""
        gap = f", còn thiếu {cell.gap}" if cell.gap and rule.operator in (Operator.AT_LEAST, Operator.MORE_THAN) else ""
        over = f", vượt {cell.gap}" if cell.gap and rule.operator in (Operator.AT_MOST, Operator.LESS_THAN) else ""
        lines.append(f"{name}{measure_vi(cell, rule)}{gap}{over}")
    return "\n".join(lines)


def status_row(status: NodeStatus) -> tuple[str, ...]:
    """Return the row of one verdict in the table of a commune."""
    since = moment(status.since)[:10]
    verdict, reason = status_vi(status.finding.status), status.finding.reason.value
    leaf = status.node.leaf
    if leaf is None:
        return f"[bold]{status.node.name}[/]", "", "", "", verdict, reason, since, ""
    target = target_vi(leaf.rule, leaf.threshold)
    confidence = f"ngưỡng {leaf.rule.confidence.value}\nsố hiệu {leaf.rule.code_confidence.value}"
    return (
        status.node.name,
        leaf.rule.name_vi,
        cells_vi(status, leaf.rule),
        target,
        verdict,
        reason,
        since,
        confidence,
    )


def status_document(status: NodeStatus) -> dict[str, Any]:
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
            "confidence": leaf.rule.confidence,
            "code_confidence": leaf.rule.code_confidence,
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
