"""What a person means by the name of a unit, a chỉ tiêu or a responsible unit, in silences and in filters of alerts."""

import datetime as dt
import unicodedata
from collections import defaultdict
from collections.abc import Collection
from functools import lru_cache

from shared.catalog.catalog import Catalog
from shared.catalog.names import name_key, name_parts
from shared.catalog.units import AdminUnit, resolve_unit

_LISTED = 8


class NotFoundError(ValueError):
    """A name stands for nothing, or for several things; `remedy` says what to write instead."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def unit_named(catalog: Catalog, text: str, on: dt.date) -> AdminUnit:
    """Return the one unit that an id, a code or a whole name stands for on a day, accents composed or not."""
    wanted = _normal(text)
    if wanted in catalog.unit_by_id and catalog.unit_by_id[wanted].code != wanted:
        return catalog.unit_by_id[wanted]
    coded = catalog.units_by_code.get(wanted, ())
    if coded:
        return _one(catalog, wanted, [unit for unit in coded if unit is resolve_unit(coded, on)] or list(coded))
    kind, bare = name_parts(wanted)
    named = [unit for unit in catalog.units if name_parts(unit.name_vi)[1] == bare]
    fitting = [unit for unit in named if kind in ("", name_parts(unit.name_vi)[0])]
    present = [unit for unit in fitting if unit.in_force(on)]
    return _one(catalog, wanted, present or fitting)


def subtree(catalog: Catalog, unit: AdminUnit) -> frozenset[str]:
    """Return the ids of a unit and of all units below it, of every time."""
    below: defaultdict[str, list[str]] = defaultdict(list)
    for each in catalog.units:
        if each.parent is not None:
            below[each.parent].append(each.id)
    found, open_ids = {unit.id}, [unit.id]
    while open_ids:
        children = below[open_ids.pop()]
        found.update(children)
        open_ids += children
    return frozenset(found)


def nodes_named(catalog: Catalog, text: str, on: dt.date, units: Collection[str] | None = None) -> frozenset[str]:
    """Return a chỉ tiêu, given by its id ("xa_ntm/15.1") or name, or a tiêu chí or standard with all that is in it.

    A number ("15.1", "15") will do where one standard alone has it that judges, on the day `on`, units of the levels of
    `units` (ids; None: of any level).
    """
    wanted = _normal(text)
    lines = {(rule.standard, rule.criterion_node, rule.node) for rule in catalog.rules}
    wanted = _numbered(catalog, wanted, on, units) or wanted
    found = {node for line in lines if wanted in line for node in line[line.index(wanted) :]}
    if found or wanted in catalog.standard_by_id:
        return frozenset(found | {wanted})
    named = sorted({rule.node for rule in catalog.rules if name_key(rule.name_vi) == name_key(wanted)})
    if len(named) == 1:
        return frozenset(named)
    if named:
        raise NotFoundError(f"{wanted!r} names {len(named)} chỉ tiêu: {', '.join(named)}", "Give one of these ids.")
    raise NotFoundError(
        f"the catalog has no chỉ tiêu {wanted!r}",
        "Give its standard and number, e.g. xa_ntm/15.1; rulesets.yaml lists them.",
    )


def _numbered(catalog: Catalog, number: str, on: dt.date, units: Collection[str] | None) -> str | None:
    """Return the one tiêu chí or chỉ tiêu with a number, None when none has it; raise NotFoundError for several."""
    levels = {unit.level for unit in catalog.units if units is None or unit.id in units}
    named = [
        (rule, node)
        for rule in catalog.rules
        for node in (rule.criterion_node, rule.node)
        if node.partition("/")[2] == number and catalog.standard_by_id[rule.standard].level in levels
    ]
    nodes = {node for rule, node in named if rule.in_force(on)} or {node for _, node in named}
    if len(nodes) > 1:
        listed = ", ".join(sorted(nodes))
        raise NotFoundError(f"{number!r} is the number of {len(nodes)} chỉ tiêu: {listed}", "Give one of these ids.")
    return next(iter(nodes), None)


def responsible_named(catalog: Catalog, text: str) -> frozenset[str]:
    """Return the ids that a responsible unit of the dispatches has, given one of them or its name."""
    wanted = _normal(text)
    units = [unit for dispatch in catalog.dispatches for unit in dispatch.units]
    units_of_policy = [(unit.id, unit.name_vi) for unit in catalog.policies.superiors]
    named = [(unit.id, unit.name_vi) for unit in units] + units_of_policy
    if any(known == wanted for known, _ in named):
        return frozenset({wanted})
    found = frozenset(known for known, name in named if name_key(name) == name_key(wanted))
    if not found:
        ids = sorted({known for known, _ in named})
        listed = ", ".join(ids[:_LISTED]) + (f", … and {len(ids) - _LISTED} more" if len(ids) > _LISTED else "")
        raise NotFoundError(f"no dispatch has a responsible unit {wanted!r}", f"Give an id or a whole name: {listed}.")
    return found


def _one(catalog: Catalog, text: str, candidates: list[AdminUnit]) -> AdminUnit:
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise NotFoundError(
            f"the catalog has no unit with the code or name {text!r}",
            "Give a code such as 06208, or the whole name with its accents.",
        )
    listed = "; ".join(f"{unit.id} = {_place(catalog, unit)}" for unit in candidates[:_LISTED])
    more = f"; … and {len(candidates) - _LISTED} more" if len(candidates) > _LISTED else ""
    raise NotFoundError(f"{text!r} names {len(candidates)} units: {listed}{more}", "Give the id of one of them.")


def _place(catalog: Catalog, unit: AdminUnit) -> str:
    return ", ".join([unit.name_vi, *(above.name_vi for above in catalog.ancestors(unit))])


@lru_cache(maxsize=1_000)
def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip())
