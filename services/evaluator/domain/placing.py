"""Placing: where a report goes in the state of its unit, and whether it takes back what was there."""

from services.evaluator.domain.facts import stamp
from services.evaluator.domain.state import UnitState
from shared.contracts.wire import IndicatorReported


def put(unit: UnitState, slot: int, report: IndicatorReported) -> bool:
    """Put a report into its slot; return whether the unit may now be judged differently."""
    history = unit.histories.get(slot)
    if history is not None:
        if not history.add(report):
            return False
        unit.cells[slot] = history.current()
        return True
    current = unit.cells[slot]
    if current is not None:
        ours, theirs = report.period_end, current.period_end
        if ours < theirs or (ours == theirs and report.period_start < current.period_start):
            return False
        same = ours == theirs and report.period_start == current.period_start
        if same and stamp(report) <= stamp(current):
            return False
    unit.cells[slot] = report
    return True


def is_correction(unit: UnitState, slot: int, report: IndicatorReported) -> bool:
    """Return whether a report, not placed yet, takes back an earlier one: it deletes it, or lowers its event count."""
    if report.deleted:
        return True
    if report.value is None or report.numerator is not None:
        return False
    period = (report.period_end, report.period_start)
    history = unit.histories.get(slot)
    if history is not None:
        known = history.periods.get(period, {}).get(report.part)
        return known is not None and not known.deleted and (known.value or 0) > report.value
    current = unit.cells[slot]
    same = current is not None and (current.period_end, current.period_start) == period
    return same and current is not None and (current.value or 0) > report.value
