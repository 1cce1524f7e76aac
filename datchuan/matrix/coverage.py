"""Who leads every chỉ tiêu, sector by sector and unit by unit, by one dispatch on one day."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from services.notifier.domain.route import GapKind, Routing, route
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch
from shared.catalog.rulesets import IndicatorRule
from shared.catalog.units import AdminUnit
from shared.contracts.labels_vi import GROUP_VI
from shared.contracts.vocabulary import Confidence, Role, Sector

UNKNOWN_SECTOR_VI = "chưa rõ ngành hoặc nhiều ngành"


class Charge(StrEnum):
    """How a chỉ tiêu is taken care of: somebody leads, somebody directs without a lead, or nobody does either."""

    LEAD = "lead"
    DIRECTING = "directing"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Answer:
    """Who has to act for one chỉ tiêu of one unit: names, what follows it all, sections of the text, and gaps."""

    charge: Charge
    owners: tuple[str, ...]
    consolidating: tuple[str, ...]
    sections: tuple[str, ...]
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One chỉ tiêu in one sector ("" without sectors) with the answer of every unit that it judges, by unit id.

    `code_confidence` says how far its number can be trusted.
    """

    node: str
    code_confidence: Confidence
    name_vi: str
    standard_vi: str
    sector_vi: str
    answers: dict[str, Answer]

    def folded(self) -> list[tuple[Answer, tuple[str, ...]]]:
        """Return the different answers, each with the ids of the units that it is the same for."""
        found: dict[Answer, list[str]] = {}
        for unit, answer in self.answers.items():
            found.setdefault(answer, []).append(unit)
        return [(answer, tuple(units)) for answer, units in found.items()]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The whole answer of one dispatch on one day; `units` are those of its scope and below, by code."""

    dispatch: OfficialDispatch
    on: dt.date
    units: tuple[AdminUnit, ...]
    rows: tuple[Row, ...]


def day_of(dispatch: OfficialDispatch, today: dt.date) -> dt.date:
    """Return the day to look at a dispatch: today while it is in force, else its last or first day."""
    first, last = dispatch.span
    return min(max(today, first), last)


def build_matrix(catalog: Catalog, dispatch: OfficialDispatch, on: dt.date) -> Matrix:
    """Return the matrix of a dispatch on a day; without rows on a day on which it is not in force."""
    units = tuple(sorted(_units(catalog, dispatch, on), key=lambda unit: (unit.level.value, unit.code)))
    rows = []
    for rule in catalog.rules_in_force(on):
        level = catalog.standard_by_id[rule.standard].level
        judged = [unit for unit in units if unit.level is level]
        if rule.disabled or not judged:
            continue
        sectored = catalog.indicator_by_key[rule.indicator].by == "sector"
        for cell in (*Sector, "") if sectored else ("",):
            answers = {unit.id: _answer(catalog, rule, unit, cell, on) for unit in judged}
            rows.append(_row(catalog, rule, cell, answers, sectored=sectored))
    return Matrix(dispatch, on, units, tuple(rows))


def _units(catalog: Catalog, dispatch: OfficialDispatch, on: dt.date) -> Iterator[AdminUnit]:
    for unit in catalog.units:
        if unit.in_force(on):
            found = catalog.dispatch_for(unit, on)
            if found is not None and found.id == dispatch.id:
                yield unit


def _row(catalog: Catalog, rule: IndicatorRule, cell: str, answers: dict[str, Answer], *, sectored: bool) -> Row:
    sector_vi = (GROUP_VI.get(cell) or UNKNOWN_SECTOR_VI) if sectored else ""
    standard_vi = catalog.standard_by_id[rule.standard].name_vi
    return Row(rule.node, rule.code_confidence, rule.name_vi, standard_vi, sector_vi, answers)


def _answer(catalog: Catalog, rule: IndicatorRule, unit: AdminUnit, cell: str, on: dt.date) -> Answer:
    routing = route(catalog, unit.id, rule.indicator, cell, on, standard=rule.standard)
    owners = routing.owners
    charge = Charge.NOBODY if not owners else Charge.LEAD if owners[0].role is Role.LEAD else Charge.DIRECTING
    sections = dict.fromkeys(clause.section_vi for found in owners for clause in found.clauses)
    following = tuple(found.name_vi for found in routing.assignments if found.role is Role.CONSOLIDATING)
    return Answer(charge, tuple(found.name_vi for found in owners), following, tuple(sections), _gaps(routing))


def _gaps(routing: Routing) -> tuple[str, ...]:
    """Return what is left open: each unit that has ended, and the first other gap, which has the text's own words."""
    ended = [gap.what_vi for gap in routing.gaps if gap.kind is GapKind.UNIT_ENDED]
    return (*ended, *[gap.what_vi for gap in routing.gaps if gap.kind is not GapKind.UNIT_ENDED][:1])
