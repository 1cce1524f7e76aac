"""The full recompute: from all reports to all verdicts with no increments at all; what the engine must always equal.

It shares the judges with the engine and nothing of its bookkeeping: facts are picked by sorting, cells by looking at
everything, roll-ups by counting.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from services.evaluator.domain.facts import History, Measure, stamp
from services.evaluator.domain.findings import Finding
from services.evaluator.domain.outcome import FactKey
from services.evaluator.domain.plan import Plan, PlanKey, compile_plan
from services.evaluator.domain.slots import SlotTable, slot_table
from services.evaluator.domain.state import UnitState
from shared.catalog.catalog import Catalog
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import VerdictStatus
from shared.contracts.wire import IndicatorReported

NO_HISTORY = History()


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Findings by (unit, node), and communes by (district or province, standard, status)."""

    findings: dict[tuple[str, str], Finding]
    rollups: Counter[tuple[str, str, VerdictStatus]]


def keep_newest(facts: dict[FactKey, IndicatorReported], reports: Iterable[IndicatorReported]) -> None:
    """Take reports into `facts`, the newest of every fact; the order of `reports` does not matter."""
    for report in reports:
        period = (report.period_end, report.period_start)
        key = (report.unit, report.indicator, report.cell, period, report.part)
        known = facts.get(key)
        if known is None or stamp(report) > stamp(known):
            facts[key] = report


def histories_of(facts: Iterable[IndicatorReported], slots: SlotTable) -> dict[str, dict[int, History]]:
    """Return the reports of every unit, slot by slot; what the catalog has no slot for is left out."""
    histories: dict[str, dict[int, History]] = {}
    for report in facts:
        slot = slots.number(report)
        if slot is None:
            continue
        of_unit = histories.setdefault(report.unit, {})
        if slot not in of_unit:
            of_unit[slot] = History()
        of_unit[slot].add(report)
    return histories


def state_of(
    unit: AdminUnit, catalog: Catalog, plan: Plan, slots: SlotTable, histories: dict[int, History]
) -> UnitState:
    """Return a unit with the current measure of every slot; it is not judged yet."""
    above = tuple(place.id for place in catalog.ancestors(unit))
    cells: list[Measure | None] = [histories.get(n, NO_HISTORY).current() for n in range(len(slots.slots))]
    return UnitState(unit.id, above, plan, cells, histories)


def recompute(catalog: Catalog, facts: dict[FactKey, IndicatorReported], as_of: dt.date) -> Recomputed:
    """Return every verdict that the facts make on the day `as_of`."""
    slots = slot_table(catalog)
    histories = histories_of(facts.values(), slots)
    plans: dict[PlanKey, Plan] = {}
    findings: dict[tuple[str, str], Finding] = {}
    rollups: Counter[tuple[str, str, VerdictStatus]] = Counter()
    for unit in catalog.units:
        if not unit.in_force(as_of):
            continue
        key = PlanKey.of(unit)
        if key not in plans:
            plans[key] = compile_plan(catalog, slots, key, as_of)
        state = state_of(unit, catalog, plans[key], slots, histories.get(unit.id, {}))
        state.judge_all(as_of)
        for node, current in zip(state.plan.nodes, state.findings, strict=True):
            findings[unit.id, node.name] = current
            if node.standard is not None and node.titled:
                rollups.update((place, node.standard, current.status) for place in state.above)
    return Recomputed(findings, rollups)
