"""Who is told a kind of news: in which role, by which clauses and at which address."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from services.notifier.domain.apprise_places import apprise_places
from services.notifier.domain.ledger import LedgerStatus, UnroutableReason
from services.notifier.domain.policy import TOLD_OF_NO_LEAD
from services.notifier.domain.route import Routing, addresses_for, phase_of, route, route_rollup
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import Address, OfficialDispatch
from shared.catalog.missing_dispatches import missing_dispatch_vi
from shared.catalog.policies import ALWAYS, UNROUTED_UNIT, Policies
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Channel, NoticeKind, Phase, Role, Timing, UnitLevel

_MOST_REMEMBERED = 50_000
# Of an addressee: who it is; its channel and its address.
_UNIT, _PLACE = slice(1), slice(2, 4)


class Addressee(NamedTuple):
    """The part of a ledger entry that says who is told: its fields from `responsible_unit` on, in their order."""

    responsible_unit: str = ""
    role: Role = Role.CONSOLIDATING
    channel: Channel | None = None
    address: str = ""
    dispatch: str | None = None
    clauses: tuple[str, ...] = ()
    gap_vi: str | None = None
    no_address_units: tuple[str, ...] = ()
    status: LedgerStatus = LedgerStatus.WAITING
    reason: UnroutableReason | None = None


class Reach(NamedTuple):
    """An addressee, and when it may be told: at once or by digest, within the office hours of this id."""

    addressee: Addressee
    timing: Timing = Timing.IMMEDIATE
    hours: str = ALWAYS


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a dispatch lets be told of a node and when, before their addresses; `lacks_lead`: nobody leads there.

    `may_meet`: units that are told at different times may have one place.
    """

    offers: tuple[Reach, ...]
    lacks_lead: bool
    may_meet: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """Who is told of some news; `lacks_lead`: the dispatch that routes it names nobody who leads."""

    places: tuple[Reach, ...]
    lacks_lead: bool = False


_NO_ASSIGNMENT_VI = "Văn bản phân công không nêu đơn vị nào nhận nội dung này."
_NOT_TOLD = Told((), lacks_lead=False)

_Place = tuple[str, bool, Phase, str | None, str, dt.date, NoticeKind]


