"""Comparing what is stored with what a full recompute gives: the differences that `datchuan verify` reports."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.evaluator.domain.findings import Finding
from services.evaluator.domain.outcome import FactKey
from services.evaluator.domain.recompute import Recomputed
from shared.contracts.vocabulary import VerdictStatus
from shared.contracts.wire import IndicatorReported


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the store is not what the journal makes: `kind` is fact, verdict or rollup."""

    kind: str
    unit: str
    item: str
    stored: str
    expected: str


def differing_facts(
    stored: Mapping[FactKey, IndicatorReported], expected: Mapping[FactKey, IndicatorReported]
) -> list[Difference]:
    """Return the facts that are missing, superfluous or not the newest."""
    found = []
    for key in stored.keys() | expected.keys():
        ours, theirs = stored.get(key), expected.get(key)
        if ours is None or theirs is None or ours.seq != theirs.seq:
            item = f"{key[1]} {key[2]} {key[3][1]}/{key[3][0]} {key[4]}"
            found.append(Difference("fact", key[0], item, _seq(ours), _seq(theirs)))
    return found


def differing_verdicts(stored: Mapping[tuple[str, str], Finding], expected: Recomputed) -> list[Difference]:
    """Return the verdicts that are missing or not what the facts make; an ended one must be not applicable."""
    found = []
    for key in stored.keys() | expected.findings.keys():
        ours, theirs = stored.get(key), expected.findings.get(key)
        ended = theirs is None and ours is not None and ours.status is VerdictStatus.NOT_APPLICABLE
        if ours is not theirs and not ended:
            found.append(Difference("verdict", key[0], key[1], _words(ours), _words(theirs)))
    return found


def differing_rollups(stored: Mapping[tuple[str, str, VerdictStatus], int], expected: Recomputed) -> list[Difference]:
    """Return the counts of districts and provinces that are not what the verdicts add up to."""
    found = []
    for key in stored.keys() | expected.rollups.keys():
        ours, theirs = stored.get(key, 0), expected.rollups.get(key, 0)
        if ours != theirs:
            found.append(Difference("rollup", key[0], f"{key[1]} {key[2]}", str(ours), str(theirs)))
    return found


def _seq(report: IndicatorReported | None) -> str:
    return "missing" if report is None else f"journal {report.seq}"


def _words(finding: Finding | None) -> str:
    return "missing" if finding is None else f"{finding.status}/{finding.reason} {','.join(finding.cells)}".strip()
