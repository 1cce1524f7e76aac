"""Judges: one small class per kind of chỉ tiêu, built once from its rule; each turns the cells of a unit to a finding.

A judge sees only what it is given: the current measures and histories of the unit, and the day.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.evaluator.domain.facts import History, Measure, stamp
from services.evaluator.domain.findings import NO_DATA, RULE_UNKNOWN, TARGET_MET, Finding, finding
from services.evaluator.domain.targets import MET, MISSING, CellResult, RateTarget
from services.evaluator.domain.windows import calendar_year, judge_certificate, judge_window
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status

Cells = Sequence[Measure | None]
Histories = Mapping[int, History]


@dataclass(frozen=True, slots=True)
class JudgedCell:
    """One cell with its measure and its own verdict, for messages and for `explain`."""

    cell: str
    measure: Measure | None
    status: Status
    reason: Reason
    gap: int | None = None


class Judge(Protocol):
    """Turns the state of one unit into the finding of one chỉ tiêu."""

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """Return the finding on the day `on`."""
        ...

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[JudgedCell, ...]:
        """Return every cell with its own verdict and gap."""
        ...


def _newest_this_year(history: History | None, on: dt.date) -> Measure | None:
    return None if history is None else history.current(calendar_year(on))


@dataclass(frozen=True, slots=True)
class RateJudge:
    """A rate in one cell, or in every group: each sex must meet the target, and a missing one leaves it open."""

    groups: tuple[tuple[str, int], ...]
    target: RateTarget
    missing: Reason
    this_year: bool = False

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """See `Judge.judge`."""
        judge = self.target.judge
        if self.this_year:
            return self.combine(
                [(cell, judge(_newest_this_year(histories.get(slot), on))) for cell, slot in self.groups]
            )
        return self.combine([(cell, judge(cells[slot])) for cell, slot in self.groups])

    def combine(self, results: list[tuple[str, CellResult]]) -> Finding:
        """Return the finding of the groups: absent beats doubtful beats failing beats met."""
        for _, result in results:
            if result is not MET:
                break
        else:  # by far the commonest, and this runs for every report
            return TARGET_MET
        absent = tuple(cell for cell, result in results if result is MISSING)
        if absent:
            return NO_DATA if len(absent) == len(results) else finding(Status.NOT_EVALUABLE, self.missing, absent)
        for status in (Status.NOT_EVALUABLE, Status.NOT_MET, Status.NOT_APPLICABLE):
            at_fault = tuple(cell for cell, result in results if result[0] is status)
            if at_fault and (status is not Status.NOT_APPLICABLE or len(at_fault) == len(results)):
                reason = next(result[1] for _, result in results if result[0] is status)
                return finding(status, reason, at_fault)
        return TARGET_MET

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[JudgedCell, ...]:
        """See `Judge.explain`."""
        return tuple(
            _judged(cell, _newest_this_year(histories.get(slot), on) if self.this_year else cells[slot], self.target)
            for cell, slot in self.groups
        )


def _judged(cell: str, measure: Measure | None, target: RateTarget) -> JudgedCell:
    result = target.judge(measure)
    gap = None
    if measure is not None and measure.numerator is not None and measure.denominator:
        gap = target.gap(measure.numerator, measure.denominator) if result[0] is Status.NOT_MET else 0
    return JudgedCell(cell, measure, result[0], result[1], gap)


@dataclass(frozen=True, slots=True)
class SumJudge:
    """A rate over sectors whose numerators and denominators add up; every sector must have reported."""

    rate: RateJudge

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """See `Judge.judge`."""
        judged = self.explain(cells, histories, on)
        doubtful = [c for c in judged if c.status is Status.NOT_EVALUABLE and c.reason is not Reason.ZERO_DENOMINATOR]
        if doubtful:
            return self.rate.combine([(c.cell, MISSING if c.measure is None else (c.status, c.reason)) for c in judged])
        measures = [c.measure for c in judged if c.measure is not None]
        if any(m.numerator is None or m.denominator is None for m in measures):
            return finding(Status.NOT_EVALUABLE, Reason.MISSING_PART)
        status, reason = self.rate.target.judge_counts(
            sum(m.numerator or 0 for m in measures), sum(m.denominator or 0 for m in measures)
        )
        if status is not Status.NOT_MET:
            return finding(status, reason)
        return finding(status, reason, tuple(c.cell for c in judged if c.status is Status.NOT_MET) or ("",))

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[JudgedCell, ...]:
        """See `Judge.explain`."""
        return self.rate.explain(cells, histories, on)


@dataclass(frozen=True, slots=True)
class AttestationJudge:
    """A yes/no that somebody attests; a rate for the same indicator is information, not a verdict."""

    attested: int
    measured: tuple[int, ...] = ()

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """See `Judge.judge`."""
        (judged,) = self.explain(cells, histories, on)
        return NO_DATA if judged.reason is Reason.NO_DATA else finding(judged.status, judged.reason)

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[JudgedCell, ...]:  # noqa: ARG002
        """See `Judge.explain`."""
        measure = cells[self.attested]
        if measure is None or measure.value is None:
            has_rate = any(cells[slot] is not None for slot in self.measured)
            reason = Reason.NO_ATTESTATION if has_rate else Reason.NO_DATA
            return (JudgedCell("", None, Status.NOT_EVALUABLE, reason),)
        met = measure.value >= 1
        status, reason = (Status.MET, Reason.ATTESTED) if met else (Status.NOT_MET, Reason.ATTESTED_NOT)
        return (JudgedCell("", measure, status, reason),)


@dataclass(frozen=True, slots=True)
class EitherJudge:
    """A rate or an attestation, whichever was reported last."""

    rate: RateJudge
    attestation: AttestationJudge

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """See `Judge.judge`."""
        return self._chosen(cells).judge(cells, histories, on)

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[JudgedCell, ...]:
        """See `Judge.explain`."""
        return self._chosen(cells).explain(cells, histories, on)

    def _chosen(self, cells: Cells) -> Judge:
        attested = cells[self.attestation.attested]
        rates = [measure for _, slot in self.rate.groups if (measure := cells[slot]) is not None]
        if attested is None or any(_newer(rate, attested) for rate in rates):
            return self.rate
        return self.attestation


def _newer(one: Measure, other: Measure) -> bool:
    return (one.period_end, one.period_start, stamp(one)) > (other.period_end, other.period_start, stamp(other))


@dataclass(frozen=True, slots=True)
class EventJudge:
    """No event: in the newest report, or in the whole running year when the rule has a window."""

    groups: tuple[tuple[str, int], ...]
    limit: int
    windowed: bool

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """See `Judge.judge`."""
        judged = self.explain(cells, histories, on)
        for status in (Status.NOT_MET, Status.NOT_EVALUABLE):
            at_fault = tuple(cell for cell in judged if cell.status is status)
            if at_fault:
                if all(cell.reason is Reason.NO_DATA for cell in judged):
                    return NO_DATA
                reason = Reason.INCIDENT_OPEN if status is Status.NOT_MET else Reason.NO_POSITIVE_REPORT
                return finding(status, reason, tuple(cell.cell for cell in at_fault))
        return finding(Status.MET, Reason.NO_INCIDENT)

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[JudgedCell, ...]:
        """See `Judge.explain`."""
        return tuple(self._cell(cell, cells[slot], histories.get(slot), on) for cell, slot in self.groups)

    def _cell(self, cell: str, measure: Measure | None, history: History | None, on: dt.date) -> JudgedCell:
        if measure is None or measure.value is None:
            return JudgedCell(cell, None, Status.NOT_EVALUABLE, Reason.NO_DATA)
        if self.windowed:
            status, reason = judge_window(history, self.limit, on)
            return JudgedCell(cell, measure, status, reason)
        if measure.value > self.limit:
            return JudgedCell(cell, measure, Status.NOT_MET, Reason.INCIDENT_OPEN)
        return JudgedCell(cell, measure, Status.MET, Reason.NO_INCIDENT)


@dataclass(frozen=True, slots=True)
class CertificateJudge:
    """A dated certificate that has not expired."""

    attested: int
    validity_years: int

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:  # noqa: ARG002 - one of the Judges
        """See `Judge.judge`."""
        status, reason = judge_certificate(cells[self.attested], self.validity_years, on)
        return finding(status, reason)

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[JudgedCell, ...]:  # noqa: ARG002
        """See `Judge.explain`."""
        measure = cells[self.attested]
        return (JudgedCell("", measure, *judge_certificate(measure, self.validity_years, on)),)


@dataclass(frozen=True, slots=True)
class UnknownJudge:
    """A rule whose threshold nobody has seen: never guessed, always open."""

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:  # noqa: ARG002 - one of the Judges
        """See `Judge.judge`."""
        return RULE_UNKNOWN

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[JudgedCell, ...]:  # noqa: ARG002
        """See `Judge.explain`."""
        return (JudgedCell("", None, Status.NOT_EVALUABLE, Reason.RULE_UNKNOWN),)
