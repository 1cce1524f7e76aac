"""Who is told a kind of news: in which role, by which clauses and at which address."""

import datetime as dt
from dataclasses import dataclass, field
from typing import NamedTuple

from services.notifier.domain.ledger import LedgerStatus, UnroutableReason
from services.notifier.domain.policy import TOLD_OF_NO_LEAD, is_wanted
from services.notifier.domain.route import Routing, addresses_for, route, route_rollup
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Channel, NoticeKind, Role, UnitLevel

_MOST_REMEMBERED = 50_000


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


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a dispatch lets be told of a node, before their addresses; `lacks_lead`: it leaves something open."""

    offers: tuple[Addressee, ...]
    lacks_lead: bool


# Also for a unit of a newer catalog than this process has: kept as unroutable, not lost.
_NOBODY = (Addressee(status=LedgerStatus.UNROUTABLE, reason=UnroutableReason.NO_DISPATCH),)
_NOT_TOLD = Told((), lacks_lead=False)

_Place = tuple[str, bool, str | None, str, dt.date, NoticeKind]


@dataclass(frozen=True, slots=True)
class Addressees:
    """Finds addressees by one catalog."""

    catalog: Catalog
    _dispatches: dict[tuple[str, dt.date], OfficialDispatch | None] = field(default_factory=dict)
    _told: dict[_Place, Told] = field(default_factory=dict)

    def of(
        self, unit: str, node: str | None, cell: str, on: dt.date, notice: NoticeKind
    ) -> tuple[tuple[Addressee, ...], bool]:
        """Return who is told of a node of a unit (None: of its roll-ups), and whether a lead is missing.

        One addressee per assignment and address, and one per assignment or news that nobody can be told.
        """
        found = self.catalog.unit_by_id.get(unit)
        dispatch = None if found is None else self._dispatch(found, on)
        if found is None or dispatch is None:
            return _NOBODY, False
        told = self._told_of(dispatch, found, node, cell, on, notice)
        if not told.offers:
            nobody = Addressee(
                dispatch=dispatch.id, status=LedgerStatus.UNROUTABLE, reason=UnroutableReason.NO_ASSIGNMENT
            )
            return (nobody,), told.lacks_lead
        return self._addressed(told.offers, unit), told.lacks_lead

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
        """Return whom the dispatch lets be told: the same for all units of it that are, or are not, communes."""
        asked = (dispatch.id, unit.level is UnitLevel.COMMUNE, node, cell, on, notice)
        if asked not in self._told:
            if len(self._told) >= _MOST_REMEMBERED:
                self._told.clear()
            self._told[asked] = _told_by(self._routing(unit.id, node, cell, on), notice)
        return self._told[asked]

    def _routing(self, unit: str, node: str | None, cell: str, on: dt.date) -> Routing:
        indicator = None if node is None else indicator_of(self.catalog, node, on)
        if indicator is None:
            return route_rollup(self.catalog, unit, on)
        return route(self.catalog, unit, indicator, cell, on)

    def _addressed(self, offers: tuple[Addressee, ...], unit: str) -> tuple[Addressee, ...]:
        reached: list[Addressee] = []
        unreachable: list[Addressee] = []
        for offer in offers:
            places = places_of(self.catalog, offer.dispatch or "", offer.responsible_unit, unit)
            reached += [offer._replace(channel=channel, address=address) for channel, address in places]
            if not places:
                unreachable.append(offer._replace(status=LedgerStatus.UNROUTABLE, reason=UnroutableReason.NO_ADDRESS))
        if not unreachable:
            return tuple(reached)
        silent = tuple(dict.fromkeys(each.responsible_unit for each in unreachable))
        return (
            *(e._replace(no_address_units=silent) if e.role is Role.CONSOLIDATING else e for e in reached),
            *unreachable,
        )


def indicator_of(catalog: Catalog, node: str, on: dt.date) -> str | None:
    """Return the key of the indicator that a chỉ tiêu judges: by the rule in force, else by any rule it ever had."""
    rule = catalog.rule_for(node, on) or next((rule for rule in catalog.rules if rule.node == node), None)
    return None if rule is None else rule.indicator


def places_of(catalog: Catalog, dispatch: str, responsible_unit: str, unit: str) -> list[tuple[Channel, str]]:
    """Return every channel and address at which a responsible unit is told of a unit, by this catalog."""
    address = addresses_for(catalog, dispatch, responsible_unit, unit)
    if address is None:
        return []
    places = [(Channel.MAIL, mail) for mail in address.mail]
    if address.webhook:
        places.append((Channel.WEBHOOK, address.webhook))
    if address.console:
        place = f"{dispatch}/{responsible_unit}"
        places.append((Channel.CONSOLE, f"{place}/{address.commune}" if address.commune else place))
    return places


def _told_by(routing: Routing, notice: NoticeKind) -> Told:
    if routing.dispatch is None:
        return _NOT_TOLD
    left_open = " ".join(gap.what_vi for gap in routing.gaps) or None
    offers = tuple(
        Addressee(
            responsible_unit=each.responsible_unit.id,
            role=each.role,
            dispatch=routing.dispatch.id,
            clauses=tuple(clause.id for clause in each.clauses),
            gap_vi=left_open if each.role in TOLD_OF_NO_LEAD else None,
        )
        for each in routing.assignments
        if is_wanted(each.role, notice)
    )
    return Told(offers, lacks_lead=bool(routing.gaps))
