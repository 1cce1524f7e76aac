"""One item of a message in words: an alert, a change of a standard's health part, a dossier, a duty, a drill."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from services.notifier.domain.actions_vi import PURPOSE_VI, SETTLE_VI, UNROUTED_VI, action
from services.notifier.domain.audience import Audience, audience_of
from services.notifier.domain.citing import citations_of, notes_of, roles_of
from services.notifier.domain.course import Course, CourseState
from services.notifier.domain.deadlines_vi import (
    acknowledgement_of,
    calendar_of,
    deadlines_of,
    escalation_of,
    policy_vi,
)
from services.notifier.domain.facts import Facts, place_of
from services.notifier.domain.grouping import Item, ItemKind
from services.notifier.domain.headlines import criterion_name, flapping_vi, node_name
from services.notifier.domain.material import Material, RollupChange
from services.notifier.domain.numbers_vi import date_vi
from services.notifier.domain.views import ItemView
from shared.catalog.catalog import Catalog
from shared.catalog.policies import UNROUTED_UNIT
from shared.contracts.labels_vi import CAUSE_VI, REASON_VI, STATUS_VI
from shared.contracts.vocabulary import AlertKind, Cause, VerdictStatus

_BY_CALENDAR = frozenset({ItemKind.REMINDER, ItemKind.ESCALATED})
_OVER = frozenset({ItemKind.RESOLVED, ItemKind.OPENED_AND_RESOLVED})


@dataclass(frozen=True, slots=True)
class Told:
    """One item with what the catalog says of its alert (None: no alert), its headline and its word for counting."""

    item: Item
    facts: Facts | None
    headline: str
    word: str


def alert_view(told: Told, facts: Facts, material: Material) -> ItemView:
    """Return an item about an alert in words."""
    item, alert, rule, catalog = told.item, facts.alert, facts.rule, facts.catalog
    course = _running(told, facts, material)
    audience = audience_of(facts, item, course)
    own = citations_of(catalog, item.duties)
    changes = _caused_by(facts, item.kind, material.consequences.get(alert.id, ()))
    # What comes by the calendar says why the alert is open, not that a day has come.
    told_by = alert.opened_cause if item.kind in _BY_CALENDAR else item.entry.cause
    cause = alert.end_cause if alert.end_cause is not None else told_by
    criterion = criterion_name(catalog, rule) if rule else ""
    return ItemView(
        kind=item.kind,
        word=told.word,
        headline=told.headline,
        place=place_of(catalog, facts.unit),
        roles=roles_of(catalog, item),
        purposes=purposes_of(item),
        owners="" if audience.owned else audience.owners,
        others=audience.others,
        indicator=f"{facts.code} – {facts.name}" + (f"; {criterion}" if criterion else ""),
        requirement=facts.requirement(),
        basis="" if rule is None else rule.legal_source,
        confidence=facts.confidence(),
        period=_period(alert.evidence.period_start, alert.evidence.period_end),
        cells=tuple(facts.cell_line(finding) for finding in alert.evidence.cells),
        since=_since(facts),
        until="" if alert.ended_at is None else date_vi(alert.ended_at),
        cause=_cause(catalog, cause, facts),
        escalation=_escalation(told, facts, course, audience),
        policy="" if course is None else policy_vi(owned=audience.owned),
        deadlines=() if course is None else deadlines_of(course, calendar_of(catalog.policies.calendar)),
        acknowledgement="" if course is None else acknowledgement_of(course),
        consequences=tuple(_consequence(catalog, change) for change in changes),
        # Whoever has no duty by a dispatch, as a unit above, reads by which clause others have theirs.
        citations=own or citations_of(catalog, audience.duties),
        cited_for="" if own else audience.whose,
        actions=actions_of(item, facts),
        notes=(*_open_verdict(facts), *_flapping(told, facts), *notes_of(catalog, item)),
        alert=alert,
    )


def rollup_view(catalog: Catalog, told: Told, change: RollupChange) -> ItemView:
    """Return an item about a change of the health part of a standard in words."""
    return ItemView(
        kind=told.item.kind,
        word=told.word,
        headline=told.headline,
        place=place_of(catalog, catalog.unit_by_id[change.unit]),
        roles=roles_of(catalog, told.item),
        since=date_vi(change.occurred_at),
        cause=f"{REASON_VI[change.to_reason]} ({CAUSE_VI[change.cause]})",
        citations=citations_of(catalog, told.item.duties),
        actions=actions_of(told.item, None),
        notes=notes_of(catalog, told.item),
        change=change,
    )


def purposes_of(item: Item) -> tuple[str, ...]:
    """Return what the addressee is told an item for, where its roles alone are no call to act."""
    if _is_unrouted(item):
        return (UNROUTED_VI,)
    return tuple(dict.fromkeys(PURPOSE_VI[duty.role] for duty in item.duties if duty.role in PURPOSE_VI))


def actions_of(item: Item, facts: Facts | None) -> tuple[str, ...]:
    """Return what the addressee is asked to do, once for all of its roles."""
    if _is_unrouted(item):
        return (SETTLE_VI,)
    asked = (action(duty.role, item.kind, facts) for duty in item.duties)
    return tuple(dict.fromkeys(words for words in asked if words))


def _is_unrouted(item: Item) -> bool:
    """Return whether the addressee gets the item because no other unit can be told, or not all."""
    return all(duty.responsible_unit == UNROUTED_UNIT for duty in item.duties)


def _running(told: Told, facts: Facts, material: Material) -> Course | None:
    """Return the course of an alert that is not over."""
    course = material.courses.get(facts.alert.id)
    if course is None or told.item.kind in _OVER or not facts.alert.is_open or course.state is CourseState.ENDED:
        return None
    return course


def _since(facts: Facts) -> str:
    alert = facts.alert
    again = alert.opened_as is AlertKind.BREACH and alert.breaches > 1
    number = f" (lần chưa đạt thứ {alert.breaches})" if again else ""
    return f"{date_vi(alert.opened_at)}{number}"


def _escalation(told: Told, facts: Facts, course: Course | None, audience: Audience) -> str:
    if told.item.kind is not ItemKind.ESCALATED:
        return ""
    calendar = calendar_of(facts.catalog.policies.calendar)
    return escalation_of(facts, course, told.item.entry, calendar, audience.owners)


def _flapping(told: Told, facts: Facts) -> tuple[str, ...]:
    """Return the mark of an alert that opens and resolves again and again, on every message about it."""
    if not facts.alert.flapping or told.item.kind is ItemKind.FLAPPING:
        return ()
    return (f"Dao động: {flapping_vi(facts)}; trong thời gian dao động chỉ báo kết quả cuối.",)


def _caused_by(facts: Facts, kind: ItemKind, changes: Sequence[RollupChange]) -> tuple[RollupChange, ...]:
    """Return the roll-up changes that hang on the chỉ tiêu: its tiêu chí, its standard, and those that require it.

    They were decided when the alert opened or ended; that its data was lost since has others, told on their own.
    """
    rule = facts.rule
    if rule is None or kind is ItemKind.DATA_LOST:
        return ()
    above = {rule.criterion_node, rule.standard}
    above |= {each.id for each in facts.catalog.standards if rule.standard in each.requires}
    return tuple(change for change in changes if change.node in above)


def _open_verdict(facts: Facts) -> tuple[str, ...]:
    """Return the note that one group falls short while the chỉ tiêu as a whole has no verdict yet."""
    alert = facts.alert
    if alert.kind is not AlertKind.BREACH or alert.evidence.status is not VerdictStatus.NOT_EVALUABLE:
        return ()
    return (f"Kết luận của cả chỉ tiêu: {STATUS_VI[alert.evidence.status]} ({REASON_VI[alert.evidence.reason]}).",)


def _cause(catalog: Catalog, cause: Cause, facts: Facts) -> str:
    ruleset = catalog.ruleset_by_id.get(facts.alert.evidence.ruleset)
    if cause is Cause.RULESET and ruleset is not None:
        return f"{CAUSE_VI[cause]}: {ruleset.number}, hiệu lực từ {date_vi(ruleset.effective_from or ruleset.issued)}"
    return CAUSE_VI[cause]


def _period(start: dt.date | None, end: dt.date | None) -> str:
    if end is None:
        return ""
    return date_vi(end) if start is None or start == end else f"{date_vi(start)} – {date_vi(end)}"


def _consequence(catalog: Catalog, change: RollupChange) -> str:
    name = node_name(catalog, change.node, change.node_kind)
    return f"{name}: {STATUS_VI[change.from_status]} → {STATUS_VI[change.to_status]}"
