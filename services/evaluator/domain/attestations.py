"""Judges of what somebody attests: a yes or no, a rate or a yes whichever is newer, and a dated certificate."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from services.evaluator.domain.facts import Measure
from services.evaluator.domain.findings import NO_DATA, Finding, finding
from services.evaluator.domain.judges import ByCell, Cells, Histories, Judge, told
from services.evaluator.domain.rates import RateJudge
from services.evaluator.domain.targets import MISSING, CellResult
from services.evaluator.domain.windows import judge_certificate
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import CellFinding

ATTESTED = CellResult(Status.MET, Reason.ATTESTED)
ATTESTED_NOT = CellResult(Status.NOT_MET, Reason.ATTESTED_NOT)
NOT_ATTESTED = CellResult(Status.NOT_EVALUABLE, Reason.NO_ATTESTATION)


@dataclass(frozen=True, slots=True)
class AttestationJudge:
    """A yes/no that somebody attests; a rate for the same indicator is information, not a verdict."""

    attested: int
    measured: tuple[int, ...] = ()

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:  # noqa: ARG002 - one of the Judges
        """See `Judge.judge`."""
        return self.combine([_attested(cells[self.attested]), *(_informed(cells[slot]) for slot in self.measured)])

    def combine(self, results: Sequence[CellResult]) -> Finding:
        """Return the finding of the attestation, and of the rates beside it when there is none."""
        result = next((result for result in results if result is not MISSING), MISSING)
        return NO_DATA if result is MISSING else finding(result.status, result.reason)

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[CellFinding, ...]:  # noqa: ARG002
        """See `Judge.explain`."""
        measure = cells[self.attested]
        result = _attested(measure)
        if result is MISSING:
            has_rate = any(cells[slot] is not None for slot in self.measured)
            return (told("", None, NOT_ATTESTED if has_rate else MISSING),)
        return (told("", measure, result),)

    def measures(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[Measure | None, ...]:  # noqa: ARG002
        """See `Judge.measures`."""
        measure = cells[self.attested]
        return (None if _attested(measure) is MISSING else measure,)

    def by_cell(self) -> ByCell | None:
        """See `Judge.by_cell`."""
        return ByCell(((self.attested, _attested), *((slot, _informed) for slot in self.measured)), self.combine)


def _attested(measure: Measure | None) -> CellResult:
    if measure is None or measure.value is None:
        return MISSING
    return ATTESTED if measure.value >= 1 else ATTESTED_NOT


def _informed(measure: Measure | None) -> CellResult:
    return MISSING if measure is None else NOT_ATTESTED


@dataclass(frozen=True, slots=True)
class EitherJudge:
    """A rate or an attestation, whichever was reported last."""

    rate: RateJudge
    attestation: AttestationJudge

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:
        """See `Judge.judge`."""
        return self._chosen(cells).judge(cells, histories, on)

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[CellFinding, ...]:
        """See `Judge.explain`."""
        return self._chosen(cells).explain(cells, histories, on)

    def measures(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[Measure | None, ...]:
        """See `Judge.measures`."""
        return self._chosen(cells).measures(cells, histories, on)

    def by_cell(self) -> ByCell | None:
        """See `Judge.by_cell`: which cell counts depends on the other."""
        return None

    def _chosen(self, cells: Cells) -> Judge:
        attested = cells[self.attestation.attested]
        if attested is None:
            return self.rate
        for _, slot in self.rate.groups:
            rate = cells[slot]
            if rate is not None and _newness(rate) > _newness(attested):
                return self.rate
        return self.attestation


def _newness(measure: Measure) -> tuple[dt.date, dt.date, dt.datetime, int]:
    return measure.period_end, measure.period_start, measure.observed_at, measure.seq


@dataclass(frozen=True, slots=True)
class CertificateJudge:
    """A dated certificate that has not expired."""

    attested: int
    validity_years: int

    def judge(self, cells: Cells, histories: Histories, on: dt.date) -> Finding:  # noqa: ARG002 - one of the Judges
        """See `Judge.judge`."""
        result = judge_certificate(cells[self.attested], self.validity_years, on)
        return finding(result.status, result.reason)

    def explain(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[CellFinding, ...]:  # noqa: ARG002
        """See `Judge.explain`."""
        measure = cells[self.attested]
        return (told("", measure, judge_certificate(measure, self.validity_years, on)),)

    def measures(self, cells: Cells, histories: Histories, on: dt.date) -> tuple[Measure | None, ...]:  # noqa: ARG002
        """See `Judge.measures`."""
        return (cells[self.attested],)

    def by_cell(self) -> ByCell | None:
        """See `Judge.by_cell`: the day counts too."""
        return None