@dataclass(frozen=True, slots=True)
class Addressees:
    """Finds addressees by one catalog."""

    catalog: Catalog
    _dispatches: dict[tuple[str, dt.date], OfficialDispatch | None] = field(default_factory=dict)
    _told: dict[_Place, Told] = field(default_factory=dict)
    _missing: dict[tuple[str, dt.date], str] = field(default_factory=dict)
    _ways: dict[tuple[str, str, str | None], list[tuple[Channel, str]]] = field(default_factory=dict)
    _sharing: dict[str, bool] = field(default_factory=dict)

    def of(self, unit: str, node: str | None, cell: str, on: dt.date, notice: NoticeKind) -> Reached:
        """Return who is told of a node of a unit (None: of its roll-ups), and whether a lead is missing.

        One place per assignment and address, and one per assignment or news that nobody can be told. What reaches
        nobody at all goes to those whom policies.yaml names for it, too. Empty when policy tells nobody this kind.
        """
        found = self.catalog.unit_by_id.get(unit)
        dispatch = None if found is None else self._dispatch(found, on)
        if found is None or dispatch is None:
            # Also for a unit of a newer catalog than this process has: kept as unroutable, not lost.
            nobody = Addressee(status=LedgerStatus.UNROUTABLE, reason=UnroutableReason.NO_DISPATCH)
            return Reached((Reach(nobody), *self._unrouted(found, None, on)))
        told = self._told_of(dispatch, found, node, cell, on, notice)
        if told.offers:
            reached, unreachable = self._addressed(told, unit)
            others = () if reached else self._unrouted(found, dispatch, on, silent_among(unreachable))
            return Reached((*reached, *unreachable, *others), told.lacks_lead)
        if notice not in self.catalog.policies.told_kinds:
            return Reached((), told.lacks_lead)
        nobody = Addressee(dispatch=dispatch.id, status=LedgerStatus.UNROUTABLE, reason=UnroutableReason.NO_ASSIGNMENT)
        return Reached((Reach(nobody), *self._unrouted(found, dispatch, on)), told.lacks_lead)

    def of_superior(self, superior: str, unit: str, on: dt.date) -> tuple[Reach, ...]:
        """Return where a unit above the dispatches (policies.yaml) is told of a unit that its scope holds on a day."""
        found = self.catalog.unit_by_id.get(unit)
        places = () if found is None else (found.id, *(above.id for above in self.catalog.ancestors(found)))
        reaches: list[Reach] = []
        for each in self.catalog.policies.superiors:
            if each.id == superior and each.in_force(on) and not set(places).isdisjoint(each.scope):
                addressee = Addressee(responsible_unit=each.id, role=Role.SUPERIOR)
                ways = [(Channel.MAIL, mail) for mail in each.mail]
                ways += [(Channel.WEBHOOK, each.webhook)] if each.webhook else []
                reaches += [Reach(addressee._replace(channel=c, address=a), hours=each.hours) for c, a in ways]
        return tuple(reaches)

    def _unrouted(
        self, unit: AdminUnit | None, dispatch: OfficialDispatch | None, on: dt.date, silent: tuple[str, ...] = ()
    ) -> tuple[Reach, ...]:
        """Return those who are told of what reaches nobody, with why: no dispatch, no assignment, or no address."""
        policy = self.catalog.policies.unrouted
        if policy is None or unit is None:  # a message about a unit that this catalog cannot name cannot be written
            return ()
        gap = None if silent else _NO_ASSIGNMENT_VI
        if dispatch is None:
            gap = self._missing_vi(unit, on)
        of = None if dispatch is None else dispatch.id
        offer = Addressee(UNROUTED_UNIT, Role.INFORMED, Channel.MAIL, dispatch=of, gap_vi=gap, no_address_units=silent)
        return tuple(Reach(offer._replace(address=mail), policy.timing, policy.hours) for mail in policy.mail)

    def _missing_vi(self, unit: AdminUnit, on: dt.date) -> str:
        asked = (unit.id, on)
        if asked not in self._missing:
            if len(self._missing) >= _MOST_REMEMBERED:
                self._missing.clear()
            self._missing[asked] = missing_dispatch_vi(self.catalog, unit, on)
        return self._missing[asked]

    def _dispatch(self, unit: AdminUnit, on: dt.date) -> OfficialDispatch | None:
        asked = (unit.id, on)
        if asked not in self._dispatches:
            if len(self._dispatches) >= _MOST_REMEMBERED:
                self._dispatches.clear()
            self._dispatches[asked] = self.catalog.dispatch_for(unit, on)
        return self._dispatches[asked]

    def _told_of(
        self, dispatch: OfficialDispatch, unit: AdminUnit, node: str | None, cell: str, on: dt.date, notice: NoticeKind
    ) -> Told:
        """Return whom the dispatch lets be told: the same for its units of one phase that are, or are not, communes."""
        phase = phase_of(self.catalog, unit.id, standard_of(node), on)
        asked = (dispatch.id, unit.level is UnitLevel.COMMUNE, phase, node, cell, on, notice)
        if asked not in self._told:
            if len(self._told) >= _MOST_REMEMBERED:
                self._told.clear()
            routing = self._routing(unit.id, node, cell, on)
            lacks_lead = node is not None and routing.lacks_lead  # who follows the roll-ups leads nothing
            told = _told_by(self.catalog.policies, routing, notice, lacks_lead=lacks_lead)
            mixed = len({timing for _, timing, _ in told.offers}) > 1
            self._told[asked] = replace(told, may_meet=mixed and self._shares(dispatch))
        return self._told[asked]

    def _routing(self, unit: str, node: str | None, cell: str, on: dt.date) -> Routing:
        indicator = None if node is None else indicator_of(self.catalog, node, on)
        if indicator is None:
            return route_rollup(self.catalog, unit, on)
        return route(self.catalog, unit, indicator, cell, on, standard=standard_of(node))

    def _shares(self, dispatch: OfficialDispatch) -> bool:
        """Return whether some units of a dispatch have one place: a department at least that of its unit."""
        if dispatch.id not in self._sharing:
            held: dict[tuple[Channel, str], set[str]] = {}
            for address in self.catalog.addresses:
                for place in ways_of(address) if address.dispatch == dispatch.id else ():
                    held.setdefault(place, set()).add(address.unit)
            departments = any(unit.parent is not None for unit in dispatch.units)
            self._sharing[dispatch.id] = departments or any(len(units) > 1 for units in held.values())
        return self._sharing[dispatch.id]

    def _addressed(self, told: Told, unit: str) -> tuple[list[Reach], list[Reach]]:
        """Return the offers with each of their places, and those that have none."""
        reached: list[Reach] = []
        unreachable: list[Reach] = []
        for addressee, timing, _ in told.offers:
            address = addresses_for(self.catalog, addressee.dispatch or "", addressee.responsible_unit, unit)
            places = [] if address is None else self._ways_to(address)
            for channel, place in places:
                found = addressee._replace(channel=channel, address=place)
                reached.append(Reach(found, timing, address.hours if address is not None else ALWAYS))
            if not places:
                nowhere = addressee._replace(status=LedgerStatus.UNROUTABLE, reason=UnroutableReason.NO_ADDRESS)
                unreachable.append(Reach(nowhere))
        if unreachable:
            silent = silent_among(unreachable)
            reached = [_with_silent(each, silent) for each in reached]
        return _soonest(reached, _PLACE) if told.may_meet else reached, unreachable

    def _ways_to(self, address: Address) -> list[tuple[Channel, str]]:
        asked = (address.dispatch, address.unit, address.commune)
        found = self._ways.get(asked)
        if found is None:
            found = self._ways[asked] = ways_of(address)
        return found


