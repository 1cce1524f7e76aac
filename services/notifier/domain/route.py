"""Who is told about a chỉ tiêu of a unit: which responsible unit, in which role, by which clause of the dispatch."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import ANY_INDICATOR, Address, Clause, OfficialDispatch, OwnershipRule, ResponsibleUnit
from shared.catalog.missing_dispatches import missing_dispatch_vi
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Phase, Role, Sector, UnitLevel

COMMUNE_WORDS = ("Xã ", "Thị trấn ", "Phường ", "Đặc khu ")


class GapKind(StrEnum):
    """What the dispatches leave open for one chỉ tiêu of one unit. It is reported, never filled in by a guess."""

    NO_DISPATCH = "no_dispatch"
    UNIT_ENDED = "unit_ended"
    UNKNOWN_SECTOR = "unknown_sector"
    NO_OWNER = "no_owner"
    NO_LEAD = "no_lead"


GAP_VI = {
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
    `name_vi` is then that unit's name ("UBND xã Thụy Hùng"); a department is named with its unit. `within` is the unit
    that a department belongs to, `succeeds` the unit of the text whose duties this one has taken over.
    """

    responsible_unit: ResponsibleUnit
    name_vi: str
    role: Role
    clauses: tuple[Clause, ...]
    commune: str | None = None
    within: ResponsibleUnit | None = None
    succeeds: ResponsibleUnit | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """The answer for one chỉ tiêu of one unit on one day; `assignments` are in the order of `Role`."""

    dispatch: OfficialDispatch | None
    assignments: tuple[Assignment, ...]
    gaps: tuple[RoutingGap, ...]
    phase: Phase = Phase.IMPLEMENTATION

    @property
    def owners(self) -> tuple[Assignment, ...]:
        """Who has to act: the leads, or where the text names none, those who direct; empty where it names neither."""
        leads = tuple(found for found in self.assignments if found.role is Role.LEAD)
        return leads or tuple(found for found in self.assignments if found.role is Role.DIRECTING)

    @property
    def lacks_lead(self) -> bool:
        """Whether nobody leads a chỉ tiêu by a dispatch in force: the text names none, or whom it names has ended."""
        if self.dispatch is None or not self.gaps:
            return False
        return not any(found.role is Role.LEAD for found in self.assignments)


def route(
    catalog: Catalog, unit_id: str, indicator: str, cell: str, on: dt.date, *, standard: str | None = None
) -> Routing:
    """Return who is responsible for an indicator of a unit on a day.

    `cell` is a sector for a sectored indicator; "" or an unknown word is an unknown sector. For any other indicator
    the cell (a sex or "") does not matter. An indicator that the dispatch does not name falls to its "*" rule.
    Appraising units are among them only while the unit's dossier for `standard` is being appraised.
    """
    unit = catalog.unit_by_id[unit_id]
    dispatch = catalog.dispatch_for(unit, on)
    if dispatch is None:
        return Routing(None, (), (RoutingGap(GapKind.NO_DISPATCH, missing_dispatch_vi(catalog, unit, on)),))
    definition = catalog.indicator_by_key.get(indicator)
    sectored = definition is not None and definition.by == "sector"
    sector = cell if sectored and cell in set(Sector) else None
    phase = phase_of(catalog, unit_id, standard, on)
    rule = dispatch.rule_for(indicator, sector)
    if rule is None:
        return Routing(dispatch, (), _gaps(dispatch, None, unknown_sector=sectored and sector is None), phase)
    assignments, ended = _assignments(catalog, dispatch, rule, unit, on, phase)
    gaps = _gaps(dispatch, rule, unknown_sector=sectored and sector is None)
    return Routing(dispatch, assignments, ended + gaps, phase)


def route_rollup(catalog: Catalog, unit_id: str, on: dt.date) -> Routing:
    """Return who follows the tiêu chí and standards of a unit on a day: the consolidating and the informed units."""
    unit = catalog.unit_by_id[unit_id]
    dispatch = catalog.dispatch_for(unit, on)
    if dispatch is None:
        return Routing(None, (), (RoutingGap(GapKind.NO_DISPATCH, missing_dispatch_vi(catalog, unit, on)),))
    rule = dispatch.rule_for(ANY_INDICATOR, None)
    if rule is None:
        return Routing(dispatch, (), ())
    assignments, _ = _assignments(catalog, dispatch, rule, unit, on, Phase.IMPLEMENTATION)
    followers = tuple(found for found in assignments if found.role in (Role.CONSOLIDATING, Role.INFORMED))
    return Routing(dispatch, followers, ())


def phase_of(catalog: Catalog, unit_id: str, standard: str | None, on: dt.date) -> Phase:
    """Return the phase of a unit's dossier for a standard on a day; implementation without a standard."""
    if standard is None or not catalog.policies.phases:
        return Phase.IMPLEMENTATION
    unit = catalog.unit_by_id[unit_id]
    places = (unit.id, *(above.id for above in catalog.ancestors(unit)))
    return catalog.policies.phase_of(places, standard, on)


