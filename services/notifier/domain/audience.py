"""Who else is told the same: who has to act, and the other units that get a message of it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.notifier.domain.course import Course
from services.notifier.domain.deadlines_vi import step_of
from services.notifier.domain.facts import Facts
from services.notifier.domain.grouping import Duty, Item, ItemKind
from services.notifier.domain.labels_vi import ROLE_VI
from services.notifier.domain.route import Routing, route
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import NoticeKind, Role

# The words of one syllable: "đô thị" is no bare "thị trấn".
_KINDS = frozenset({"xã", "phường", "huyện", "quận", "tỉnh"})


@dataclass(frozen=True, slots=True)
class Audience:
    """Who has to act ("Chủ trì: …", empty where the text names nobody), and the other addressees with their roles.

    `owned`: the addressee itself is among those who have to act. `duties` are theirs, with the clauses that give them;
    `whose` names them by their role ("của đơn vị chủ trì").
    """

    owners: str = ""
    duties: tuple[Duty, ...] = ()
    whose: str = ""
    others: tuple[str, ...] = ()
    owned: bool = False


def audience_of(facts: Facts, item: Item, course: Course | None) -> Audience:
    """Return the audience of an item about an alert, beside its addressee."""
    if facts.rule is None:
        return Audience()
    key = facts.alert.key
    day: dt.date = item.entry.as_of
    routing = route(facts.catalog, key.unit, facts.rule.indicator, key.cell, day, standard=facts.rule.standard)
    owners = {each.responsible_unit.id for each in routing.owners}
    owned = any(duty.responsible_unit in owners for duty in item.duties)
    dispatch = None if routing.dispatch is None else routing.dispatch.id
    duties = tuple(
        Duty(each.responsible_unit.id, key.unit, each.role, dispatch, tuple(clause.id for clause in each.clauses))
        for each in routing.owners
    )
    whose = f"của đơn vị {ROLE_VI[routing.owners[0].role]}" if routing.owners else ""
    if any(duty.role is Role.SUPERIOR for duty in item.duties):
        routing = _with_places(routing, facts)
    others = (*_others(facts.catalog, routing, item), *_above(facts.catalog, item, course))
    return Audience(_owners(routing), duties, whose, others, owned)


def _with_places(routing: Routing, facts: Facts) -> Routing:
    """Return the routing as a unit above many districts needs it: "Bảo hiểm xã hội huyện" with its district's name."""
    places = [each.name_vi.partition(" ") for each in (facts.unit, *facts.catalog.ancestors(facts.unit))]
    own_names = {kind.lower(): name for kind, _, name in places if kind.lower() in _KINDS}
    named = (replace(each, name_vi=_with_place(each.name_vi, own_names)) for each in routing.assignments)
    return replace(routing, assignments=tuple(named))


def _with_place(name: str, own_names: Mapping[str, str]) -> str:
    before, _, kind = name.rpartition(" ")
    # "UBND các xã" are all of them, not the one of this place.
    return f"{name} {own_names[kind]}" if kind in own_names and not before.endswith(" các") else name


def _owners(routing: Routing) -> str:
    names = dict.fromkeys(each.name_vi for each in routing.owners)
    if not names:
        return ""
    word = ROLE_VI[routing.owners[0].role]
    return f"{word[:1].upper()}{word[1:]}: {', '.join(names)}"


def _others(catalog: Catalog, routing: Routing, item: Item) -> tuple[str, ...]:
    """Return whom local policy lets be told of the same kind of news, each once with all roles."""
    notice = _NOTICE.get(item.kind) or NoticeKind(item.kind.value)
    own = {duty.responsible_unit for duty in item.duties}
    roles: dict[str, list[Role]] = {}
    for each in routing.assignments:
        if each.responsible_unit.id not in own and (each.role, notice) in catalog.policies.tells:
            roles.setdefault(each.name_vi, []).append(each.role)
    return tuple(f"{name} ({' và '.join(ROLE_VI[role] for role in held)})" for name, held in roles.items())


def _above(catalog: Catalog, item: Item, course: Course | None) -> tuple[str, ...]:
    """Return the unit above to which an alert is reported, for the others who are told of that."""
    step = step_of(course, item.entry) if item.kind is ItemKind.ESCALATED else None
    if step is None or any(duty.responsible_unit == step.to_unit for duty in item.duties):
        return ()
    superiors = (superior for superior in catalog.policies.superiors if superior.id == step.to_unit)
    return tuple(f"{superior.name_vi} ({ROLE_VI[Role.SUPERIOR]})" for superior in superiors)


_NOTICE = {ItemKind.OPENED_AND_RESOLVED: NoticeKind.RESOLVED}
