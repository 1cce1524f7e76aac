"""The headline of every item of a message, and the subject line made of them."""

import unicodedata
from collections import Counter
from collections.abc import Sequence

from services.notifier.domain.deadlines_vi import level_vi, number_of
from services.notifier.domain.facts import Facts
from services.notifier.domain.grouping import Item, ItemKind
from services.notifier.domain.labels_vi import ITEM_VI
from services.notifier.domain.material import Material, RollupChange
from services.notifier.domain.numbers_vi import count_vi, date_vi
from shared.catalog.catalog import Catalog
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.labels_vi import REASON_VI, STATUS_VI
from shared.contracts.vocabulary import AlertKind, Cause, NodeKind, VerdictReason, VerdictStatus

PREFIX = "[Đạt Chuẩn]"
MISSING_DATA_VI = "thiếu số liệu"
CORRECTED_VI = "đã đính chính"


def headline(item: Item, facts: Facts, material: Material) -> str:
    """Return the one line that says where, which chỉ tiêu and what.

    Every line about an alert begins alike, so that mail readers which look at the subject keep its mails together.
    """
    where = f"{facts.unit.name_vi}: chỉ tiêu {facts.code} {facts.short_name}{facts.cell_suffix}"
    match item.kind:
        case ItemKind.OPENED:
            return f"{where} {_problem(facts)}"
        case ItemKind.RULESET_CHANGE:
            return f"{where}: thay đổi quy định{_by_ruleset(facts)}"
        case ItemKind.DATA_LOST:
            return f"{where}: mất dữ liệu, cảnh báo chưa đạt vẫn mở"
        case ItemKind.AT_RISK:
            finding = facts.finding()
            return f"{where}: có nguy cơ chưa đạt" + (f" – {facts.nearness(finding)}" if finding else "")
        case ItemKind.FLAPPING:
            return f"{where}: dao động – {flapping_vi(facts)}; từ nay chỉ báo kết quả cuối"
        case ItemKind.REMINDER:
            number = number_of(item.entry)
            again = f"nhắc lần {number}" if number else "nhắc lại do xác nhận tiếp nhận đã hết thời hạn"
            return f"{where}: {again} – {_still(facts)}"
        case ItemKind.ESCALATED:
            level = level_vi(material.courses.get(facts.alert.id), item.entry)
            return f"{where}: báo cáo cấp trên ({level}) – {_still(facts)}"
        case ItemKind.OPENED_AND_RESOLVED:
            corrected = facts.alert.end_cause is Cause.CORRECTION
            ended = _good_news(facts) if corrected else "đã khắc phục"
            return f"{where}: đã phát sinh và {ended}{_now(facts)}"
        case _:
            return f"{where} {_good_news(facts)}{_now(facts)}"


def flapping_vi(facts: Facts) -> str:
    """Return how often an alert has opened of late."""
    openings = facts.alert.openings
    first = f" kể từ {date_vi(min(openings))}" if openings else ""
    return f"đã mở lần thứ {count_vi(len(openings))}{first}"


def _still(facts: Facts) -> str:
    """Return since when something is wrong that was told before, with the newest numbers."""
    since = date_vi(facts.alert.opened_at)
    if facts.alert.kind is AlertKind.DATA_GAP:
        return f"vẫn {MISSING_DATA_VI} từ {since}"
    finding = facts.finding()
    comparison = "" if finding is None else facts.comparison(finding)
    if finding is None or not comparison[:1].isdigit():
        return f"vẫn chưa đạt từ {since}"
    gap = facts.gap(finding)
    return f"vẫn chưa đạt từ {since} ({comparison}{f', {gap}' if gap else ''})"


def _by_ruleset(facts: Facts) -> str:
    ruleset = facts.catalog.ruleset_by_id.get(facts.alert.evidence.ruleset)
    by = f" theo {ruleset.number}" if ruleset else ""
    return f"{by}, không phải suy giảm – nay {STATUS_VI[facts.alert.evidence.status]}"


def _problem(facts: Facts) -> str:
    finding = facts.finding()
    if facts.alert.kind is AlertKind.DATA_GAP:
        reason = facts.alert.evidence.reason if finding is None else finding.reason
        if reason in (VerdictReason.NO_DATA, VerdictReason.MISSING_SEX, VerdictReason.MISSING_SECTOR):
            return f"– {MISSING_DATA_VI}"
        return f"– {MISSING_DATA_VI}: {REASON_VI[reason]}"
    if finding is None:
        return f"– {REASON_VI[facts.alert.evidence.reason]}"
    comparison, gap = facts.comparison(finding), facts.gap(finding)
    if not comparison[:1].isdigit():
        return f"– {comparison}"
    return f"{comparison} – {gap}" if gap else comparison


