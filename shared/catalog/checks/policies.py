"""Checks of local policy (policies.yaml): one policy for each question, known names, and somebody to reach."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from shared.catalog.catalog import Catalog
from shared.catalog.checks.findings import Finding, days_of, duplicates, placed, unknown, wrong_dates, wrong_ways
from shared.catalog.policies import (
    ALWAYS,
    UNROUTED_UNIT,
    CommunePhase,
    DutyPolicy,
    OfficeHours,
    ReportPolicy,
    SuperiorUnit,
    Unrouted,
)
from shared.catalog.problems import Problem, at
from shared.contracts.vocabulary import Role

FILE = "policies.yaml"
_MONTHS = 12
_REPORTED_TO = (Role.CONSOLIDATING, Role.INFORMED)


def check_policy_names(catalog: Catalog) -> list[Problem]:
    """Return the problems inside the file: two policies for one question, spans, hours, ways to reach."""
    policies = catalog.policies
    once: tuple[tuple[str, str, Sequence[object]], ...] = (
        ("roles", "role", [each.role for each in policies.roles]),
        ("hours", "id", [each.id for each in policies.hours]),
        ("escalation", "id", [each.id for each in policies.escalation]),
        ("superiors", "id", [each.id for each in policies.superiors]),
        ("reports", "period", [each.period for each in policies.reports]),
        ("duties", "dispatch/unit/clause", [_duty_name(each) for each in policies.duties]),
        ("calendar", "day", [each.day for each in policies.calendar]),
    )
    problems = [found for part, field, names in once for found in duplicates(FILE, part, field, list(map(str, names)))]
    for index, hours in enumerate(policies.hours):
        problems += placed(FILE, at("hours", index, hours.id), _hours_findings(hours))
    problems += placed(FILE, "digest", _weekday_findings(policies.digest.weekdays))
    for index, report in enumerate(policies.reports):
        problems += placed(FILE, at("reports", index, report.period.value), _report_findings(report))
    for index, unit in enumerate(policies.superiors):
        key = at("superiors", index, unit.id)
        problems += wrong_dates(FILE, f"{key}.", unit)
        problems += placed(FILE, key, _receiver_findings(catalog, unit))
    if policies.unrouted is not None:
        problems += placed(FILE, "unrouted", _receiver_findings(catalog, policies.unrouted))
    return problems


def check_policy_places(catalog: Catalog) -> list[Problem]:
    """Return the problems of scopes and phases: unknown units and standards, two phases of a dossier on one day."""
    problems: list[Problem] = []
    for index, unit in enumerate(catalog.policies.superiors):
        key = at("superiors", index, unit.id, "scope")
        problems += unknown(FILE, key, unit.scope, catalog.unit_by_id, "units.yaml")
    for index, policy in enumerate(catalog.policies.escalation):
        key = at("escalation", index, policy.id, "scope")
        problems += unknown(FILE, key, policy.scope, catalog.unit_by_id, "units.yaml")
    numbered = list(enumerate(catalog.policies.phases))
    for index, phase in numbered:
        key = at("phases", index, _phase_name(phase))
        problems += wrong_dates(FILE, f"{key}.", phase)
        problems += unknown(FILE, f"{key}.unit", [phase.unit], catalog.unit_by_id, "units.yaml")
        problems += unknown(FILE, f"{key}.standard", [phase.standard], catalog.standard_by_id, "rulesets.yaml")
    for (first, one), (index, other) in combinations(numbered, 2):
        if (one.unit, one.standard) == (other.unit, other.standard) and one.overlaps(other):
            what = f"is in a phase {days_of(one)} at phases[{first}] already, on some of the same days"
            key = at("phases", index, _phase_name(other), "unit")
            problems.append(Problem(FILE, key, other.unit, what, "let one phase end before the other starts"))
    return problems


def check_duties(catalog: Catalog) -> list[Problem]:
    """Return the problems of periodic duties: of no dispatch, of a unit or by a clause that the dispatch has not."""
    problems: list[Problem] = []
    for index, duty in enumerate(catalog.policies.duties):
        key = at("duties", index, _duty_name(duty))
        if _MONTHS % duty.every_months:
            what, remedy = "does not divide the year: its months would shift", "use 1, 2, 3, 4, 6 or 12"
            problems.append(Problem(FILE, f"{key}.every_months", duty.every_months, what, remedy))
        dispatch = catalog.dispatch_by_id.get(duty.dispatch)
        if dispatch is None:
            what, remedy = "is not the id of any dispatch", "correct it or add dispatches/NAME.yaml"
            problems.append(Problem(FILE, f"{key}.dispatch", duty.dispatch, what, remedy))
            continue
        where = f"dispatch {dispatch.id}"
        problems += unknown(FILE, f"{key}.unit", [duty.unit], [each.id for each in dispatch.units], f"units of {where}")
        clauses = [each.id for each in dispatch.clauses]
        problems += unknown(FILE, f"{key}.clause", [duty.clause], clauses, f"clauses of {where}")
    return problems


def _hours_findings(hours: OfficeHours) -> Iterator[Finding]:
    if hours.id == ALWAYS:
        yield "id", hours.id, "is the word for no office hours at all", "give it another id"
    for earlier, later in pairwise(hours.spans):
        if later.since < earlier.until:
            what = f"begins before the span until {earlier.until:%H:%M} has ended"
            yield "spans", f"{later.since:%H:%M}", what, "list the spans in order, and join those that overlap"


def _weekday_findings(weekdays: tuple[int, ...]) -> Iterator[Finding]:
    for weekday in weekdays:
        if weekday not in range(1, 8):
            yield "weekdays", weekday, "is not a day of the week", "use 1 (Monday) to 7 (Sunday)"


def _report_findings(report: ReportPolicy) -> Iterator[Finding]:
    for role in report.roles:
        if role not in _REPORTED_TO:
            remedy = f"use {' or '.join(_REPORTED_TO)}"
            yield "roles", role.value, "gets no consolidated report: it follows single chỉ tiêu only", remedy


def _receiver_findings(catalog: Catalog, receiver: SuperiorUnit | Unrouted) -> Iterator[Finding]:
    webhook = receiver.webhook if isinstance(receiver, SuperiorUnit) else None
    if isinstance(receiver, SuperiorUnit) and receiver.id == UNROUTED_UNIT:
        yield "id", receiver.id, "is the word for those who are told what no dispatch routes", "give it another id"
    if not receiver.mail and webhook is None:
        yield "mail", None, "there is no way to reach this unit", "give mail or webhook"
    yield from wrong_ways(receiver.mail, webhook)
    known = catalog.policies.hours_by_id
    if receiver.hours != ALWAYS and receiver.hours not in known:
        remedy = f"use {', '.join([ALWAYS, *known])}, or define it there"
        yield "hours", receiver.hours, "is not defined in hours", remedy


def _duty_name(duty: DutyPolicy) -> str:
    return f"{duty.dispatch}/{duty.unit}/{duty.clause}"


def _phase_name(phase: CommunePhase) -> str:
    return f"{phase.unit}/{phase.standard}"
