"""Checks of the administrative units: ids, dates, codes, places in the hierarchy, successors."""

from collections import defaultdict
from collections.abc import Iterator

from shared.catalog.catalog import Catalog
from shared.catalog.checks.findings import Finding, cycles, days_of, duplicates, placed, unknown, wrong_dates
from shared.catalog.problems import Problem, at
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import UnitLevel

FILE = "units.yaml"
PARENT_LEVELS = {
    UnitLevel.PROVINCE: (),
    UnitLevel.DISTRICT: (UnitLevel.PROVINCE,),
    UnitLevel.COMMUNE: (UnitLevel.DISTRICT, UnitLevel.PROVINCE),
}


def check_unit_names(catalog: Catalog) -> list[Problem]:
    """Return the problems of ids, regions and groups."""
    regions, groups = [{place.code for place in places} for places in (catalog.regions, catalog.groups)]
    problems = duplicates(FILE, "regions", "code", [region.code for region in catalog.regions])
    problems += duplicates(FILE, "groups", "code", [group.code for group in catalog.groups])
    problems += duplicates(FILE, "units", "id", [unit.id for unit in catalog.units])
    for index, unit in enumerate(catalog.units):
        key = at("units", index, unit.id)
        if unit.region is not None:
            problems += unknown(FILE, f"{key}.region", [unit.region], regions, "regions")
        if unit.group is not None:
            problems += unknown(FILE, f"{key}.group", [unit.group], groups, "groups")
    return problems


def check_unit_dates(catalog: Catalog) -> list[Problem]:
    """Return the problems of validity: ends before starts, and two units with one code on one day."""
    problems = []
    by_code: defaultdict[str, list[tuple[int, AdminUnit]]] = defaultdict(list)
    for index, unit in enumerate(catalog.units):
        problems += wrong_dates(FILE, f"{at('units', index, unit.id)}.", unit)
        by_code[unit.code].append((index, unit))
    for holders in by_code.values():
        for place, (index, unit) in enumerate(holders):
            for _, earlier in holders[:place]:
                if unit.id != earlier.id and unit.overlaps(earlier):
                    what = f"is held by {earlier.id} ({earlier.name_vi}) on the same days"
                    remedy = "let one end before the other starts"
                    problems.append(Problem(FILE, at("units", index, unit.id, "code"), unit.code, what, remedy))
    return problems


def check_unit_parents(catalog: Catalog) -> list[Problem]:
    """Return the problems of the hierarchy: unknown, wrong level, not in force all the time, circles, no type."""
    problems: list[Problem] = []
    for index, unit in enumerate(catalog.units):
        key = at("units", index, unit.id)
        problems += placed(FILE, key, _parent_findings(catalog, unit))
    edges = {unit.id: [unit.parent] for unit in catalog.units if unit.parent in catalog.unit_by_id}
    return problems + cycles(FILE, "units", "parent", edges)


def _parent_findings(catalog: Catalog, unit: AdminUnit) -> Iterator[Finding]:
    """Yield (field, value, what, remedy) for what is wrong with the place of one unit."""
    if unit.level is UnitLevel.COMMUNE and unit.type is None:
        yield "type", None, "a commune needs its type", "give xa, thi_tran or phuong: only a xã can hold a title"
    levels = PARENT_LEVELS[unit.level]
    if unit.parent is None:
        if levels:
            yield "parent", None, "is missing", f"give the id of the {' or '.join(levels)} above"
        return
    parent = catalog.unit_by_id.get(unit.parent)
    if parent is None:
        yield "parent", unit.parent, "is not the id of any unit", "correct it or define that unit"
    elif parent.level not in levels:
        remedy = f"name a {' or '.join(levels)}" if levels else "remove it: nothing is above a province"
        yield "parent", unit.parent, f"is a {parent.level}, which cannot be above a {unit.level}", remedy
    elif not parent.covers(unit):
        what = f"is in force {days_of(parent)}, not on every day of this unit"
        yield "parent", unit.parent, what, "name the unit that was above it on those days, or split this one by date"


def check_successors(catalog: Catalog) -> list[Problem]:
    """Return the problems of succession: unknown, not after the end, circles."""
    problems = []
    for index, unit in enumerate(catalog.units):
        key = at("units", index, unit.id, "successors")
        problems += unknown(FILE, key, unit.successors, catalog.unit_by_id, "units")
        for successor in unit.successors:
            after = catalog.unit_by_id.get(successor)
            if after is not None and (unit.effective_to is None or after.span[0] <= unit.effective_to):
                what = "is in force before this unit ends" if unit.effective_to else "but this unit has no effective_to"
                problems.append(Problem(FILE, key, successor, what, "correct effective_to or effective_from"))
        if unit.split and len(unit.successors) < 2:  # a split is into two at least
            what = "says that the unit was split, but it has fewer than two successors"
            problems.append(
                Problem(FILE, at("units", index, unit.id, "split"), True, what, "name all, or remove split")
            )
    edges = {unit.id: [name for name in unit.successors if name in catalog.unit_by_id] for unit in catalog.units}
    return problems + cycles(FILE, "units", "successors", edges)


def check_unit_sources(catalog: Catalog) -> list[Problem]:
    """Return a problem for each unit whose source is not listed."""
    sources = {source.id for source in catalog.sources}
    problems = []
    for index, unit in enumerate(catalog.units):
        if unit.source is not None and unit.source not in sources:
            key = at("units", index, unit.id, "source")
            problems += unknown(FILE, key, [unit.source], sources, "sources of rulesets.yaml")
    return problems
