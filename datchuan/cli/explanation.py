"""What `datchuan explain --json` prints: a verdict with its facts, history and responsible units, as one document."""

import datetime as dt
from typing import Any

from datchuan.cli.verdicts import cell_document, status_document
from services.evaluator.adapters import queries
from services.notifier.domain.route import Routing
from shared.catalog.units import AdminUnit
from shared.contracts.wire import IndicatorReported


def explanation_document(
    unit: AdminUnit,
    as_of: dt.date,
    status: queries.NodeStatus,
    facts: list[IndicatorReported],
    history: list[queries.TransitionRow],
    routings: dict[str, Routing],
) -> dict[str, Any]:
    """Return the whole explanation for JSON."""
    return {
        "unit": unit.id,
        "as_of": as_of,
        **status_document(status, unit),
        "responsible": [_routing_document(cell, routing) for cell, routing in routings.items()],
        "facts": [_fact_document(fact) for fact in facts],
        "history": [_transition_document(row) for row in history],
    }


def _routing_document(cell: str, routing: Routing) -> dict[str, Any]:
    return {
        "cell": cell,
        "dispatch": routing.dispatch.id if routing.dispatch else None,
        "assignments": [
            {
                "responsible_unit": found.responsible_unit.id,
                "name_vi": found.name_vi,
                "role": found.role,
                "clauses": [{"section_vi": clause.section_vi, "quote": clause.quote} for clause in found.clauses],
            }
            for found in routing.assignments
        ],
        "gaps": [{"kind": gap.kind, "what_vi": gap.what_vi} for gap in routing.gaps],
    }


def _fact_document(fact: IndicatorReported) -> dict[str, Any]:
    names = ("event_id", "source", "cell", "part", "numerator", "denominator", "value", "deleted", "stage")
    moments = ("period_start", "period_end", "observed_at", "valid_until")
    return {name: getattr(fact, name) for name in (*names, *moments)}


def _transition_document(row: queries.TransitionRow) -> dict[str, Any]:
    plain_fields = {name: getattr(row, name) for name in row.__slots__ if name not in ("before", "after")}
    return {
        **plain_fields,
        "before": [cell_document(cell) for cell in row.before],
        "after": [cell_document(cell) for cell in row.after],
    }
