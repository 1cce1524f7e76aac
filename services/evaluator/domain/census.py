"""The census: how many units stand where, chỉ tiêu by chỉ tiêu, for the dashboards."""

from collections import Counter

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.findings import Finding
from services.evaluator.domain.plan import Plan
from shared.contracts.vocabulary import VerdictStatus


def census(engine: Engine) -> Counter[tuple[str, VerdictStatus]]:
    """Return the number of units by (node, status)."""
    by_plan: dict[int, tuple[Plan, list[list[Finding]]]] = {}
    for unit in engine.units.values():
        by_plan.setdefault(id(unit.plan), (unit.plan, []))[1].append(unit.findings)
    found: Counter[tuple[str, VerdictStatus]] = Counter()
    for plan, findings in by_plan.values():
        for node, column in zip(plan.nodes, zip(*findings, strict=True), strict=True):
            # Equal findings are one object: counting objects costs a tenth of counting names and statuses.
            each = {id(current): current for current in column}
            for identity, count in Counter(map(id, column)).items():
                found[node.name, each[identity].status] += count
    return found
