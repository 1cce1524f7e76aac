"""The headline of every item of a message, and the subject line made of them."""

from collections import Counter
from collections.abc import Sequence

from services.notifier.domain.facts import Facts
from services.notifier.domain.grouping import ItemKind
from services.notifier.domain.labels_vi import ITEM_VI
from services.notifier.domain.material import RollupChange
from shared.catalog.catalog import Catalog
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.labels_vi import REASON_VI, STATUS_VI
from shared.contracts.vocabulary import AlertKind, Cause, NodeKind, VerdictReason, VerdictStatus

PREFIX = "[Đạt Chuẩn]"
MISSING_DATA_VI = "thiếu số liệu"


def headline(kind: ItemKind, facts: Facts) -> str:
    """Return the one line that says where, which chỉ tiêu and what."""
    where = f"{facts.unit.name_vi}: chỉ tiêu {facts.code} {facts.short_name}{facts.cell_suffix}"
    match kind:
        case ItemKind.OPENED:
            return f"{where} {_problem(facts)}"
        case ItemKind.RULESET_CHANGE:
            ruleset = facts.catalog.ruleset_by_id.get(facts.alert.evidence.ruleset)
            by = f" theo {ruleset.number}" if ruleset else ""
            status = STATUS_VI[facts.alert.evidence.status]
            return f"{where}: thay đổi quy định{by}, không phải suy giảm – nay {status}"
        case ItemKind.DATA_LOST:
            return f"{where}: mất dữ liệu, cảnh báo chưa đạt vẫn mở"
        case ItemKind.OPENED_AND_RESOLVED:
            return f"{where}: đã phát sinh và đã khắc phục{_now(facts)}"
        case _:
            return f"{where} {_good_news(facts)}{_now(facts)}"


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
        return "đã đính chính số liệu, đạt"
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
    """Return the subject line: the headline of a single item, or a count of what several items tell."""
    if len(headlines) == 1:
        return f"{PREFIX} {headlines[0]}"
    counts = ", ".join(f"{number} {word}" for word, number in Counter(words).items())
    place = places[0] if len(places) == 1 else f"{len(places)} địa bàn"
    return f"{PREFIX} {len(headlines)} nội dung tại {place}: {counts}"


def word_for(kind: ItemKind, alert_kind: AlertKind | None) -> str:
    """Return the word under which a subject line counts an item."""
    if kind is ItemKind.OPENED and alert_kind is AlertKind.DATA_GAP:
        return MISSING_DATA_VI
    return ITEM_VI[kind]
