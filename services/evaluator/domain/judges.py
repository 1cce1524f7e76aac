"""Judges: one small class per kind of chỉ tiêu, built once from its rule; each turns the cells of a unit to a finding.

A judge sees only what it is given: the current measures and histories of the unit, and the day. Most can be kept up
cell by cell: a cell has a result of its own, and only a changed result can change the finding.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.evaluator.domain.facts import History, Measure
from services.evaluator.domain.findings import RULE_UNKNOWN, Finding
from services.evaluator.domain.targets import CellResult, JudgeCell
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import CellFinding

UNKNOWN = CellResult(Status.NOT_EVALUABLE, Reason.RULE_UNKNOWN)

Histories = Mapping[int, History]


class Cells(Protocol):
    """The current measures of one unit by slot: all of them, or at least those that a judge reads."""

    def __getitem__(self, slot: int, /) -> Measure | None:
        """Return the measure in a slot."""
        ...


@dataclass(frozen=True, slots=True)
class ByCell:
    """How a chỉ tiêu is kept up cell by cell: a function for each slot it reads, and what their results make."""

    judges: tuple[tuple[int, JudgeCell], ...]
    combine: Callable[[Sequence[CellResult]], Finding]


class Judge(Protocol):
    """Turns the state of one unit into the finding of one chỉ tiêu."""

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """Return the finding on the day `on`."""
        ...

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[CellFinding, ...]:
        """Return every cell with its own verdict and gap, as messages carry it."""
        ...

    def measures(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[Measure | None, ...]:
        """Return the measure that every cell of `explain` tells, in the same order; None where it tells none."""
        ...

    def by_cell(self) -> ByCell | None:
        """Return how to keep the finding up cell by cell; None where only the whole can be judged."""
        ...


def told(cell: str, measure: Measure | None, result: CellResult) -> CellFinding:
    """Return a judged cell as messages carry it; its gap, if it can have one, is not known here."""
    if measure is None:
        return CellFinding(cell=cell, status=result.status, reason=result.reason)
    return CellFinding(
        cell=cell,
        status=result.status,
        reason=result.reason,
        numerator=measure.numerator,
        denominator=measure.denominator,
        value=measure.value,
    )


@dataclass(frozen=True, slots=True)
class UnknownJudge:
    """A rule whose threshold nobody has seen: never guessed, always open."""

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:  # noqa: ARG002 - one of the Judges
        """See `Judge.judge`."""
        return RULE_UNKNOWN

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[CellFinding, ...]:  # noqa: ARG002
        """See `Judge.explain`."""
        return (told("", None, UNKNOWN),)

    def measures(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[Measure | None, ...]:  # noqa: ARG002
        """See `Judge.measures`."""
        return (None,)

    def by_cell(self) -> ByCell | None:
        """See `Judge.by_cell`: no report changes it."""
        return ByCell((), lambda _: RULE_UNKNOWN)
