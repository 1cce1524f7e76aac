"""The message as a value: everything a template prints, in words, and nothing it would have to decide."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from services.notifier.domain.calendar_views import DRILL_VI, calendar_headline, calendar_view
from services.notifier.domain.citing import CitationView, addressee_of
from services.notifier.domain.facts import Facts
from services.notifier.domain.grouping import Group, Item, ItemKind
from services.notifier.domain.headlines import MISSING_DATA_VI, headline, rollup_headline, subject, word_for
from services.notifier.domain.item_views import Told, alert_view, rollup_view
from services.notifier.domain.labels_vi import ITEM_VI
from services.notifier.domain.material import Material
from services.notifier.domain.numbers_vi import moment_vi
from services.notifier.domain.owning import Owners
from services.notifier.domain.report_views import report_headline, report_view
from services.notifier.domain.views import ItemView, Message
from shared.catalog.catalog import Catalog

MAX_REFERENCES = 20
_MOST_OVERVIEW_LINES = 30
_GAPS = (MISSING_DATA_VI, ITEM_VI[ItemKind.DATA_LOST])


def compose(
    catalog: Catalog, group: Group, material: Material, now: dt.datetime, detailed: int, ack_url: str | None = None
) -> Message:
    """Return the message for a group; only its first `detailed` items are told at length.

    `ack_url` is where the addressee confirms the receipt: shown where it has to act on an alert that is still open.
    """
    told = [tell(catalog, item, material) for item in group.items]
    drill = any(item.kind is ItemKind.DRILL for item in group.items)
    return Message(
        subject=subject(
            [each.headline for each in told],
            [each.word for each in told],
            tuple(dict.fromkeys(catalog.unit_by_id[item.entry.unit].name_vi for item in group.items)),
        ),
        addressees=addressees_of(catalog, group),
        written_on=moment_vi(now),
        items=without_repetition([view_of(catalog, each, material) for each in told[:detailed]]),
        brief=tuple(each.headline for each in told[detailed:]),
        references=references_of(group, material),
        banner=DRILL_VI if drill else "",
        overview=_overview(told),
        ack_url=ack_url if ack_url and _has_to_act(catalog, told[:detailed]) else "",
    )


def views_of(catalog: Catalog, group: Group, material: Material) -> tuple[ItemView, ...]:
    """Return every item of a group in words, for readers that skip nothing."""
    return tuple(view_of(catalog, tell(catalog, item, material), material) for item in group.items)


def tell(catalog: Catalog, item: Item, material: Material) -> Told:
    """Return an item with its headline and the word under which it is counted."""
    alert = material.alerts.get(item.entry.alert_id or "")
    if alert is not None:
        facts = Facts.of(catalog, alert)
        return Told(item, facts, headline(item, facts, material), word_for(item.kind, alert.kind, alert.end_cause))
    if item.kind is ItemKind.ROLLUP:
        line = rollup_headline(catalog, material.rollups[item.entry.rollup])
        return Told(item, None, line, word_for(item.kind, None))
    if item.kind is ItemKind.REPORT:
        return Told(item, None, report_headline(material.reports[item.entry.subject]), word_for(item.kind, None))
    return Told(item, None, calendar_headline(catalog, item), word_for(item.kind, None))


def view_of(catalog: Catalog, told: Told, material: Material) -> ItemView:
    """Return an item in words."""
    if told.facts is not None:
        return alert_view(told, told.facts, material)
    if told.item.kind is ItemKind.ROLLUP:
        return rollup_view(catalog, told, material.rollups[told.item.entry.rollup])
    if told.item.kind is ItemKind.REPORT:
        return report_view(catalog, told, material.reports[told.item.entry.subject])
    return calendar_view(catalog, told, material)


def addressees_of(catalog: Catalog, group: Group) -> tuple[str, ...]:
    """Return the names of the units that one address serves in a group, each once."""
    return tuple(dict.fromkeys(addressee_of(catalog, duty) for item in group.items for duty in item.duties))


def without_repetition(views: Sequence[ItemView]) -> tuple[ItemView, ...]:
    """Let an item whose duties are cited above refer to them: twenty quotations of one clause hide the news."""
    first: dict[tuple[CitationView, ...], int] = {}
    found = []
    for number, view in enumerate(views, 1):
        earlier = first.setdefault(view.citations, number) if view.citations else number
        found.append(view if earlier == number else replace(view, same_duty_as=earlier))
    return tuple(found)


def references_of(group: Group, material: Material) -> tuple[str, ...]:
    """Return the earlier messages to this address about the same alerts, so that a mail reader shows one thread.

    Of more than MAX_REFERENCES the first stays, by which readers know the thread, and the newest.
    """
    found: dict[str, None] = {}
    for item in group.items:
        if item.entry.alert_id is not None:
            found |= dict.fromkeys(material.threads.get((group.address, item.entry.alert_id), ()))
    known = tuple(found)
    return known if len(known) <= MAX_REFERENCES else (known[0], *known[1 - MAX_REFERENCES :])


def _has_to_act(catalog: Catalog, told: Sequence[Told]) -> bool:
    """Return whether the addressee owns any of the alerts, as far as they are open."""
    owners = Owners(catalog)
    for each in told:
        if each.facts is not None and each.facts.alert.is_open:
            key = each.facts.alert.key
            place = (key.unit, key.node, key.cell, each.item.entry.as_of)
            if any(owners.has(duty.role, place) for duty in each.item.duties):
                return True
    return False


def _overview(told: Sequence[Told]) -> tuple[str, ...]:
    """Return a line for every unit of which the message tells several times that data is missing: one thing to ask."""
    gaps: dict[tuple[str, str], list[str]] = {}
    for each in told:
        if each.facts is not None and each.word in _GAPS:
            found = gaps.setdefault((each.facts.unit.name_vi, each.word), [])
            found.append(f"{each.facts.code}{each.facts.cell_suffix}")
    lines = (
        f"{place}: {word} của {len(codes)} chỉ tiêu: {', '.join(codes)}"
        for (place, word), codes in gaps.items()
        if len(codes) > 1
    )
    return tuple(islice(lines, _MOST_OVERVIEW_LINES))