def _good_news(facts: Facts) -> str:
    if facts.alert.end_cause is Cause.RULESET:
        return "đạt theo quy định mới (số liệu không đổi)"
    if facts.alert.end_cause is Cause.CORRECTION:
        wrong = MISSING_DATA_VI if facts.alert.opened_as is AlertKind.DATA_GAP else STATUS_VI[VerdictStatus.NOT_MET]
        return f"{CORRECTED_VI} số liệu: không còn {wrong}"
    if facts.alert.opened_as is AlertKind.DATA_GAP:
        return "đã có đủ số liệu và đạt"
    return "đã đạt trở lại"


def _now(facts: Facts) -> str:
    finding = facts.finding()
    if finding is None or finding.status is not VerdictStatus.MET:
        return ""
    comparison = facts.comparison(finding)
    return f" ({comparison})" if comparison[:1].isdigit() else ""


def rollup_headline(catalog: Catalog, change: RollupChange) -> str:
    """Return the one line for the health part of a standard; never a claim about the title itself."""
    unit = catalog.unit_by_id[change.unit].name_vi
    before, after = STATUS_VI[change.from_status], STATUS_VI[change.to_status]
    why = " do thay đổi quy định" if change.cause is Cause.RULESET else ""
    return f"{unit}: {node_name(catalog, change.node, change.node_kind)} chuyển từ {before} sang {after}{why}"


def node_name(catalog: Catalog, node: str, kind: NodeKind) -> str:
    """Return the words for the health part of a tiêu chí or of a standard."""
    if kind is NodeKind.CRITERION:
        rule = next((rule for rule in catalog.rules if rule.criterion_node == node), None)
        return f"phần y tế của {criterion_name(catalog, rule) if rule else node}"
    return f"phần y tế của bộ tiêu chí {_standard_name(catalog, node)}"


def criterion_name(catalog: Catalog, rule: IndicatorRule) -> str:
    """Return the words for the tiêu chí above a chỉ tiêu."""
    return f"tiêu chí {rule.criterion} {rule.criterion_name_vi} ({_standard_name(catalog, rule.standard)})"


def _standard_name(catalog: Catalog, standard_id: str) -> str:
    standard = catalog.standard_by_id.get(standard_id)
    return standard_id if standard is None else standard.name_vi[:1].lower() + standard.name_vi[1:]


def subject(headlines: Sequence[str], words: Sequence[str], places: Sequence[str]) -> str:
    """Return the subject line: the headline of a single item, or a count of what several items tell; always NFC."""
    return unicodedata.normalize("NFC", _subject(headlines, words, places))


def _subject(headlines: Sequence[str], words: Sequence[str], places: Sequence[str]) -> str:
    if len(headlines) == 1:
        return f"{PREFIX} {headlines[0]}"
    counted = Counter(words)
    place = places[0] if len(places) == 1 else f"{len(places)} địa bàn"
    if len(places) == 1 and _GAPS.issuperset(counted):
        # One silent source is one thing to see to, however many chỉ tiêu it silences.
        gaps = ", ".join(f"{word} của {number} chỉ tiêu" for word, number in counted.items())
        return f"{PREFIX} {place}: {gaps}"
    counts = ", ".join(f"{number} {word}" for word, number in counted.items())
    return f"{PREFIX} {len(headlines)} nội dung tại {place}: {counts}"


def word_for(kind: ItemKind, alert_kind: AlertKind | None, end_cause: Cause | None = None) -> str:
    """Return the word under which a subject line counts an item; what was an error in the figures is not recovered."""
    if kind in _ENDS and end_cause is Cause.CORRECTION:
        return CORRECTED_VI
    if kind is ItemKind.OPENED and alert_kind is AlertKind.DATA_GAP:
        return MISSING_DATA_VI
    return ITEM_VI[kind]


_ENDS = frozenset({ItemKind.RESOLVED, ItemKind.OPENED_AND_RESOLVED})
_GAPS = frozenset({MISSING_DATA_VI, ITEM_VI[ItemKind.DATA_LOST]})
