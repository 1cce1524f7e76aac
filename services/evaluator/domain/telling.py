"""Telling: from the cheap changes that the engine noted to the messages and rows that say them in full.

Pure, and later than the engine: a change holds all that is needed, however far the engine has moved on since.
"""

import datetime as dt
from collections.abc import Mapping

from services.evaluator.domain.bands import Watch
from services.evaluator.domain.facts import History, Measure
from services.evaluator.domain.leaves import Leaf, Measures
from services.evaluator.domain.outcome import Change, Outcome, StoredVerdict
from shared.contracts.vocabulary import ChangeKind
from shared.contracts.wire import CellFinding, IndicatorReported, VerdictChanged

# Looked up once: in Python 3.11 a member of an enum costs ten times what a global does.
TRANSITION, EVIDENCE = ChangeKind.TRANSITION, ChangeKind.EVIDENCE
NO_HISTORIES: Mapping[int, History] = {}


def tell(change: Change, outcome: Outcome) -> VerdictChanged:
    """Return the message about a change of `outcome`; its `cells` are those after the change."""
    node, old, new, report, leaf = change.node, change.old, change.new, change.report, change.node.leaf
    cells, measures = _after(change, outcome)
    first_day, last_day = _period(report, cells, measures) if report else _stale_period(measures)
    if leaf is not None and leaf.watch is not None and report is not None:
        cells = _with_before(change, leaf, leaf.watch, cells)
    # By position, in the order of the contract: this runs for every change, and so many keywords cost five times that.
    return VerdictChanged(
        change.sequence,
        TRANSITION if change.sequence else EVIDENCE,
        change.unit,
        node.name,
        node.kind,
        old.status,
        new.status,
        old.reason,
        new.reason,
        change.cause,
        node.ruleset,
        outcome.catalog,
        outcome.now,
        outcome.as_of,
        (report.event_id,) if report else (),
        report.observed_at if report else None,
        first_day,
        last_day,
        leaf.rule.operator if leaf else None,
        leaf.threshold if leaf else None,
        cells,
    )


def before_cells(change: Change, outcome: Outcome) -> tuple[CellFinding, ...]:
    """Return the cells of a chỉ tiêu as they were before a change of `outcome`; nothing for other nodes."""
    leaf = change.node.leaf
    if change.told is not None:
        return change.told.before
    if leaf is None:
        return ()
    cells = dict(zip(leaf.slots, change.measures, strict=True)) | _replaced(change)
    return leaf.judge.explain(cells, NO_HISTORIES, outcome.as_of)


def _replaced(change: Change) -> dict[int, Measure | None]:
    return {} if change.slot is None else {change.slot: change.replaced}


def _with_before(change: Change, leaf: Leaf, watch: Watch, cells: tuple[CellFinding, ...]) -> tuple[CellFinding, ...]:
    """Return the cells of a watched chỉ tiêu with what they were before; the former ones of a window are not known."""
    moved = (change.earlier or {}) | _replaced(change)
    if not moved or change.told is not None:
        return cells
    return watch.with_before(cells, moved, dict(zip(leaf.slots, change.measures, strict=True)))


def _after(change: Change, outcome: Outcome) -> tuple[tuple[CellFinding, ...], Measures]:
    """Return the cells of a chỉ tiêu after a change, and the measure that each of them tells; nothing for others."""
    leaf = change.node.leaf
    if leaf is None:
        return (), ()
    if change.told is not None:
        return change.told.after, change.told.measures
    now = dict(zip(leaf.slots, change.measures, strict=True))
    judge, as_of = leaf.judge, outcome.as_of
    return judge.explain(now, NO_HISTORIES, as_of), judge.measures(now, NO_HISTORIES, as_of)


def _period(report: IndicatorReported, cells: tuple[CellFinding, ...], measures: Measures) -> tuple[dt.date, dt.date]:
    """Return the first and last day that the numbers told in the cell of a report are of.

    They are not always its own: when it deletes a period, an earlier one holds; a rate is no word on an attestation.
    """
    newest: Measure | None = None
    for cell, measure in zip(cells, measures, strict=True):
        if measure is None:
            continue
        if cell.cell == report.cell:
            return measure.period_start, measure.period_end
        if newest is None or (measure.period_end, measure.period_start) > (newest.period_end, newest.period_start):
            newest = measure
    told = newest or report
    return told.period_start, told.period_end


def _stale_period(measures: Measures) -> tuple[dt.date | None, dt.date | None]:
    """Return the first and last day of the newest of the figures that became stale, where that made the change."""
    periods = [(measure.period_end, measure.period_start) for measure in measures if measure is not None]
    last_day, first_day = max(periods, default=(None, None))
    return first_day, last_day


def verdicts_of(outcome: Outcome) -> dict[tuple[str, str], StoredVerdict]:
    """Return the verdicts to store after a step, by (unit, node); of several changes of one the last stands."""
    changed = {
        (change.unit, change.node.name): StoredVerdict(change.new, outcome.now, change.node.ruleset, change.sequence)
        for change in outcome.transitions
    }
    return outcome.kept | changed
