"""Placing: which of two reports holds a slot, and whether a report takes back what an earlier one said."""

from services.evaluator.domain.facts import Measure, measure_of
from services.evaluator.domain.state import UnitState
from shared.contracts.wire import IndicatorReported


def supersedes(report: IndicatorReported, current: Measure) -> bool:
    """Return whether a whole report takes the slot of the current measure: a newer period, or newer word on the same.

    Spelled out rather than by one tuple: this runs for every report.
    """
    if report.period_end != current.period_end:
        return report.period_end > current.period_end
    if report.period_start != current.period_start:
        return report.period_start > current.period_start
    if report.observed_at != current.observed_at:
        return report.observed_at > current.observed_at
    return report.seq > current.seq


def put(unit: UnitState, slot: int, report: IndicatorReported) -> bool:
    """Put a report into its slot; return whether the unit may now be judged differently."""
    history = unit.histories.get(slot)
    if history is not None:
        if not history.add(report):
            return False
        unit.cells[slot] = history.current()
        return True
    current = unit.cells[slot]
    if current is not None and not supersedes(report, current):
        return False
    unit.cells[slot] = measure_of(report)
    return True


def takes_back(report: IndicatorReported, known: Measure | None) -> bool:
    """Return whether a report takes back what was known of its slot: it deletes it, or lowers its event count."""
    if report.deleted:
        return True
    if report.value is None or report.numerator is not None or known is None:
        return False
    same = known.period_end == report.period_end and known.period_start == report.period_start
    return same and (known.value or 0) > report.value
