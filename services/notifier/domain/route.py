"""Who is told about a chỉ tiêu of a unit: which responsible unit, in which role, by which clause of the dispatch."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import ANY_INDICATOR, Address, Clause, OfficialDispatch, OwnershipRule, ResponsibleUnit
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Role, Sector, UnitLevel

COMMUNE_WORDS = ("Xã ", "Thị trấn ", "Phường ", "Đặc khu ")


class GapKind(StrEnum):
    """What the dispatches leave open for one chỉ tiêu of one unit. It is reported, never filled in by a guess."""

    NO_DISPATCH = "no_dispatch"
    UNKNOWN_SECTOR = "unknown_sector"
    NO_OWNER = "no_owner"
    NO_LEAD = "no_lead"


GAP_VI = {
    GapKind.NO_DISPATCH: "Không có văn bản phân công nào có hiệu lực cho đơn vị hành chính này vào ngày này.",
    GapKind.UNKNOWN_SECTOR: "Chưa rõ ngành quản lý nên chưa xác định được đơn vị phụ trách.",
    GapKind.NO_OWNER: "Văn bản không nêu đơn vị chủ trì và không nêu đơn vị trực tiếp chỉ đạo.",
    GapKind.NO_LEAD: "Văn bản không nêu đơn vị chủ trì; chỉ nêu đơn vị trực tiếp chỉ đạo.",
}


@dataclass(frozen=True, slots=True)
class RoutingGap:
    """One thing left open, in Vietnamese: in the words of the dispatch's own gap where it has one."""

    kind: GapKind
    what_vi: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """One responsible unit in one role, with the clauses that say so.

    `commune` is the administrative unit's id where every commune has a responsible unit of its own, else None;
    `name_vi` is then that unit's name ("UBND xã Thụy Hùng").
    """

    responsible_unit: ResponsibleUnit
    name_vi: str
    role: Role
    clauses: tuple[Clause, ...]
    commune: str | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """The answer for one chỉ tiêu of one unit on one day; `assignments` are in the order of `Role`."""

    dispatch: OfficialDispatch | None
    assignments: tuple[Assignment, ...]
    gaps: tuple[RoutingGap, ...]

    @property
    def owners(self) -> tuple[Assignment, ...]:
        """Who has to act: the leads, or where the text names none, those who direct; empty where it names neither."""
        leads = tuple(found for found in self.assignments if found.role is Role.LEAD)
        return leads or tuple(found for found in self.assignments if found.role is Role.DIRECTING)


def route(catalog: Catalog, unit_id: str, indicator: str, cell: str, on: dt.date) -> Routing:
    """Return who is responsible for an indicator of a unit on a day.

    `cell` is a sector for a sectored indicator; "" or an unknown word is an unknown sector. For any other indicator
    the cell (a sex or "") does not matter. An indicator that the dispatch does not name falls to its "*" rule.
    """
    unit = catalog.unit_by_id[unit_id]
    dispatch = catalog.dispatch_for(unit, on)
    if dispatch is None:
        return Routing(None, (), (_gap(GapKind.NO_DISPATCH, None, None),))
    definition = catalog.indicator_by_key.get(indicator)
    sectored = definition is not None and definition.by == "sector"
    sector = cell if sectored and cell in set(Sector) else None
    rule = dispatch.rule_for(indicator, sector)
    gaps = _gaps(dispatch, rule, unknown_sector=sectored and sector is None)
    return Routing(dispatch, _assignments(dispatch, rule, unit) if rule else (), gaps)


def route_rollup(catalog: Catalog, unit_id: str, on: dt.date) -> Routing:
    """Return who follows the tiêu chí and standards of a unit on a day: the consolidating units only."""
    unit = catalog.unit_by_id[unit_id]
    dispatch = catalog.dispatch_for(unit, on)
    if dispatch is None:
        return Routing(None, (), (_gap(GapKind.NO_DISPATCH, None, None),))
    rule = dispatch.rule_for(ANY_INDICATOR, None)
    assignments = _assignments(dispatch, rule, unit) if rule else ()
    return Routing(dispatch, tuple(found for found in assignments if found.role is Role.CONSOLIDATING), ())


def addresses_for(catalog: Catalog, dispatch_id: str, responsible_unit: str, commune: str | None) -> Address | None:
    """Return where a responsible unit is reached: the address for this commune, else the one for all, else None."""
    places = catalog.address_by_place
    exact = places.get((dispatch_id, responsible_unit, commune))
    return exact or places.get((dispatch_id, responsible_unit, None))


def responsible_unit_name(responsible_unit: ResponsibleUnit, unit: AdminUnit) -> str:
    """Return the name of a responsible unit for an administrative unit: "UBND xã Thụy Hùng", or its own name."""
    if not responsible_unit.one_per_commune:
        return responsible_unit.name_vi
    name = unit.name_vi
    if name.startswith(COMMUNE_WORDS):
        name = name[0].lower() + name[1:]
    return f"{responsible_unit.commune_prefix_vi} {name}"


def _assignments(dispatch: OfficialDispatch, rule: OwnershipRule, unit: AdminUnit) -> tuple[Assignment, ...]:
    units = {found.id: found for found in dispatch.units}
    assignments = []
    for role, names in rule.units_by_role().items():
        for name in names:
            responsible = units[name]
            if responsible.one_per_commune and unit.level is not UnitLevel.COMMUNE:
                continue  # a district or province has no commune committee to tell
            assignments.append(
                Assignment(
                    responsible_unit=responsible,
                    name_vi=responsible_unit_name(responsible, unit),
                    role=role,
                    clauses=_clauses(dispatch, rule, name, role),
                    commune=unit.id if responsible.one_per_commune else None,
                )
            )
    return tuple(assignments)


def _clauses(dispatch: OfficialDispatch, rule: OwnershipRule, responsible_unit: str, role: Role) -> tuple[Clause, ...]:
    """Return the rule's clauses for this unit and role; a unit named only as a partner has the partner's clause."""
    of_role = [clause for clause in dispatch.clauses if clause.id in rule.clauses and clause.role is role]
    own = [clause for clause in of_role if clause.unit == responsible_unit]
    return tuple(own or of_role)


def _gaps(dispatch: OfficialDispatch, rule: OwnershipRule | None, *, unknown_sector: bool) -> tuple[RoutingGap, ...]:
    kinds = [GapKind.UNKNOWN_SECTOR] if unknown_sector else []
    if rule is None or not (rule.lead or rule.directing):
        kinds.append(GapKind.NO_OWNER)
    elif not rule.lead:
        kinds.append(GapKind.NO_LEAD)
    # The dispatch's own words go with the first gap only: said twice they would read as two different things.
    return tuple(_gap(kind, dispatch, rule if place == 0 else None) for place, kind in enumerate(kinds))


def _gap(kind: GapKind, dispatch: OfficialDispatch | None, rule: OwnershipRule | None) -> RoutingGap:
    stated = dispatch.gap_of(rule) if dispatch is not None and rule is not None else None
    return RoutingGap(kind, stated.what_vi if stated else GAP_VI[kind])
