"""The census: how many units stand where, chỉ tiêu by chỉ tiêu, for the dashboards."""

from collections import Counter

from services.evaluator.domain.engine import Engine
from shared.contracts.vocabulary import VerdictStatus


def census(engine: Engine) -> Counter[tuple[str, VerdictStatus]]:
    """Return the number of units by (node, status)."""
    found: Counter[tuple[str, VerdictStatus]] = Counter()
    for unit in engine.units.values():
        for node, current in zip(unit.plan.nodes, unit.findings, strict=True):
            found[node.name, current.status] += 1
    return found
