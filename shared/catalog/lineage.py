"""Which unit follows which: succession forward and back in time, whole or split, one to one or merged."""

import datetime as dt
from collections import defaultdict
from enum import StrEnum

from shared.catalog.catalog import Catalog
from shared.catalog.units import AdminUnit


class Break(StrEnum):
    """Why a succession cannot be followed to one unit."""

    SPLIT = "split"
    MERGED = "merged"
    GONE = "gone"


class BrokenLineError(Exception):
    """A succession does not lead to one unit on the day asked for: why, and the units that it does lead to."""

    def __init__(self, why: Break, units: tuple[AdminUnit, ...]) -> None:
        super().__init__(why.value)
        self.why = why
        self.units = units


class UnknownPartsError(Exception):
    """A merged unit has parts that the catalog does not tell: one was split, or the part whose code it took is missing.

    `split` are the parts that were divided among several units, `missing` the codes of those that nobody has entered.
    """

    def __init__(self, unit: AdminUnit, split: tuple[AdminUnit, ...] = (), missing: tuple[str, ...] = ()) -> None:
        super().__init__(unit.id)
        self.unit = unit
        self.split = split
        self.missing = missing


class Lineage:
    """The successions of one catalog, which has no circles in them."""

    def __init__(self, catalog: Catalog) -> None:
        self._unit_by_id = catalog.unit_by_id
        self._units_by_code = catalog.units_by_code
        found: defaultdict[str, list[AdminUnit]] = defaultdict(list)
        for unit in catalog.units:
            for successor in unit.successors:
                found[successor].append(unit)
        self._predecessors = {name: tuple(sorted(units, key=lambda u: u.id)) for name, units in found.items()}

    def predecessors(self, unit: AdminUnit) -> tuple[AdminUnit, ...]:
        """Return the units that name `unit` as a successor, by id."""
        return self._predecessors.get(unit.id, ())

    def follow(self, unit: AdminUnit, on: dt.date) -> AdminUnit:
        """Return the unit that `unit` has become by the day `on`; raises BrokenLineError where that is not one unit."""
        if unit.in_force(on):
            return unit
        return self._forward(unit, on) if unit.span[1] < on else self._back(unit, on)

    def _forward(self, unit: AdminUnit, on: dt.date) -> AdminUnit:
        while unit.span[1] < on:
            after = tuple(self._unit_by_id[name] for name in unit.successors)
            if not after:
                raise BrokenLineError(Break.GONE, ())
            if unit.split or len(after) > 1:
                raise BrokenLineError(Break.SPLIT, after)
            unit = after[0]
        if unit.span[0] > on:  # it took over only later: nobody was there on the day
            raise BrokenLineError(Break.GONE, (unit,))
        return unit

    def _back(self, unit: AdminUnit, on: dt.date) -> AdminUnit:
        while unit.span[0] > on:
            before = self.predecessors(unit)
            if not before:
                raise BrokenLineError(Break.GONE, ())
            if len(before) > 1 or before[0].split or len(before[0].successors) > 1 or self._missing(unit):
                raise BrokenLineError(Break.MERGED, before)
            unit = before[0]
        if unit.span[1] < on:
            raise BrokenLineError(Break.GONE, (unit,))
        return unit

    def heirs(self, unit: AdminUnit, on: dt.date) -> tuple[AdminUnit, ...]:
        """Return the units of the day `on` that an ended unit has gone into, whole or in pieces, by id."""
        found: dict[str, AdminUnit] = {}
        ended = [unit]
        while ended:
            for name in ended.pop().successors:
                heir = self._unit_by_id[name]
                if heir.in_force(on):
                    found[name] = heir
                elif heir.span[1] < on:
                    ended.append(heir)
        return tuple(found[name] for name in sorted(found))

    def parts(self, unit: AdminUnit, on: dt.date) -> tuple[AdminUnit, ...]:
        """Return the units of the day `on` that together have become `unit`, by id; `unit` itself when it was there.

        Raises UnknownPartsError when the catalog does not tell all of them, or when one of them was split.
        """
        if unit.span[0] <= on:
            return (unit,)
        before = self.predecessors(unit)
        split = tuple(part for part in before if part.split or len(part.successors) > 1)
        missing = self._missing(unit)
        if split or missing or not before:
            raise UnknownPartsError(unit, split, missing)
        found = {part.id: part for former in before for part in self.parts(former, on)}
        return tuple(found[name] for name in sorted(found))

    def _missing(self, unit: AdminUnit) -> tuple[str, ...]:
        """Return the codes of former parts of a unit that are not in the catalog.

        They are those that the unit names itself, and its own code when the id says that another unit had it before.
        """
        known = {part.code for part in self.predecessors(unit)}
        missing = {code for code in unit.other_parts if code not in known}
        holders = self._units_by_code[unit.code]
        if unit.id != unit.code and not any(holder.span[0] < unit.span[0] for holder in holders):
            missing.add(unit.code)
        return tuple(sorted(missing))
