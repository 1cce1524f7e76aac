"""What becomes of the entries of a dead delivery that is tried again: told at the place of today, or over."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.notifier.domain.addressees import places_of
from services.notifier.domain.ledger import DueEntry, Entry
from shared.catalog.catalog import Catalog
from shared.catalog.policies import UNROUTED_UNIT
from shared.contracts.vocabulary import AlertKind, Channel, NoticeKind, Role

_OF_AN_OPEN_ALERT = frozenset(
    {
        NoticeKind.OPENED,
        NoticeKind.RULESET_CHANGE,
        NoticeKind.DATA_LOST,
        NoticeKind.AT_RISK,
        NoticeKind.REMINDER,
        NoticeKind.ESCALATED,
    }
)


@dataclass(frozen=True, slots=True)
class DeadEntry:
    """An entry of a dead delivery, with how its alert stands now; the kind is None for news of no alert."""

    entry: DueEntry
    alert_ended: bool
    alert_kind: AlertKind | None


@dataclass(frozen=True, slots=True)
class Revival:
    """What to do with the entries of a dead delivery.

    `waiting` are the ids of those that wait again where they were; `superseded` of those that are over or were moved;
    `moved` are the entries in their place; `unreachable` the responsible units that still have no address.
    """

    waiting: tuple[int, ...]
    superseded: tuple[int, ...]
    moved: tuple[Entry, ...]
    unreachable: tuple[str, ...]


def revive(catalog: Catalog, dead: Sequence[DeadEntry], to: str | None = None) -> Revival:
    """Return what to do with the entries of one dead delivery, by the addresses of `catalog`, or by `to` alone."""
    resolved = {each.entry.alert_id for each in dead if each.entry.kind is NoticeKind.RESOLVED}
    waiting: list[int] = []
    superseded: list[int] = []
    moved: list[Entry] = []
    unreachable: list[str] = []
    for each in dead:
        entry = each.entry
        if _is_over(each) and not (each.alert_ended and entry.alert_id in resolved):
            superseded.append(entry.id)
            continue
        places = _places(catalog, entry) if to is None else [(entry.channel, to)]
        if (entry.channel, entry.address) in places:
            waiting.append(entry.id)
        elif places:
            superseded.append(entry.id)
            moved += [_moved(entry, *place) for place in dict.fromkeys(places)]
        else:
            unreachable.append(entry.responsible_unit)
    return Revival(tuple(waiting), tuple(superseded), tuple(moved), tuple(dict.fromkeys(unreachable)))


def _places(catalog: Catalog, entry: DueEntry) -> list[tuple[Channel, str]]:
    """Return where an addressee is told today; those whom no dispatch names have their addresses in policies.yaml."""
    if entry.role is Role.SUPERIOR:
        above = next((each for each in catalog.policies.superiors if each.id == entry.responsible_unit), None)
        if above is None:
            return []
        places = [(Channel.MAIL, mail) for mail in above.mail]
        return [*places, (Channel.WEBHOOK, above.webhook)] if above.webhook else places
    if entry.responsible_unit == UNROUTED_UNIT:
        unrouted = catalog.policies.unrouted
        return [] if unrouted is None else [(Channel.MAIL, mail) for mail in unrouted.mail]
    return places_of(catalog, entry.dispatch or "", entry.responsible_unit, entry.unit)


def _is_over(dead: DeadEntry) -> bool:
    """Return whether an entry tells of a state that has passed: told now, it would read as if it lasted."""
    if dead.alert_kind is None or dead.entry.kind not in _OF_AN_OPEN_ALERT:
        return False
    return dead.alert_ended or (dead.entry.kind is NoticeKind.DATA_LOST and dead.alert_kind is AlertKind.BREACH)


def _moved(entry: DueEntry, channel: Channel, address: str) -> Entry:
    kept = {name: getattr(entry, name) for name in DueEntry.__dataclass_fields__ if name != "id"}
    return Entry(**(kept | {"channel": channel, "address": address}), wait_seconds=0)