def addresses_for(catalog: Catalog, dispatch_id: str, responsible_unit: str, commune: str | None) -> Address | None:
    """Return where a responsible unit is reached: the address for this commune, else the one for all, else None.

    A department without an address is reached at the unit that it belongs to.
    """
    places = catalog.address_by_place
    name: str | None = responsible_unit
    while name is not None:
        found = places.get((dispatch_id, name, commune)) or places.get((dispatch_id, name, None))
        if found is not None:
            return found
        unit = catalog.responsible_units.get((dispatch_id, name))
        name = unit.parent if unit is not None else None
    return None


def responsible_unit_name(
    responsible_unit: ResponsibleUnit, unit: AdminUnit, within: ResponsibleUnit | None = None
) -> str:
    """Return the name of a responsible unit for an administrative unit: "UBND xã Thụy Hùng", or its own name.

    A department is named with the unit `within` which it is, unless its own name says that already.
    """
    if responsible_unit.one_per_commune:
        name = unit.name_vi
        if name.startswith(COMMUNE_WORDS):
            name = name[0].lower() + name[1:]
        own = f"{responsible_unit.commune_prefix_vi} {name}"
    else:
        own = responsible_unit.name_vi
    return _with_unit(own, within)


def name_in(catalog: Catalog, dispatch_id: str | None, responsible_unit: str, unit_id: str) -> str:
    """Return the name of a unit of a dispatch, for an administrative unit, or of policies.yaml; its id otherwise."""
    found = catalog.responsible_units.get((dispatch_id or "", responsible_unit))
    if found is None:
        return catalog.policies.names.get(responsible_unit, responsible_unit)
    within = catalog.responsible_units.get((dispatch_id or "", found.parent or ""))
    return responsible_unit_name(found, catalog.unit_by_id[unit_id], within)


def _assignments(
    catalog: Catalog, dispatch: OfficialDispatch, rule: OwnershipRule, unit: AdminUnit, on: dt.date, phase: Phase
) -> tuple[tuple[Assignment, ...], tuple[RoutingGap, ...]]:
    """Return the assignments of a rule, and a gap for each unit of it that has ended without a successor."""
    assignments: dict[tuple[Role, str], Assignment] = {}
    ended: dict[str, RoutingGap] = {}
    for role, names in (rule.units_by_role() | {Role.INFORMED: dispatch.copied_to(rule)}).items():
        if role is Role.APPRAISING and phase is not Phase.APPRAISAL:
            continue
        for name in names:
            holder = dispatch.holder(name, on)
            if holder is None:
                ended[name] = _ended(catalog, dispatch, name, on)
            elif not holder.one_per_commune or unit.level is UnitLevel.COMMUNE:
                # A district or province has no commune committee to tell.
                found = _assignment(catalog, dispatch, rule, (name, holder, role), unit)
                assignments.setdefault((role, holder.id), found)
    return tuple(assignments.values()), tuple(ended.values())


def _assignment(
    catalog: Catalog,
    dispatch: OfficialDispatch,
    rule: OwnershipRule,
    charge: tuple[str, ResponsibleUnit, Role],
    unit: AdminUnit,
) -> Assignment:
    name, holder, role = charge
    within = catalog.responsible_units.get((dispatch.id, holder.parent or ""))
    return Assignment(
        responsible_unit=holder,
        name_vi=responsible_unit_name(holder, unit, within),
        role=role,
        clauses=dispatch.clauses_for(rule, name, role),
        commune=unit.id if holder.one_per_commune else None,
        within=within,
        succeeds=None if holder.id == name else catalog.responsible_units[dispatch.id, name],
    )


def _ended(catalog: Catalog, dispatch: OfficialDispatch, name: str, on: dt.date) -> RoutingGap:
    """Return the gap of a unit without a successor: in words that are the same for every commune of the dispatch."""
    found = catalog.responsible_units[dispatch.id, name]
    within = catalog.responsible_units.get((dispatch.id, found.parent or ""))
    last = min(each.span[1] for each in (found, within) if each is not None)
    when = f"đã kết thúc hoạt động ngày {last:%d/%m/%Y}" if last < on else f"chưa hoạt động vào ngày {on:%d/%m/%Y}"
    what = (
        f"{_with_unit(found.name_vi, within)} {when} và danh mục không có đơn vị kế thừa nhiệm vụ. "
        f"Cần văn bản phân công mới của {dispatch.issuer_vi} hoặc cơ quan cấp trên."
    )
    return RoutingGap(GapKind.UNIT_ENDED, what)


def _with_unit(name: str, within: ResponsibleUnit | None) -> str:
    return name if within is None or within.name_vi in name else f"{name}, {within.name_vi}"


def _gaps(dispatch: OfficialDispatch, rule: OwnershipRule | None, *, unknown_sector: bool) -> tuple[RoutingGap, ...]:
    """Return what the text leaves open; a lead that it names and that has ended is told by a gap of its own."""
    kinds = [GapKind.UNKNOWN_SECTOR] if unknown_sector else []
    if rule is None or not (rule.lead or rule.directing):
        kinds.append(GapKind.NO_OWNER)
    elif not rule.lead:
        kinds.append(GapKind.NO_LEAD)
    # The dispatch's own words go with the first gap only: said twice they would read as two different things.
    stated = dispatch.gap_of(rule) if rule is not None else None
    return tuple(
        RoutingGap(kind, stated.what_vi if stated and place == 0 else GAP_VI[kind]) for place, kind in enumerate(kinds)
    )
