"""Checks of escalation (policies.yaml): steps in order, each with somebody to reach, and no policy behind another."""

from collections.abc import Iterator

from shared.catalog.catalog import Catalog
from shared.catalog.checks.findings import Finding, placed, unknown
from shared.catalog.policies import EscalationPolicy, SuperiorUnit
from shared.catalog.problems import Problem, at
from shared.contracts.vocabulary import AlertKind, Role

FILE = "policies.yaml"
PART = "escalation"


def check_escalation(catalog: Catalog) -> list[Problem]:
    """Return the problems of escalation: unknown indicators, steps that reach nobody, policies that nothing reaches."""
    problems: list[Problem] = []
    policies = catalog.policies.escalation
    for index, policy in enumerate(policies):
        key = at(PART, index, policy.id)
        problems += unknown(FILE, f"{key}.indicators", policy.indicators, catalog.indicator_by_key, "indicators.yaml")
        problems += placed(FILE, key, _policy_findings(policy))
        for number, (field, value, what, remedy) in _step_findings(catalog, policy):
            problems.append(Problem(FILE, f"{key}.steps[{number}].{field}", value, what, remedy))
        for earlier in policies[:index]:
            if _covers(catalog, earlier, policy):
                what = f"is never used: {earlier.id}, which stands before it, fits the same alerts"
                problems.append(
                    Problem(FILE, f"{key}.id", policy.id, what, f"put it before {earlier.id}, or remove it")
                )
                break
    return problems


def _policy_findings(policy: EscalationPolicy) -> Iterator[Finding]:
    if not (policy.steps or policy.remind_every or policy.acknowledge_within):
        what = "neither escalates nor reminds nor asks for an acknowledgement"
        yield "steps", None, what, "give steps, remind_every or acknowledge_within, or remove the policy"
    if AlertKind.AT_RISK in policy.kinds and policy.steps:
        what = "is never escalated: the target is still met"
        yield "kinds", AlertKind.AT_RISK.value, what, "remove it, or give it a policy without steps"


def _step_findings(catalog: Catalog, policy: EscalationPolicy) -> Iterator[tuple[int, Finding]]:
    superiors = {unit.id: unit for unit in catalog.policies.superiors}
    latest = 0
    for number, step in enumerate(policy.steps):
        days = step.after_working_days
        if days < latest:
            what = f"comes before the step above it, which is after {latest} working days"
            yield number, ("after_working_days", days, what, "list the steps in the order of their days")
        latest = max(latest, days)
        if step.to_role is Role.SUPERIOR:
            what = "is no role that a dispatch gives: nobody is reached"
            yield number, ("to_role", step.to_role.value, what, "name a unit of superiors with to_unit")
        if step.to_unit is None:
            continue
        unit = superiors.get(step.to_unit)
        if unit is None:
            yield number, ("to_unit", step.to_unit, "is not defined in superiors", "correct it, or define it there")
        elif policy.scope and not _meets(catalog, policy, unit):
            what = f"has nothing of the scope of {policy.id} in its own: nobody is reached"
            yield number, ("to_unit", step.to_unit, what, "name the unit above that scope")


def _meets(catalog: Catalog, policy: EscalationPolicy, unit: SuperiorUnit) -> bool:
    """Return whether a policy and a unit above have any administrative unit in common."""
    return any(_within(catalog, place, unit.scope) for place in policy.scope) or any(
        _within(catalog, place, policy.scope) for place in unit.scope
    )


def _covers(catalog: Catalog, earlier: EscalationPolicy, later: EscalationPolicy) -> bool:
    """Return whether an earlier policy fits every alert that a later one fits."""
    kinds = set(later.kinds) <= set(earlier.kinds)
    indicators = not earlier.indicators or (later.indicators and set(later.indicators) <= set(earlier.indicators))
    places = not earlier.scope or (later.scope and all(_within(catalog, each, earlier.scope) for each in later.scope))
    return bool(kinds and indicators and places)


def _within(catalog: Catalog, place: str, scope: tuple[str, ...]) -> bool:
    """Return whether a place is one of a scope, or below one; parents may be unknown, or go round in a circle."""
    passed: set[str] = set()
    above: str | None = place
    while above is not None and above not in passed:
        if above in scope:
            return True
        passed.add(above)
        unit = catalog.unit_by_id.get(above)
        above = None if unit is None else unit.parent
    return False
