"""Replay: the journal of a whole run judged again after a rule change, by the product's own `rejudge`."""

import tempfile
import time
from pathlib import Path

from pydantic import SecretStr

from benchmarks.figures import Goal, Result, differing
from benchmarks.hashes import commune_row, final_hash, place_row
from benchmarks.oracle import OracleRun
from benchmarks.processes import cpu_seconds, own_cpu_seconds, per_million
from benchmarks.rig import Rig
from benchmarks.workload import AS_OF, NODE_ORDER, SCALES, Scale, write_catalog
from benchmarks.yardstick import Workload
from datchuan.rejudging import Rejudgement, rejudge
from services.evaluator.domain.recompute import Recomputed
from shared.catalog.load import load_catalog
from shared.contracts.vocabulary import VerdictStatus
from shared.runtime.database import create_database

TARGETS = {"15.1": 92, "14.4": 75}
"""The rule change: two thresholds raised."""


async def run(
    name: str, rig: Rig, workload: Workload, oracle: OracleRun, changed: OracleRun, goals: tuple[Goal, ...] = ()
) -> Result:
    """Judge the journal that a run has left by other rules, and once more by the same: then nothing may differ.

    `oracle` are the right answers by the rules of the run, `changed` those by the changed ones.
    """
    scale = SCALES[workload.scale_name]
    found, seconds, cpu = await _rejudge(rig, scale, TARGETS)
    same, _, _ = await _rejudge(rig, scale, {})
    expected: dict[str, object] = {
        "events": oracle.distinct,
        "final_hash": changed.final_hash,
        "final_hash_by_the_same_rules": oracle.final_hash,
        "changes_by_the_same_rules": 0,
    }
    got: dict[str, object] = {
        "events": found.events,
        "final_hash": _final_hash(found.judged, scale),
        "final_hash_by_the_same_rules": _final_hash(same.judged, scale),
        "changes_by_the_same_rules": len(same.changes),
    }
    return Result(
        name=name,
        what=f"{workload.scale_name}, {found.events:,} journaled reports judged again after a rule change",
        figures={
            "ratio": round(found.events / seconds / oracle.events_per_s, 3),
            "events_per_s": round(found.events / seconds),
            "cpu_s_per_million": round(sum(cpu.values()), 1),
        },
        goals=goals,
        details={
            "seconds": round(seconds, 3),
            "oracle_events_per_s": round(oracle.events_per_s),
            "cpu_s_per_million_by_process": cpu,
            "facts": found.facts,
            "verdicts_changed": len(found.changes),
            **got,
        },
        wrong=differing(expected, got),
    )


async def _rejudge(rig: Rig, scale: Scale, targets: dict[str, int]) -> tuple[Rejudgement, float, dict[str, float]]:
    """Return what rules with these thresholds make of the journal, how long that took, and the CPU it cost."""
    engine = create_database(SecretStr(rig.stack.addresses.database_url), "datchuan-rejudge", pool_size=1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            write_catalog(scale, Path(folder), targets)
            catalog = load_catalog(Path(folder))
        before, own_before, begun = cpu_seconds(), own_cpu_seconds(), time.perf_counter()
        found = await rejudge(engine, catalog, AS_OF)
        seconds = time.perf_counter() - begun
        cpu = per_million(
            before | {"rejudge": own_before}, cpu_seconds() | {"rejudge": own_cpu_seconds()}, found.events
        )
        return found, seconds, cpu
    finally:
        await engine.dispose()


def _final_hash(judged: Recomputed, scale: Scale) -> str:
    met: dict[str, set[str]] = {}
    for (unit, node), found in judged.findings.items():
        nodes = met.setdefault(unit, set())
        if found.status is VerdictStatus.MET:
            nodes.add(node)
    rows = [
        commune_row(unit, (node in nodes for node in NODE_ORDER)) for unit, nodes in met.items() if unit.startswith("X")
    ]
    for place in scale.places:
        total = sum(judged.rollups[place, "ntm", status] for status in VerdictStatus)
        ntm, nc = (judged.rollups[place, standard, VerdictStatus.MET] for standard in ("ntm", "nc"))
        rows.append(place_row(place, total, ntm, nc))
    return final_hash(rows)
