"""Checks of dispatches and addresses: known names, one rule per indicator and sector, one dispatch a place and day."""

from collections.abc import Iterator

from shared.catalog.catalog import Catalog
from shared.catalog.checks.findings import (
    Finding,
    cycles,
    days_of,
    duplicates,
    not_one_of,
    placed,
    unknown,
    wrong_dates,
    wrong_ways,
)
from shared.catalog.dispatches import ANY_INDICATOR, Address, OfficialDispatch, OwnershipRule
from shared.catalog.policies import ALWAYS
from shared.catalog.problems import Problem, at
from shared.contracts.vocabulary import Sector

ADDRESSES = "addresses.yaml"


def check_dispatch_names(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return the problems of names inside each dispatch: units, departments, successors, clauses, gaps."""
    problems = []
    first: dict[str, str] = {}
    for file, dispatch in zip(files, catalog.dispatches, strict=True):
        if dispatch.id in first:
            remedy = "give each dispatch its own id"
            problems.append(Problem(file, "id", dispatch.id, f"is also the id of {first[dispatch.id]}", remedy))
        first.setdefault(dispatch.id, file)
        problems += wrong_dates(file, "", dispatch)
        problems += _inner_names(file, dispatch)
        problems += _unit_names(file, dispatch)
    return problems


def _unit_names(file: str, dispatch: OfficialDispatch) -> Iterator[Problem]:
    """Yield the problems of what a unit belongs to, who follows it, and who only receives the dispatch."""
    units = {unit.id: unit for unit in dispatch.units}
    yield from unknown(file, "cc", dispatch.cc, units, "units of this dispatch")
    for index, unit in enumerate(dispatch.units):
        key = at("units", index, unit.id)
        yield from wrong_dates(file, f"{key}.", unit)
        yield from unknown(file, f"{key}.parent", [unit.parent], units, "units of this dispatch")
        yield from unknown(file, f"{key}.successor", [unit.successor], units, "units of this dispatch")
        above = units.get(unit.parent or "")
        if above is not None and above.parent is not None:
            what = "is itself a department; there are two levels, unit and department"
            yield Problem(file, f"{key}.parent", unit.parent, what, f"name the unit that {above.id} belongs to")
        if unit.successor is not None and unit.effective_to is None:
            what = "but the unit has no last day"
            yield Problem(file, f"{key}.successor", unit.successor, what, "give effective_to, or remove successor")
    followers = {unit.id: (unit.successor,) for unit in dispatch.units if unit.successor is not None}
    yield from cycles(file, "units", "successor", followers)


def _inner_names(file: str, dispatch: OfficialDispatch) -> Iterator[Problem]:
    units = {unit.id for unit in dispatch.units}
    clauses = {clause.id for clause in dispatch.clauses}
    gaps = {gap.id for gap in dispatch.gaps}
    yield from duplicates(file, "units", "id", [unit.id for unit in dispatch.units])
    yield from duplicates(file, "clauses", "id", [clause.id for clause in dispatch.clauses])
    yield from duplicates(file, "gaps", "id", [gap.id for gap in dispatch.gaps])
    for index, clause in enumerate(dispatch.clauses):
        key = at("clauses", index, clause.id)
        yield from unknown(file, f"{key}.unit", [clause.unit], units, "units of this dispatch")
        if not clause.quote.strip():
            yield Problem(file, f"{key}.quote", clause.quote, "is empty", "quote the passage of the document")
    for index, rule in enumerate(dispatch.rules):
        key = at("rules", index, _name(rule))
        for role, names in rule.units_by_role().items():
            yield from unknown(file, f"{key}.{role}", names, units, "units of this dispatch")
        yield from unknown(file, f"{key}.clauses", rule.clauses, clauses, "clauses of this dispatch")
        yield from unknown(file, f"{key}.gap", [rule.gap], gaps, "gaps of this dispatch")


def check_dispatch_rules(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return the problems of ownership rules: unknown indicator or sector, two rules for one question."""
    problems: list[Problem] = []
    for file, dispatch in zip(files, catalog.dispatches, strict=True):
        problems += duplicates(file, "rules", "indicator/sector", [_name(rule) for rule in dispatch.rules])
        for index, rule in enumerate(dispatch.rules):
            key = at("rules", index, _name(rule))
            if rule.indicator != ANY_INDICATOR:
                known = catalog.indicator_by_key
                problems += unknown(file, f"{key}.indicator", [rule.indicator], known, "indicators.yaml")
            problems += not_one_of(file, f"{key}.sector", [rule.sector], tuple(Sector))
            indicator = catalog.indicator_by_key.get(rule.indicator)
            if rule.sector is not None and indicator is not None and indicator.by != "sector":
                what = f"but {indicator.key} is not reported by sector"
                problems.append(Problem(file, f"{key}.sector", rule.sector, what, "remove it"))
    return problems


def check_dispatch_places(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return the problems of scope: unknown units, units that do not exist then, two dispatches for one on one day."""
    problems: list[Problem] = []
    numbered = list(zip(files, catalog.dispatches, strict=True))
    for place, (file, dispatch) in enumerate(numbered):
        problems += unknown(file, "scope", dispatch.scope, catalog.unit_by_id, "units.yaml")
        for name in dispatch.scope:
            unit = catalog.unit_by_id.get(name)
            if unit is not None and not unit.overlaps(dispatch):
                what = f"is in force {days_of(unit)}, never on a day of this dispatch"
                problems.append(Problem(file, "scope", name, what, "name the unit of those days"))
        for other_file, other in numbered[:place]:
            shared = [name for name in dispatch.scope if name in other.scope]
            if shared and dispatch.overlaps(other):
                what = f"is in the scope of {other_file} too, on some of the same days"
                remedy = "let one dispatch end before the other starts"
                problems.append(Problem(file, "scope", ", ".join(shared), what, remedy))
    return problems


def check_dispatch_sources(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each dispatch whose source is not listed."""
    sources = {source.id for source in catalog.sources}
    problems = []
    for file, dispatch in zip(files, catalog.dispatches, strict=True):
        problems += unknown(file, "source", [dispatch.source], sources, "sources of rulesets.yaml")
    return problems


def check_addresses(catalog: Catalog) -> list[Problem]:
    """Return the problems of addresses: of nobody, twice for one, without a way to reach anyone."""
    problems = []
    first: dict[tuple[str, str, str | None], int] = {}
    for index, address in enumerate(catalog.addresses):
        place = (address.dispatch, address.unit, address.commune)
        name = "/".join(part for part in place if part is not None)
        if place in first:
            what = f"has an address at addresses[{first[place]}] already"
            problems.append(
                Problem(ADDRESSES, at("addresses", index, name), None, what, "keep one, with all its mails")
            )
        first.setdefault(place, index)
        problems += placed(ADDRESSES, at("addresses", index, name), _address_findings(catalog, address))
    return problems


def check_address_hours(catalog: Catalog) -> list[Problem]:
    """Return a problem for each address with office hours that policies.yaml does not define."""
    problems = []
    for index, address in enumerate(catalog.addresses):
        if address.hours != ALWAYS and address.hours not in catalog.policies.hours_by_id:
            key = f"{at('addresses', index, f'{address.dispatch}/{address.unit}')}.hours"
            remedy = f"use {', '.join([ALWAYS, *catalog.policies.hours_by_id])}, or define it there"
            problems.append(
                Problem(ADDRESSES, key, address.hours, "is not the id of office hours of policies.yaml", remedy)
            )
    return problems


def _address_findings(catalog: Catalog, address: Address) -> Iterator[Finding]:
    dispatch = catalog.dispatch_by_id.get(address.dispatch)
    if dispatch is None:
        yield "dispatch", address.dispatch, "is not the id of any dispatch", "correct it or add dispatches/NAME.yaml"
    else:
        unit = next((unit for unit in dispatch.units if unit.id == address.unit), None)
        if unit is None:
            yield "unit", address.unit, f"is not a unit of {dispatch.id}", "use the id under units of that dispatch"
        elif address.commune is not None and not unit.one_per_commune:
            yield "commune", address.commune, f"but {unit.id} is one unit for all communes", "remove it"
    if address.commune is not None and address.commune not in catalog.unit_by_id:
        yield "commune", address.commune, "is not defined in units.yaml", "use the id of a unit"
    yield from _way_findings(address)


def _way_findings(address: Address) -> Iterator[Finding]:
    if not address.ways:
        yield "mail", None, "there is no way to reach this unit", "give mail, webhook, apprise or console: true"
    yield from wrong_ways(address.mail, address.webhook)
    for number, url in enumerate(address.apprise):
        # Its text may hold a password: only the place is told.
        if "://" not in url:
            yield f"apprise[{number}]", None, "is not the URL of a service", "write it as service://..."


def _name(rule: OwnershipRule) -> str:
    return rule.indicator if rule.sector is None else f"{rule.indicator}/{rule.sector}"
