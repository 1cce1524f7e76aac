"""The message as a value: everything a template prints, in words, and nothing it would have to decide."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.notifier.domain.actions_vi import action
from services.notifier.domain.alerts import Alert
from services.notifier.domain.citing import CitationView, addressee_of, citations_of, notes_of, roles_of
from services.notifier.domain.facts import Facts, place_of
from services.notifier.domain.grouping import Group, Item, ItemKind
from services.notifier.domain.headlines import criterion_name, headline, node_name, rollup_headline, subject, word_for
from services.notifier.domain.labels_vi import CONFIDENCE_VI
from services.notifier.domain.material import Material, RollupChange
from services.notifier.domain.numbers_vi import date_vi, moment_vi
from shared.catalog.catalog import Catalog
from shared.contracts.labels_vi import CAUSE_VI, REASON_VI, STATUS_VI
from shared.contracts.vocabulary import AlertKind, Cause, VerdictStatus

MAX_REFERENCES = 20


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item in words. Lines that do not apply are empty.

    `same_duty_as` is the number of an earlier item with the same citations, 0 when there is none.
    """

    kind: ItemKind
    word: str
    headline: str
    roles: tuple[str, ...]
    place: str
    indicator: str
    requirement: str
    basis: str
    confidence: str
    period: str
    cells: tuple[str, ...]
    since: str
    until: str
    cause: str
    consequences: tuple[str, ...]
    citations: tuple[CitationView, ...]
    same_duty_as: int
    actions: tuple[str, ...]
    notes: tuple[str, ...]
    alert: Alert | None
    change: RollupChange | None


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its subject, its addressees by name, and its items; `brief` are those told by headline only."""

    subject: str
    addressees: tuple[str, ...]
    written_on: str
    items: tuple[ItemView, ...]
    brief: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    """One item with what the catalog says of its alert (None: a roll-up), its headline and its word for counting."""

    item: Item
    facts: Facts | None
    headline: str
    word: str


def compose(catalog: Catalog, group: Group, material: Material, now: dt.datetime, detailed: int) -> Message:
    """Return the message for a group; only its first `detailed` items are told at length."""
    told = [_tell(catalog, item, material) for item in group.items]
    return Message(
        subject=subject(
            [each.headline for each in told],
            [each.word for each in told],
            tuple(dict.fromkeys(catalog.unit_by_id[item.entry.unit].name_vi for item in group.items)),
        ),
        addressees=tuple(dict.fromkeys(addressee_of(catalog, duty) for item in group.items for duty in item.duties)),
        written_on=moment_vi(now),
        items=_without_repetition([_view(catalog, each, material) for each in told[:detailed]]),
        brief=tuple(each.headline for each in told[detailed:]),
        references=_references(group, material),
    )


def views_of(catalog: Catalog, group: Group, material: Material) -> tuple[ItemView, ...]:
    """Return every item of a group in words, for readers that skip nothing."""
    return tuple(_view(catalog, _tell(catalog, item, material), material) for item in group.items)


def _without_repetition(views: Sequence[ItemView]) -> tuple[ItemView, ...]:
    """Let an item whose duties are cited above refer to them: twenty quotations of one clause hide the news."""
    first: dict[tuple[CitationView, ...], int] = {}
    found = []
    for number, view in enumerate(views, 1):
        earlier = first.setdefault(view.citations, number)
        found.append(view if earlier == number else replace(view, same_duty_as=earlier))
    return tuple(found)


def _tell(catalog: Catalog, item: Item, material: Material) -> _Told:
    alert = material.alerts.get(item.entry.alert_id or "")
    if alert is None:
        line = rollup_headline(catalog, material.rollups[item.entry.rollup])
        return _Told(item, None, line, word_for(item.kind, None))
    facts = Facts.of(catalog, alert)
    return _Told(item, facts, headline(item.kind, facts), word_for(item.kind, alert.kind))


def _references(group: Group, material: Material) -> tuple[str, ...]:
    """Return the earlier messages to this address about the same alerts, so that a mail reader shows one thread."""
    found: dict[str, None] = {}
    for item in group.items:
        if item.entry.alert_id is not None:
            found |= dict.fromkeys(material.threads.get((group.address, item.entry.alert_id), ()))
    return tuple(found)[-MAX_REFERENCES:]


def _view(catalog: Catalog, told: _Told, material: Material) -> ItemView:
    if told.facts is None:
        return _rollup_view(catalog, told, material.rollups[told.item.entry.rollup])
    return _alert_view(catalog, told, told.facts, material.consequences.get(told.facts.alert.id, ()))


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


def _alert_view(catalog: Catalog, told: _Told, facts: Facts, changes: Sequence[RollupChange]) -> ItemView:
    item, alert, rule, evidence = told.item, facts.alert, facts.rule, facts.alert.evidence
    again = alert.opened_as is AlertKind.BREACH and alert.breaches > 1
    number = f" (lần chưa đạt thứ {alert.breaches})" if again else ""
    cause = alert.end_cause if alert.end_cause is not None else item.entry.cause
    criterion = criterion_name(catalog, rule) if rule else ""
    return ItemView(
        kind=item.kind,
        word=told.word,
        headline=told.headline,
        roles=roles_of(catalog, item),
        place=place_of(catalog, facts.unit),
        indicator=f"{facts.code} – {facts.name}" + (f"; {criterion}" if criterion else ""),
        requirement=facts.requirement(),
        basis="" if rule is None else rule.legal_source,
        confidence=_confidence(facts),
        period=_period(evidence.period_start, evidence.period_end),
        cells=tuple(facts.cell_line(finding) for finding in evidence.cells),
        since=f"{date_vi(alert.opened_at)}{number}",
        until="" if alert.ended_at is None else date_vi(alert.ended_at),
        cause=_cause(catalog, cause, facts),
        consequences=tuple(_consequence(catalog, change) for change in _caused_by(facts, item.kind, changes)),
        citations=citations_of(catalog, item.duties),
        same_duty_as=0,
        actions=_actions(item, facts),
        notes=(*_open_verdict(facts), *notes_of(catalog, item)),
        alert=alert,
        change=None,
    )


def _open_verdict(facts: Facts) -> tuple[str, ...]:
    """Return the note that one group falls short while the chỉ tiêu as a whole has no verdict yet."""
    alert = facts.alert
    if alert.kind is not AlertKind.BREACH or alert.evidence.status is not VerdictStatus.NOT_EVALUABLE:
        return ()
    return (f"Kết luận của cả chỉ tiêu: {STATUS_VI[alert.evidence.status]} ({REASON_VI[alert.evidence.reason]}).",)


def _rollup_view(catalog: Catalog, told: _Told, change: RollupChange) -> ItemView:
    item = told.item
    return ItemView(
        kind=item.kind,
        word=told.word,
        headline=told.headline,
        roles=roles_of(catalog, item),
        place=place_of(catalog, catalog.unit_by_id[change.unit]),
        indicator="",
        requirement="",
        basis="",
        confidence="",
        period="",
        cells=(),
        since=date_vi(change.occurred_at),
        until="",
        cause=f"{REASON_VI[change.to_reason]} ({CAUSE_VI[change.cause]})",
        consequences=(),
        citations=citations_of(catalog, item.duties),
        same_duty_as=0,
        actions=_actions(item, None),
        notes=notes_of(catalog, item),
        alert=None,
        change=change,
    )


def _confidence(facts: Facts) -> str:
    """Return how far the applied threshold, the chỉ tiêu's number and its window can be trusted."""
    rule = facts.rule
    if rule is None:
        return ""
    applied = rule.applied_confidence((facts.unit.group, facts.unit.region))
    said = {"ngưỡng": applied, "số hiệu chỉ tiêu": rule.code_confidence}
    if applied is not rule.confidence:
        said = {"ngưỡng chung": rule.confidence, "ngưỡng theo vùng": applied, "số hiệu chỉ tiêu": rule.code_confidence}
    if rule.window_confidence is not None:
        said["khoảng thời gian xét (trong năm)"] = rule.window_confidence
    if len(set(said.values())) == 1:
        return CONFIDENCE_VI[applied]
    return "; ".join(f"{what}: {CONFIDENCE_VI[degree]}" for what, degree in said.items())


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


def _actions(item: Item, facts: Facts | None) -> tuple[str, ...]:
    asked = (action(duty.role, item.kind, facts) for duty in item.duties)
    return tuple(dict.fromkeys(words for words in asked if words))
