"""Test cases of a dispatch: a question, whom it has to lead to in each role, and how far the answer differs."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from datchuan.cli.communes import ANY_LEVEL, find_unit
from datchuan.cli.criteria import find_rule
from datchuan.errors import CommandError
from services.notifier.domain.route import GapKind, Routing, addresses_for, route
from shared.catalog.base import CatalogModel
from shared.catalog.catalog import Catalog
from shared.catalog.shape import label, validate
from shared.contracts.vocabulary import Role, Sector, Sex


class RouteCase(CatalogModel):
    """One question and its answer. What `expect` says of a role is exact; roles that it leaves out may be anything.

    `gaps`, when given, are all the gaps; `addresses`, when given, are all the ways to reach the units of `expect`.
    """

    name: str = Field(min_length=1)
    unit: str
    at: dt.date
    node: str
    sector: Sector | None = None
    sex: Sex | None = None
    expect: dict[Role, tuple[str, ...]] = Field(default_factory=dict)
    gaps: tuple[GapKind, ...] | None = None
    addresses: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one case: `problems` keep it from being asked, `differences` make it fail."""

    name: str
    problems: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the case could be asked and its answer is the expected one."""
        return not self.problems and not self.differences


def run_cases(catalog: Catalog, file: str, data: Any) -> tuple[CaseResult, ...]:
    """Return the result of every case of a file's data {cases: [...]}, in its order; every bad case is told."""
    found = data.get("cases") if isinstance(data, dict) else None
    if not isinstance(found, list) or not found:
        return (CaseResult(file, ("has no list of cases: write `cases:` and one item per case",)),)
    unknown = sorted(set(map(str, data)) - {"cases"})
    results = [CaseResult(file, (f"{key} is not a known key; correct the spelling or remove it",)) for key in unknown]
    for number, item in enumerate(found):
        name = label(item) or f"cases[{number}]"
        case, problems = validate(RouteCase, name, item)
        if case is None:
            results.append(CaseResult(name, tuple(str(problem) for problem in problems)))
        else:
            results.append(_run(catalog, case))
    return tuple(results)


def _run(catalog: Catalog, case: RouteCase) -> CaseResult:
    try:
        unit = find_unit(catalog, case.unit, case.at, ANY_LEVEL)
        rule = find_rule(catalog, case.node, unit.level, case.at)
    except CommandError as error:
        return CaseResult(case.name, (error.sentence(),))
    by = catalog.indicator_by_key[rule.indicator].by
    for kind, given in (("sector", case.sector), ("sex", case.sex)):
        if given is not None and by != kind:
            return CaseResult(case.name, (f"{rule.node} is not counted by {kind}: leave {kind} out",))
    cell = case.sector or case.sex or ""
    routing = route(catalog, unit.id, rule.indicator, cell, case.at, standard=rule.standard)
    return CaseResult(case.name, differences=_differences(catalog, case, routing))


def _differences(catalog: Catalog, case: RouteCase, routing: Routing) -> tuple[str, ...]:
    given = [(role.value, names, _units(routing, role)) for role, names in case.expect.items()]
    if case.gaps is not None:
        given.append(("gaps", tuple(case.gaps), tuple(gap.kind for gap in routing.gaps)))
    if case.addresses is not None:
        given.append(("addresses", case.addresses, _addresses(catalog, routing, set(case.expect))))
    return tuple(
        f"{what}: expected {_listed(expected)}, got {_listed(got)}"
        for what, expected, got in given
        if sorted(expected) != sorted(got)
    )


def _units(routing: Routing, role: Role) -> tuple[str, ...]:
    return tuple(found.responsible_unit.id for found in routing.assignments if found.role is role)


def _addresses(catalog: Catalog, routing: Routing, roles: set[Role]) -> tuple[str, ...]:
    ways: dict[str, None] = {}
    for found in routing.assignments:
        if found.role in roles and routing.dispatch is not None:
            address = addresses_for(catalog, routing.dispatch.id, found.responsible_unit.id, found.commune)
            ways |= dict.fromkeys(address.ways if address else ())
    return tuple(ways)


def _listed(names: tuple[str, ...]) -> str:
    return f"[{', '.join(names)}]"
