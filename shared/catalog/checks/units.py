"""Checks of the administrative units: ids, dates, codes, places in the hierarchy, successors."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import accumulate

from shared.catalog.catalog import Catalog
from shared.catalog.checks.findings import Finding, cycles, days_of, duplicates, placed, unknown, wrong_dates
from shared.catalog.problems import Problem, at
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Confidence, UnitLevel

Counts = tuple[tuple[str, int], ...]
FILE = "units.yaml"
PARENT_LEVELS = {
    UnitLevel.PROVINCE: (),
    UnitLevel.DISTRICT: (UnitLevel.PROVINCE,),
    UnitLevel.COMMUNE: (UnitLevel.DISTRICT, UnitLevel.PROVINCE),
}


class _Places:
    """Where the units of a catalog stand: in which file, and as which of its units."""

    def __init__(self, counts: Counts) -> None:
        self._files = [name for name, _ in counts] or [FILE]
        self._firsts = [0, *accumulate(count for _, count in counts)][: len(self._files)]

    def at(self, index: int, name: str, key: str = "") -> tuple[str, str]:
        """Return the file and the key path of a unit by its index in the catalog."""
        number = bisect_right(self._firsts, index) - 1
        return self._files[number], at("units", index - self._firsts[number], name, key)

    def known_as(self, index: int, seen_from: int) -> str:
        """Return how a unit is called in a message about another one: with its file when that is another file."""
        file, key = self.at(index, "")
        key = key.removesuffix(" ()")
        return key if file == self.at(seen_from, "")[0] else f"{key} of {file}"


def check_unit_names(catalog: Catalog, counts: Counts = ()) -> list[Problem]:
    """Return the problems of ids, regions and groups; `counts` are the files of the units and how many each has."""
    places = _Places(counts)
    regions, groups = [{place.code for place in places} for places in (catalog.regions, catalog.groups)]
    problems = duplicates(FILE, "regions", "code", [region.code for region in catalog.regions])
    problems += duplicates(FILE, "groups", "code", [group.code for group in catalog.groups])
    problems += _id_problems(catalog, places)
    for index, unit in enumerate(catalog.units):
        if unit.region is not None and unit.region not in regions:
            problems.append(_not_listed(*places.at(index, unit.id, "region"), unit.region, regions, "regions"))
        if unit.group is not None and unit.group not in groups:
            problems.append(_not_listed(*places.at(index, unit.id, "group"), unit.group, groups, "groups"))
    return problems


def _not_listed(file: str, key: str, value: str, known: Collection[str], where: str) -> Problem:
    """Return the problem of a region or group that is not there: they are few, so all of them are named."""
    remedy = f"use one of {', '.join(sorted(known))}, or define it there" if known else "define it there"
    return Problem(file, key, value, f"is not defined in {where}", remedy)


def _id_problems(catalog: Catalog, places: _Places) -> list[Problem]:
    """Return the problems of ids: one that two units have, and one that is the code of another unit."""
    first: dict[str, int] = {}
    problems = []
    for index, unit in enumerate(catalog.units):
        if first.setdefault(unit.id, index) != index:
            what = f"is also the id of {places.known_as(first[unit.id], index)}"
            remedy = "give each its own, or remove one"
            problems.append(Problem(*places.at(index, unit.id, "id"), unit.id, what, remedy))
        if unit.id != unit.code and unit.id in catalog.units_by_code:
            what, remedy = "is the code of another unit", f"choose another id, such as {unit.code}@DAY"
            problems.append(Problem(*places.at(index, unit.id, "id"), unit.id, what, remedy))
    return problems


def check_unit_dates(catalog: Catalog, counts: Counts = ()) -> list[Problem]:
    """Return the problems of validity: ends before starts, and two units with one code on one day."""
    places, problems = _Places(counts), list[Problem]()
    by_code: defaultdict[str, list[tuple[int, AdminUnit]]] = defaultdict(list)
    for index, unit in enumerate(catalog.units):
        file, key = places.at(index, unit.id)
        problems += wrong_dates(file, f"{key}.", unit)
        by_code[unit.code].append((index, unit))
    for holders in by_code.values():
        for place, (index, unit) in enumerate(holders):
            for _, earlier in holders[:place]:
                if unit.id != earlier.id and unit.overlaps(earlier):
                    what = f"is held by {earlier.id} ({earlier.name_vi}) on the same days"
                    remedy = "let one end before the other starts"
                    problems.append(Problem(*places.at(index, unit.id, "code"), unit.code, what, remedy))
    return problems


def check_unit_parents(catalog: Catalog, counts: Counts = ()) -> list[Problem]:
    """Return the problems of the hierarchy: unknown, wrong level, not in force all the time, circles, no type."""
    places, problems = _Places(counts), list[Problem]()
    for index, unit in enumerate(catalog.units):
        problems += placed(*places.at(index, unit.id), _parent_findings(catalog, unit))
    edges = {unit.id: [unit.parent] for unit in catalog.units if unit.parent in catalog.unit_by_id}
    return problems + cycles(FILE, "units", "parent", edges)


def _parent_findings(catalog: Catalog, unit: AdminUnit) -> Iterator[Finding]:
    """Yield (field, value, what, remedy) for what is wrong with the place of one unit."""
    if unit.level is UnitLevel.COMMUNE and unit.type is None:
        yield (
            "type",
            None,
            "a commune needs its type",
            "give xa, thi_tran, phuong or dac_khu: only a xã can hold a title",
        )
    levels = PARENT_LEVELS[unit.level]
    if unit.parent is None:
        if levels and not _is_bygone(unit):
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


def _is_bygone(unit: AdminUnit) -> bool:
    """Return whether a unit is a former district whose province its source does not tell: that may stay open."""
    ended = unit.level is UnitLevel.DISTRICT and unit.effective_to is not None
    return ended and unit.confidence is Confidence.UNCERTAIN


def check_successors(catalog: Catalog, counts: Counts = ()) -> list[Problem]:
    """Return the problems of succession: unknown, not after the end, circles."""
    places, problems = _Places(counts), list[Problem]()
    for index, unit in enumerate(catalog.units):
        file, key = places.at(index, unit.id, "successors")
        problems += unknown(file, key, unit.successors, catalog.unit_by_id, "units")
        for successor in unit.successors:
            after = catalog.unit_by_id.get(successor)
            if after is not None and (unit.effective_to is None or after.span[0] <= unit.effective_to):
                what = "is in force before this unit ends" if unit.effective_to else "but this unit has no effective_to"
                problems.append(Problem(file, key, successor, what, "correct effective_to or effective_from"))
        if unit.split and len(unit.successors) < 2:  # a split is into two at least
            what = "says that the unit was split, but it has fewer than two successors"
            problems.append(Problem(*places.at(index, unit.id, "split"), True, what, "name all, or remove split"))
    edges = {unit.id: [name for name in unit.successors if name in catalog.unit_by_id] for unit in catalog.units}
    return problems + cycles(FILE, "units", "successors", edges)


def check_unit_sources(catalog: Catalog, counts: Counts = ()) -> list[Problem]:
    """Return a problem for each unit whose source is not listed."""
    sources = {source.id for source in catalog.sources}
    places, problems = _Places(counts), list[Problem]()
    for index, unit in enumerate(catalog.units):
        if unit.source is not None and unit.source not in sources:
            where = places.at(index, unit.id, "source")
            problems += unknown(*where, [unit.source], sources, "sources of rulesets.yaml")
    return problems
