"""The words of a forecast: the same names, numbers and headlines that the mails use; never a claim about a title."""

from collections.abc import Iterable

from datchuan.forecasting.alerting import Alerted
from services.ingest.domain.forecast import AlertForecast, VerdictForecast
from services.notifier.domain.citing import addressee_of, citations_of
from services.notifier.domain.facts import Facts
from services.notifier.domain.grouping import Duty, Item, ItemKind
from services.notifier.domain.headlines import headline, node_name, rollup_headline
from services.notifier.domain.labels_vi import ROLE_VI
from services.notifier.domain.ledger import DueEntry, Entry
from services.notifier.domain.lifecycle import open_alert
from services.notifier.domain.material import Material, RollupChange
from shared.catalog.catalog import Catalog
from shared.contracts.labels_vi import REASON_VI, STATUS_VI
from shared.contracts.vocabulary import AlertKind, Combine, NodeKind, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged

_NOT_MET = VerdictStatus.NOT_MET


def verdict_forecasts(catalog: Catalog, changes: Iterable[VerdictChanged]) -> list[VerdictForecast]:
    """Return the verdicts whose status is another one after all changes, in the order in which they first changed."""
    first: dict[tuple[str, str], VerdictChanged] = {}
    last: dict[tuple[str, str], VerdictChanged] = {}
    for change in changes:
        key = (change.unit, change.node)
        first.setdefault(key, change)
        last[key] = change
    return [
        _verdict(catalog, first[key].from_status, change)
        for key, change in last.items()
        if first[key].from_status is not change.to_status
    ]


def _verdict(catalog: Catalog, before: VerdictStatus, change: VerdictChanged) -> VerdictForecast:
    unit = catalog.unit_by_id[change.unit].name_vi
    gap: int | None = None
    turn = f"{STATUS_VI[before]} → {STATUS_VI[change.to_status]}"
    if change.node_kind is NodeKind.INDICATOR:
        facts = Facts.of(catalog, open_alert(None, "", AlertKind.BREACH, change).alert)
        name, gap = facts.name, _gap(facts, change)
        words = f"{unit}: chỉ tiêu {facts.code} {facts.short_name}: {turn} ({_why(facts, change)})"
    else:
        name = node_name(catalog, change.node, change.node_kind)
        words = f"{unit}: {name}: {turn} ({REASON_VI[change.to_reason]})"
    return VerdictForecast(
        unit=change.unit,
        unit_name_vi=unit,
        node=change.node,
        node_name_vi=name,
        from_status=before.value,
        to_status=change.to_status.value,
        reason=change.to_reason.value,
        gap=gap,
        text_vi=words,
    )


def _at_fault(change: VerdictChanged) -> list[CellFinding]:
    return [finding for finding in change.cells if finding.status is _NOT_MET]


def _gap(facts: Facts, change: VerdictChanged) -> int | None:
    """Return how many are missing, or too many, in all failing cells; None when that cannot be counted."""
    failing = _at_fault(change) if change.to_status is _NOT_MET else []
    if facts.rule is not None and facts.rule.combine is Combine.SUM and len(change.cells) > 1:
        return None  # what is missing in each sector does not add up to what is missing in their sum
    gaps = [finding.gap for finding in failing if finding.gap]
    return sum(gaps) if gaps and len(gaps) == len(failing) else None


def _why(facts: Facts, change: VerdictChanged) -> str:
    """Return the failing cells with their numbers and gaps, or the reason where no cell says more."""
    failing = _at_fault(change) if change.to_status is _NOT_MET else []
    return "; ".join(facts.cell_line(finding) for finding in failing) or REASON_VI[change.to_reason]


def alert_forecasts(catalog: Catalog, alerted: Alerted) -> list[AlertForecast]:
    """Return who would be told what; an addressee with several addresses of one channel is named once."""
    rollups = {(change.unit, change.node, change.sequence): change for change in alerted.outcome.rollups}
    found = (_alert(catalog, entry, _headline(catalog, alerted, rollups, entry)) for entry in alerted.entries)
    return list(dict.fromkeys(found))


def _alert(catalog: Catalog, entry: Entry, text_vi: str) -> AlertForecast:
    duty = Duty(entry.responsible_unit, entry.unit, entry.role, entry.dispatch, entry.clauses)
    quotes = [
        f"{clause.section}: “{clause.quote}”" for cited in citations_of(catalog, [duty]) for clause in cited.clauses
    ]
    nobody = not entry.responsible_unit
    return AlertForecast(
        unit=entry.unit,
        node=entry.node,
        cell=str(entry.cell),
        notice=entry.kind.value,
        addressee_vi=addressee_of(catalog, duty),
        role="" if nobody else entry.role.value,
        role_vi="" if nobody else ROLE_VI[entry.role],
        dispatch=entry.dispatch or "",
        clause="; ".join(quotes),
        channel=entry.channel.value if entry.channel else "",
        unroutable=entry.reason.value if entry.reason else "",
        text_vi=text_vi,
    )


def _item(entry: Entry) -> Item:
    """Return an entry as the item of a message that it would become."""
    fields = {name: getattr(entry, name) for name in DueEntry.__dataclass_fields__ if name != "id"}
    return Item(ItemKind(entry.kind.value), DueEntry(id=0, **fields), (), None, ())


def _headline(
    catalog: Catalog, alerted: Alerted, rollups: dict[tuple[str, str, int], VerdictChanged], entry: Entry
) -> str:
    if entry.alert_id is not None:
        facts = Facts.of(catalog, alerted.outcome.alerts[entry.alert_id])
        return headline(_item(entry), facts, Material())
    change = rollups[entry.unit, entry.node, entry.sequence]
    shown = RollupChange(
        change.sequence,
        change.unit,
        change.node,
        change.node_kind,
        change.from_status,
        change.to_status,
        change.to_reason,
        change.cause,
        change.occurred_at,
    )
    return rollup_headline(catalog, shown)
