"""From due ledger entries to messages: one per address, one item in it per alert, all roles of the addressee stated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.notifier.domain.ledger import DueEntry
from shared.contracts.vocabulary import Channel, NoticeKind, Role


class ItemKind(StrEnum):
    """What an item of a message tells; the order is the order in a message."""

    OPENED = "opened"
    RULESET_CHANGE = "ruleset_change"
    DATA_LOST = "data_lost"
    OPENED_AND_RESOLVED = "opened_and_resolved"
    RESOLVED = "resolved"
    ROLLUP = "rollup"


_ORDER = {kind: place for place, kind in enumerate(ItemKind)}
_ROLE_ORDER = {role: place for place, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Duty:
    """A role of an addressee for one item, with the clauses that give it."""

    responsible_unit: str
    unit: str
    role: Role
    dispatch: str | None
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing told in a message, with the duties of the addressee for it."""

    kind: ItemKind
    entry: DueEntry
    duties: tuple[Duty, ...]
    gap_vi: str | None
    no_address_units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """All that one address is told in one message."""

    channel: Channel
    address: str
    items: tuple[Item, ...]
    entry_ids: tuple[int, ...]


def group(entries: Iterable[DueEntry], items_per_message: int) -> list[Group]:
    """Return the messages to send: one per address, more only when one would hold more than `items_per_message`."""
    by_address: dict[tuple[Channel, str], dict[str, list[DueEntry]]] = {}
    for entry in entries:
        topics = by_address.setdefault((entry.channel, entry.address), {})
        topics.setdefault(entry.alert_id or entry.subject, []).append(entry)
    groups: list[Group] = []
    for (channel, address), topics in by_address.items():
        ordered = sorted(topics.values(), key=_place)
        for start in range(0, len(ordered), items_per_message):
            part = ordered[start : start + items_per_message]
            groups.append(
                Group(
                    channel,
                    address,
                    items=tuple(_item(topic) for topic in part),
                    entry_ids=tuple(entry.id for topic in part for entry in topic),
                )
            )
    return groups


def _place(topic: Sequence[DueEntry]) -> tuple[int, str, str, str, int]:
    first = topic[0]
    return _ORDER[_kind(topic)], first.unit, first.node, first.cell, first.sequence


def _item(topic: Sequence[DueEntry]) -> Item:
    duties = {
        (entry.responsible_unit, entry.role): Duty(
            entry.responsible_unit, entry.unit, entry.role, entry.dispatch, entry.clauses
        )
        for entry in topic
    }
    return Item(
        kind=_kind(topic),
        entry=topic[-1],
        duties=tuple(sorted(duties.values(), key=lambda duty: (_ROLE_ORDER[duty.role], duty.responsible_unit))),
        gap_vi=next((entry.gap_vi for entry in topic if entry.gap_vi), None),
        no_address_units=tuple(dict.fromkeys(name for entry in topic for name in entry.no_address_units)),
    )


def _kind(topic: Sequence[DueEntry]) -> ItemKind:
    """Return what the entries of one alert tell together: opened and resolved in one message is a story of its own."""
    kinds = {entry.kind for entry in topic}
    if NoticeKind.RESOLVED in kinds:
        began = kinds & {NoticeKind.OPENED, NoticeKind.RULESET_CHANGE}
        return ItemKind.OPENED_AND_RESOLVED if began else ItemKind.RESOLVED
    for notice in (NoticeKind.OPENED, NoticeKind.RULESET_CHANGE, NoticeKind.DATA_LOST):
        if notice in kinds:
            return ItemKind(notice.value)
    return ItemKind.ROLLUP
