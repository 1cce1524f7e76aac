"""What a step of the engine decided: everything that must be committed together, and nothing else."""

import datetime as dt
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from services.evaluator.domain.facts import Measure, Period
from services.evaluator.domain.findings import Finding
from services.evaluator.domain.leaves import Measures
from services.evaluator.domain.plan import Node
from shared.contracts.vocabulary import Cause, Part, VerdictStatus
from shared.contracts.wire import CellFinding, IndicatorReported

FactKey: TypeAlias = tuple[str, str, str, Period, Part]
"""(unit, indicator, cell, period, part)."""


class StoredVerdict(msgspec.Struct, frozen=True, gc=False):
    """The verdict of one node as it stands in the store."""

    finding: Finding
    since: dt.datetime
    ruleset: str
    transition: int


class Told(msgspec.Struct, frozen=True, gc=False):
    """The cells of a chỉ tiêu before and after a change, where only the engine of that moment can tell them.

    `measures` are those that the cells of `after` tell; where the clock did it, of these the ones that are stale.
    """

    before: tuple[CellFinding, ...] = ()
    after: tuple[CellFinding, ...] = ()
    measures: Measures = ()


class Change(msgspec.Struct, frozen=True, gc=False):
    """One change of one verdict, or (`sequence` 0) the evidence that its numbers moved; telling.py says it in full.

    Cheap to make, and complete: `measures` are what the slots of a chỉ tiêu hold after the change, and `replaced` is
    what `slot` held before it. Where windows, histories or the calendar play, the cells are `told` at once instead.
    `earlier` is what the slots of a watched chỉ tiêu held when the step began, as far as it moved near its threshold.
    """

    sequence: int
    unit: str
    node: Node
    old: Finding
    new: Finding
    cause: Cause
    report: IndicatorReported | None = None
    measures: Measures = ()
    slot: int | None = None
    replaced: Measure | None = None
    told: Told | None = None
    earlier: dict[int, Measure | None] | None = None


@dataclass(slots=True)
class RollupCounts:
    """How many units below stand where, for one standard; the counts of a district or province."""

    counts: dict[VerdictStatus, int] = field(default_factory=lambda: dict.fromkeys(VerdictStatus, 0))

    @property
    def total(self) -> int:
        """How many units can hold the title."""
        return sum(self.counts.values())


@dataclass(slots=True)
class Outcome:
    """The changes of one step, to be committed in one transaction; `catalog`, `as_of` and `now` are those of the step.

    `kept` are verdicts to store without a transition: born without data, or judged alike by another ruleset. `evidence`
    are changes of verdicts that stay not met while their numbers moved, or met near a threshold that is watched.
    `unknown` are reports that this catalog has no place for: their facts are kept for one that has.
    """

    catalog: str
    as_of: dt.date
    now: dt.datetime
    kept: dict[tuple[str, str], StoredVerdict] = field(default_factory=dict)
    transitions: list[Change] = field(default_factory=list)
    evidence: list[Change] = field(default_factory=list)
    rollups: dict[tuple[str, str], RollupCounts] = field(default_factory=dict)
    unknown: list[IndicatorReported] = field(default_factory=list)
