"""A drill: a marked test to every address of a dispatch, through the same ledger and outbox as an alert."""

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from services.notifier.domain.addressees import places_of
from services.notifier.domain.ledger import Entry
from services.notifier.domain.route import name_in
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch, ResponsibleUnit
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Cause, Channel, NoticeKind, Role, UnitLevel


@dataclass(frozen=True, slots=True)
class Drill:
    """What a drill sends, and the names of the units of the dispatch that have no address to send it to."""

    id: str
    entries: tuple[Entry, ...]
    unreachable: tuple[str, ...]


def plan_drill(
    catalog: Catalog, dispatch: OfficialDispatch, on: dt.date, drill_id: str, channels: Collection[Channel]
) -> Drill:
    """Return the drill of a dispatch on a day: an entry for every unit of it that has not ended, at every address.

    Only addresses on `channels`. The id makes the entries of one drill unique: each is sent once, whatever fails.
    """
    roles = _roles_of(dispatch, on)
    entries: list[Entry] = []
    unreachable: list[str] = []
    for responsible, unit in _charged(catalog, dispatch, on):
        # A unit that the text names without a duty, as the head of its departments, only has to know.
        role = roles.get(responsible.id, Role.INFORMED)
        places = places_of(catalog, dispatch.id, responsible.id, unit.id)
        if not places:
            unreachable.append(name_in(catalog, dispatch.id, responsible.id, unit.id))
        entries += [
            Entry(
                subject=f"drill:{drill_id}:{responsible.id}:{unit.id}",
                kind=NoticeKind.DRILL,
                alert_id=None,
                unit=unit.id,
                node="",
                cell="",
                as_of=on,
                cause=Cause.CLOCK,
                sequence=0,
                wait_seconds=0,
                responsible_unit=responsible.id,
                role=role,
                channel=channel,
                address=address,
                dispatch=dispatch.id,
            )
            for channel, address in places
            if channel in channels
        ]
    return Drill(drill_id, tuple(entries), tuple(unreachable))


def _roles_of(dispatch: OfficialDispatch, on: dt.date) -> dict[str, Role]:
    """Return the first role, in the order of `Role`, that a dispatch gives to each unit that has duties on a day."""
    given = [rule.units_by_role() | {Role.INFORMED: dispatch.copied_to(rule)} for rule in dispatch.rules]
    found: dict[str, Role] = {}
    for role in Role:
        for name in {name for units in given for name in units.get(role, ())}:
            holder = dispatch.holder(name, on)
            if holder is not None:
                found.setdefault(holder.id, role)
    return found


def _charged(catalog: Catalog, dispatch: OfficialDispatch, on: dt.date) -> Iterator[tuple[ResponsibleUnit, AdminUnit]]:
    """Yield every unit of a dispatch that is there on a day, with the administrative unit that it is told of."""
    scope = set(dispatch.scope)
    communes = [
        unit
        for unit in catalog.units
        if unit.level is UnitLevel.COMMUNE
        and unit.in_force(on)
        and not scope.isdisjoint({unit.id, *(above.id for above in catalog.ancestors(unit))})
    ]
    for responsible in dispatch.units:
        if responsible.in_force(on):
            if responsible.one_per_commune:
                yield from ((responsible, commune) for commune in communes)
            else:
                yield responsible, catalog.unit_by_id[dispatch.scope[0]]
