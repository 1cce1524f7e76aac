"""A message with more news than anybody reads one by one: counts by chỉ tiêu and by place, the first items whole."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.notifier.domain.grouping import Group, ItemKind
from services.notifier.domain.headlines import PREFIX, word_for
from services.notifier.domain.material import Material
from services.notifier.domain.message import compose
from services.notifier.domain.numbers_vi import count_vi
from services.notifier.domain.views import Message, SummaryView
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import NoticeKind

_MOST_LINES = 100
_MOST_UNITS_NAMED = 30


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much news there is for one address: in all, by kind and node, and by administrative unit."""

    total: int
    by_node: Mapping[tuple[NoticeKind, str], int] = field(default_factory=dict)
    by_unit: Mapping[str, int] = field(default_factory=dict)


def compose_summary(
    catalog: Catalog,
    first: Group,
    material: Material,
    amounts: Amounts,
    now: dt.datetime,
    detailed: int = 20,
    ack_url: str | None = None,
) -> Message:
    """Return the message for `amounts` of news, of which the items of `first` are told at length or by headline.

    Its length is bounded whatever the amounts are: it names at most so many chỉ tiêu, districts and communes.
    """
    message = compose(catalog, first, material, now, detailed, ack_url)
    total = count_vi(amounts.total)
    counts = ", ".join(f"{count_vi(number)} {word}" for word, number in _by_word(amounts).items())
    return Message(
        subject=f"{PREFIX} Tin tóm tắt: {total} nội dung tại {count_vi(len(amounts.by_unit))} địa bàn: {counts}",
        addressees=message.addressees,
        written_on=message.written_on,
        items=message.items,
        brief=message.brief,
        references=message.references,
        banner=message.banner,
        overview=message.overview,
        ack_url=message.ack_url,
        summary=SummaryView(total, _indicator_lines(catalog, amounts), _place_lines(catalog, amounts)),
    )


def _by_word(amounts: Amounts) -> dict[str, int]:
    found: dict[str, int] = {}
    for (notice, _), number in amounts.by_node.items():
        word = word_for(ItemKind(notice.value), None)
        found[word] = found.get(word, 0) + number
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def _indicator_lines(catalog: Catalog, amounts: Amounts) -> tuple[str, ...]:
    """Return a line for every chỉ tiêu with its counts, the most frequent first."""
    words: dict[str, dict[str, int]] = {}
    for (notice, node), number in amounts.by_node.items():
        of_node = words.setdefault(node, {})
        word = word_for(ItemKind(notice.value), None)
        of_node[word] = of_node.get(word, 0) + number
    names = {rule.node: f"{rule.code} {rule.name_vi}" for rule in catalog.rules}
    ordered = sorted(words.items(), key=lambda each: (-sum(each[1].values()), each[0]))
    lines = [
        f"{names.get(node, node)}: " + ", ".join(f"{count_vi(number)} {word}" for word, number in counts.items())
        for node, counts in ordered
    ]
    return _bounded(lines, "chỉ tiêu")


def _place_lines(catalog: Catalog, amounts: Amounts) -> tuple[str, ...]:
    """Return a line for every district with its counts, and its communes where they are few."""
    districts: dict[str, dict[str, int]] = {}
    for unit_id, number in amounts.by_unit.items():
        unit = catalog.unit_by_id.get(unit_id)
        above = unit.parent if unit is not None and unit.parent is not None else unit_id
        districts.setdefault(above, {})[unit_id] = number
    ordered = sorted(districts.items(), key=lambda each: (-sum(each[1].values()), each[0]))
    return _bounded([_place_line(catalog, above, units) for above, units in ordered], "địa bàn cấp trên")


def _place_line(catalog: Catalog, above: str, units: Mapping[str, int]) -> str:
    ordered = sorted(units.items(), key=lambda each: (-each[1], each[0]))
    named = [f"{_name(catalog, unit)} {count_vi(number)}" for unit, number in ordered[:_MOST_UNITS_NAMED]]
    more = f" và {count_vi(len(units) - len(named))} địa bàn khác" if len(units) > len(named) else ""
    return f"{_name(catalog, above)}: {count_vi(sum(units.values()))} ({', '.join(named)}{more})"


def _name(catalog: Catalog, unit: str) -> str:
    found = catalog.unit_by_id.get(unit)
    return unit if found is None else found.name_vi


def _bounded(lines: list[str], what: str) -> tuple[str, ...]:
    if len(lines) <= _MOST_LINES:
        return tuple(lines)
    return (*lines[:_MOST_LINES], f"và {count_vi(len(lines) - _MOST_LINES)} {what} khác")
