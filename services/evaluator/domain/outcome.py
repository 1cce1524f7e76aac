"""What a step of the engine decided: everything that must be committed together, and nothing else."""

import datetime as dt
from dataclasses import dataclass, field
from typing import TypeAlias

from services.evaluator.domain.facts import Period, stamp
from services.evaluator.domain.findings import Finding
from shared.contracts.vocabulary import Part, VerdictStatus
from shared.contracts.wire import CellFinding, IndicatorReported, VerdictChanged

FactKey: TypeAlias = tuple[str, str, str, Period, Part]
"""(unit, indicator, cell, period, part)."""


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """The verdict of one node as it stands in the store."""

    finding: Finding
    since: dt.datetime
    ruleset: str
    transition: int


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one verdict: the message about it, and the cells of the chỉ tiêu as they were before."""

    change: VerdictChanged
    before: tuple[CellFinding, ...] = ()


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
    """The changes of one step, to be committed in one transaction.

    `facts` holds the newest report per fact of this step; the store keeps what it has when that is newer. `evidence`
    are messages about verdicts that stay not met while their numbers moved. `unknown` are reports that this catalog has
    no place for: their facts are kept for one that has.
    """

    facts: dict[FactKey, IndicatorReported] = field(default_factory=dict)
    verdicts: dict[tuple[str, str], StoredVerdict] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    evidence: list[VerdictChanged] = field(default_factory=list)
    rollups: dict[tuple[str, str], RollupCounts] = field(default_factory=dict)
    unknown: list[IndicatorReported] = field(default_factory=list)

    def keep(self, report: IndicatorReported) -> None:
        """Note a report as the newest of its fact, unless this step has seen a newer one."""
        period = (report.period_end, report.period_start)
        key = (report.unit, report.indicator, report.cell, period, report.part)
        known = self.facts.get(key)
        if known is None or stamp(known) < stamp(report):
            self.facts[key] = report
