"""From due ledger entries to messages: one per address, one item in it per alert, all roles of the addressee stated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.notifier.domain.ledger import DueEntry
from shared.contracts.vocabulary import Channel, NoticeKind, Role


class ItemKind(StrEnum):
    """What an item of a message tells; the order is the order in a message. All but one are kinds of a notice."""

    ESCALATED = "escalated"
    OPENED = "opened"
    RULESET_CHANGE = "ruleset_change"
    DATA_LOST = "data_lost"
    FLAPPING = "flapping"
    REMINDER = "reminder"
    AT_RISK = "at_risk"
    OPENED_AND_RESOLVED = "opened_and_resolved"
    RESOLVED = "resolved"
    DOSSIER = "dossier"
    DUTY = "duty"
    ROLLUP = "rollup"
    REPORT = "report"
    DRILL = "drill"


# What a topic of several entries tells is the first of these among them.
_FOREMOST = tuple(NoticeKind(kind) for kind in ItemKind if kind is not ItemKind.OPENED_AND_RESOLVED)
# Nobody has told the addressee of the alert's beginning before, or what he was told last is that it is not over.
_BEGINNINGS = frozenset({NoticeKind.OPENED, NoticeKind.RULESET_CHANGE, NoticeKind.ESCALATED})
# A message of its own: what an addressee must do is never among the lines of a report or of a drill.
_APART = frozenset({NoticeKind.REPORT, NoticeKind.DRILL})
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
    """Return the messages to send: one per address, more only when one would hold more than `items_per_message`.

    Every report and every drill is a message of its own.
    """
    by_message: dict[tuple[Channel, str, str], dict[str, list[DueEntry]]] = {}
    for entry in entries:
        topics = by_message.setdefault((entry.channel, entry.address, _apart(entry)), {})
        topics.setdefault(entry.alert_id or entry.subject, []).append(entry)
    groups: list[Group] = []
    for (channel, address, _), topics in by_message.items():
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


def _apart(entry: DueEntry) -> str:
    """Return which message of its own an entry belongs to; empty: the one with all news. A drill is "drill:<id>:…"."""
    if entry.kind not in _APART:
        return ""
    return entry.subject if entry.kind is NoticeKind.REPORT else ":".join(entry.subject.split(":", 2)[:2])


def _place(topic: Sequence[DueEntry]) -> tuple[int, str, str, str, int]:
    first = topic[0]
    return _ORDER[_kind(topic)], first.unit, first.node, first.cell, first.sequence


def _item(topic: Sequence[DueEntry]) -> Item:
    kind = _kind(topic)
    duties = {
        (entry.responsible_unit, entry.role): Duty(
            entry.responsible_unit, entry.unit, entry.role, entry.dispatch, entry.clauses
        )
        for entry in topic
    }
    return Item(
        kind=kind,
        entry=next((entry for entry in reversed(topic) if entry.kind == kind.value), topic[-1]),
        duties=tuple(sorted(duties.values(), key=lambda duty: (_ROLE_ORDER[duty.role], duty.responsible_unit))),
        gap_vi=next((entry.gap_vi for entry in topic if entry.gap_vi), None),
        no_address_units=tuple(dict.fromkeys(name for entry in topic for name in entry.no_address_units)),
    )


def _kind(topic: Sequence[DueEntry]) -> ItemKind:
    """Return what the entries of one alert tell together: opened and resolved in one message is a story of its own."""
    kinds = {entry.kind for entry in topic}
    if NoticeKind.RESOLVED in kinds:
        return ItemKind.OPENED_AND_RESOLVED if kinds & _BEGINNINGS else ItemKind.RESOLVED
    return next(ItemKind(notice.value) for notice in _FOREMOST if notice in kinds)