def indicator_of(catalog: Catalog, node: str, on: dt.date) -> str | None:
    """Return the key of the indicator that a chỉ tiêu judges: by the rule in force, else by any rule it ever had."""
    rule = catalog.rule_for(node, on) or next((rule for rule in catalog.rules if rule.node == node), None)
    return None if rule is None else rule.indicator


def standard_of(node: str | None) -> str | None:
    """Return the standard of a node "standard/code"."""
    return None if node is None else node.partition("/")[0]


def places_of(catalog: Catalog, dispatch: str, responsible_unit: str, unit: str) -> list[tuple[Channel, str]]:
    """Return every channel and address at which a responsible unit is told of a unit, by this catalog."""
    address = addresses_for(catalog, dispatch, responsible_unit, unit)
    return [] if address is None else ways_of(address)


def ways_of(address: Address) -> list[tuple[Channel, str]]:
    """Return every channel and address of an entry of addresses.yaml."""
    places = [(Channel.MAIL, mail) for mail in address.mail]
    if address.webhook:
        places.append((Channel.WEBHOOK, address.webhook))
    if address.console:
        place = f"{address.dispatch}/{address.unit}"
        places.append((Channel.CONSOLE, f"{place}/{address.commune}" if address.commune else place))
    places += [(Channel.APPRISE, place.name) for place in apprise_places(address)]
    return places


def silent_among(unreachable: Iterable[Reach]) -> tuple[str, ...]:
    """Return the responsible units that have no address, each once."""
    return tuple(dict.fromkeys(each.addressee.responsible_unit for each in unreachable))


def _soonest(reaches: list[Reach], by: slice) -> list[Reach]:
    """Return the same, all with equal fields `by` as soon as any of them: one message that names all roles."""
    at_once = {each.addressee[by] for each in reaches if each.timing is Timing.IMMEDIATE}
    return [each._replace(timing=Timing.IMMEDIATE) if each.addressee[by] in at_once else each for each in reaches]


def _with_silent(reach: Reach, silent: tuple[str, ...]) -> Reach:
    """Return a place, where it is the consolidating unit's with the units that cannot be reached."""
    if reach.addressee.role is not Role.CONSOLIDATING:
        return reach
    return reach._replace(addressee=reach.addressee._replace(no_address_units=silent))


def _told_by(policies: Policies, routing: Routing, notice: NoticeKind, *, lacks_lead: bool) -> Told:
    if routing.dispatch is None:
        return _NOT_TOLD
    left_open = " ".join(gap.what_vi for gap in routing.gaps) or None
    offers: list[Reach] = []
    for each in routing.assignments:
        timing = policies.timing(each.role, notice, unowned=lacks_lead)
        if timing is not None:
            addressee = Addressee(
                responsible_unit=each.responsible_unit.id,
                role=each.role,
                dispatch=routing.dispatch.id,
                clauses=tuple(clause.id for clause in each.clauses),
                gap_vi=left_open if lacks_lead and each.role in TOLD_OF_NO_LEAD else None,
            )
            offers.append(Reach(addressee, timing))
    return Told(tuple(_soonest(offers, _UNIT)), lacks_lead)
