"""What one change says of every cell of its chỉ tiêu: failing, missing, fine, or no longer judged."""

from collections.abc import Collection
from dataclasses import dataclass, field

from services.notifier.domain.alerts import EndReason
from shared.contracts.vocabulary import AlertKind, Cause, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged

WHOLE = ""

# Reasons that say "nobody has reported": news only when there was data before.
_NEVER_REPORTED = frozenset({VerdictReason.NO_DATA, VerdictReason.NO_POSITIVE_REPORT, VerdictReason.NO_CERTIFICATE})

_MET = VerdictStatus.MET
_NOT_MET = VerdictStatus.NOT_MET
_BREACH = AlertKind.BREACH
_JUDGED = (_MET, _NOT_MET)
_NO_NUMBERS = _NEVER_REPORTED | {VerdictReason.RULE_UNKNOWN}


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds after a change.

    `holding` maps each cell that fails or lacks data to the kind of its alert. `ending` is why every other open alert
    of the node ends, by cell; `otherwise` is the reason for the cells that `ending` does not name.
    """

    holding: dict[str, AlertKind] = field(default_factory=dict)
    ending: dict[str, EndReason] = field(default_factory=dict)
    otherwise: EndReason = EndReason.MET


_ENDED = {
    VerdictReason.RULE_ENDED: Conditions(otherwise=EndReason.RULE_ENDED),
    VerdictReason.UNIT_ENDED: Conditions(otherwise=EndReason.UNIT_ENDED),
}
_OVER = {
    VerdictStatus.NOT_APPLICABLE: Conditions(otherwise=EndReason.NOT_APPLICABLE),
    VerdictStatus.MET: Conditions(otherwise=EndReason.MET),
}


def conditions_of(change: VerdictChanged, open_cells: Collection[str]) -> Conditions:
    """Return what holds after `change`, given the cells whose alerts are open before it."""
    if change.to_reason in _ENDED:
        return _ENDED[change.to_reason]
    if change.to_status in _OVER:
        return _OVER[change.to_status]
    holding, ending, silent = _sorted_by_status(change)
    if change.to_status is _NOT_MET:
        holding = holding or {WHOLE: _BREACH}
        # Cells with an open alert that have no data while another cell fails: silence never resolves them.
        missing = silent.intersection(open_cells) if open_cells else set()
    else:
        missing = _gaps(change, silent, open_cells, holding)
    for cell in missing:
        holding.setdefault(cell, AlertKind.DATA_GAP)
    return Conditions(holding, ending, EndReason.REPLACED)


def _sorted_by_status(change: VerdictChanged) -> tuple[dict[str, AlertKind], dict[str, EndReason], set[str]]:
    """Return the cells that fail, those that are fine or not applicable, and those that lack data."""
    holding: dict[str, AlertKind] = {}
    ending: dict[str, EndReason] = {}
    silent: set[str] = set()
    for finding in change.cells:
        status = finding.status
        if status is _NOT_MET:
            holding[finding.cell] = _BREACH
        elif status is _MET:
            ending[finding.cell] = EndReason.MET
        elif status is VerdictStatus.NOT_APPLICABLE:
            ending[finding.cell] = EndReason.NOT_APPLICABLE
        elif _is_silent(finding, change):
            silent.add(finding.cell)
    return holding, ending, silent


def _is_silent(finding: CellFinding, change: VerdictChanged) -> bool:
    """Return whether a cell that is not evaluable lacks data; a sector without establishments (0 of 0) lacks none."""
    return finding.reason is not VerdictReason.ZERO_DENOMINATOR or change.to_reason is VerdictReason.ZERO_DENOMINATOR


def _gaps(change: VerdictChanged, silent: set[str], open_cells: Collection[str], failing: Collection[str]) -> set[str]:
    """Return the cells of a not evaluable chỉ tiêu that lack data."""
    known = {finding.cell for finding in change.cells}
    # An open alert whose cell the change does not clear stays open: silence of a source is never "resolved".
    kept = {cell for cell in open_cells if (cell in silent or cell not in known) and cell not in failing}
    news = _worth_opening(change)
    if silent == known or not (silent or failing):
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
        change.from_status is VerdictStatus.NOT_EVALUABLE and change.from_reason not in _NO_NUMBERS
    )
    return had_data or any(finding.status in _JUDGED for finding in change.cells)
