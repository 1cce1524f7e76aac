"""Placing: which of two reports holds a slot, and whether a report takes back what an earlier one said.

The order of periods, for the whole product: the later last day is the newer period, whatever the length; of two with
the same last day the one that begins later, which is the shorter; of two with the same days the report observed later,
then the one with the larger journal number. A period is its days and nothing else: 2024Q3, 2024-07-01/2024-09-30 and
2024-07-01/P3M are one. So September goes before the nine months that end with it, the nine months before the first
half, October before both, and December before its year. Each report says where the unit stands at the end of its
period: what is counted up during a year is to be reported cumulatively (2024-9M), not by its months alone.
`facts.period_of` and `restoring` follow the same order.
"""

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
