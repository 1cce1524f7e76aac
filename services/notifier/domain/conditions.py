"""What one change says of every cell of its chỉ tiêu: failing, missing, fine, or no longer judged."""

from collections.abc import Collection
from dataclasses import dataclass, field

from services.notifier.domain.alerts import AlertKind, EndReason
from shared.contracts.vocabulary import Cause, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged

WHOLE = ""

# Reasons that say "nobody has reported": news only when there was data before.
_NEVER_REPORTED = frozenset({VerdictReason.NO_DATA, VerdictReason.NO_POSITIVE_REPORT, VerdictReason.NO_CERTIFICATE})

_ENDED = {
    VerdictReason.RULE_ENDED: EndReason.RULE_ENDED,
    VerdictReason.UNIT_ENDED: EndReason.UNIT_ENDED,
}

_JUDGED = (VerdictStatus.MET, VerdictStatus.NOT_MET)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds after a change.

    `holding` maps each cell that fails or lacks data to the kind of its alert. `ending` is why every other open alert
    of the node ends, by cell; `otherwise` is the reason for the cells that `ending` does not name.
    """

    holding: dict[str, AlertKind] = field(default_factory=dict)
    ending: dict[str, EndReason] = field(default_factory=dict)
    otherwise: EndReason = EndReason.MET


def conditions_of(change: VerdictChanged, open_cells: Collection[str]) -> Conditions:
    """Return what holds after `change`, given the cells whose alerts are open before it."""
    if change.to_reason in _ENDED:
        return Conditions(otherwise=_ENDED[change.to_reason])
    if change.to_status is VerdictStatus.NOT_APPLICABLE:
        return Conditions(otherwise=EndReason.NOT_APPLICABLE)
    if change.to_status is VerdictStatus.MET:
        return Conditions(otherwise=EndReason.MET)
    holding = dict.fromkeys((f.cell for f in change.cells if f.status is VerdictStatus.NOT_MET), AlertKind.BREACH)
    if change.to_status is VerdictStatus.NOT_MET:
        holding = holding or {WHOLE: AlertKind.BREACH}
        holding |= dict.fromkeys(_still_silent(change, open_cells, holding), AlertKind.DATA_GAP)
    else:
        holding |= dict.fromkeys(_gaps(change, open_cells, holding), AlertKind.DATA_GAP)
    ending = {f.cell: EndReason.NOT_APPLICABLE for f in change.cells if f.status is VerdictStatus.NOT_APPLICABLE}
    ending |= {f.cell: EndReason.MET for f in change.cells if f.status is VerdictStatus.MET}
    return Conditions(holding, ending, otherwise=EndReason.REPLACED)


def _silent(finding: CellFinding, change: VerdictChanged) -> bool:
    """Return whether a cell lacks data; a sector without establishments (0 of 0) lacks none."""
    return finding.status is VerdictStatus.NOT_EVALUABLE and (
        finding.reason is not VerdictReason.ZERO_DENOMINATOR or change.to_reason is VerdictReason.ZERO_DENOMINATOR
    )


def _still_silent(change: VerdictChanged, open_cells: Collection[str], holding: Collection[str]) -> set[str]:
    """Return the cells with an open alert that have no data while another cell fails: silence never resolves them."""
    silent = {finding.cell for finding in change.cells if _silent(finding, change)}
    return (silent & set(open_cells)) - set(holding)


def _gaps(change: VerdictChanged, open_cells: Collection[str], holding: Collection[str]) -> set[str]:
    """Return the cells of a not evaluable chỉ tiêu that lack data."""
    known = {finding.cell: finding for finding in change.cells}
    silent = {cell for cell, finding in known.items() if _silent(finding, change)}
    # An open alert whose cell the change does not clear stays open: silence of a source is never "resolved".
    kept = {cell for cell in open_cells if cell in silent or cell not in known} - set(holding)
    news = _worth_opening(change)
    if silent == set(known) or not (silent or holding):
        return kept or ({WHOLE} if news else set())
    named = (kept - {WHOLE}) | (silent if news else set())
    return named or kept


def _worth_opening(change: VerdictChanged) -> bool:
    """Return whether missing data is news: a unit that never reported is not, and an unknown rule is nobody's gap."""
    if change.to_reason is VerdictReason.RULE_UNKNOWN:
        return change.cause is Cause.RULESET and change.from_status in _JUDGED
    if change.to_reason not in _NEVER_REPORTED:
        return True
    had_data = change.from_status in _JUDGED or (
        change.from_status is VerdictStatus.NOT_EVALUABLE
        and change.from_reason not in _NEVER_REPORTED | {VerdictReason.RULE_UNKNOWN}
    )
    return had_data or any(finding.status in _JUDGED for finding in change.cells)
