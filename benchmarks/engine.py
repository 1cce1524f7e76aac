"""The engine alone: no HTTP, no server, no SQL; reports as the evaluator receives them, in messages of 500.

`python -m benchmarks.engine FILE SCALE` prints one JSON line. Two clocks: the engine's `apply` on decoded reports, and
the decoding of the messages. The oracle reads and decodes its lines inside its one clock.
"""

import argparse
import calendar
import datetime as dt
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks import oracle as yardstick
from benchmarks.figures import Goal, Result, differing
from benchmarks.hashes import commune_row, final_hash, place_row, transition_line, transitions_hash
from benchmarks.workload import AS_OF, NODE_ORDER, SCALES, WORKLOAD_NAMES, Scale, write_catalog
from benchmarks.yardstick import Workload
from services.evaluator.domain.engine import Engine
from services.evaluator.domain.outcome import Outcome
from shared.catalog.load import load_catalog
from shared.contracts.streams import MAX_EVENTS_PER_MESSAGE
from shared.contracts.vocabulary import Part, VerdictStatus
from shared.contracts.wire import IndicatorReported, IndicatorReportedBatch, decode_indicator_reported, encode

_AS_THE_EVALUATOR = (50_000, 20, 50)
"""How seldom the evaluator's process looks for garbage (`services/evaluator/app.py`)."""
_ATTESTABLE = ("15.2", "15.4")


class EngineRun(msgspec.Struct):
    """What one run of the engine took and answered."""

    events: int
    apply_seconds: float
    decode_seconds: float
    apply_cpu_seconds: float
    peak_mb: int
    final_hash: str
    transitions_hash: str


def sound_reports(path: Path, scale_name: str) -> Iterator[IndicatorReported]:
    """Yield the sound lines of a workload as ingest would journal them; exact duplicates come again."""
    is_sound = yardstick.soundness(SCALES[scale_name])
    decode = msgspec.json.Decoder(yardstick.Report).decode
    with path.open("rb") as file:
        for line in file:
            try:
                report = decode(line)
            except msgspec.MsgspecError:
                continue
            if is_sound(report):
                yield _normalized(report)


def _normalized(report: yardstick.Report) -> IndicatorReported:
    year, month = map(int, report.period.split("-"))
    number = int(report.id[1:])
    attested = report.value is not None and report.indicator in _ATTESTABLE
    return IndicatorReported(
        seq=number,
        event_id=report.id,
        source=report.source,
        unit=report.commune,
        indicator=report.indicator,
        cell=report.sex or report.sector or "",
        period_start=dt.date(year, month, 1),
        period_end=dt.date(year, month, calendar.monthrange(year, month)[1]),
        observed_at=dt.datetime.fromisoformat(report.observed_at),
        part=Part.ATTESTATION if attested else Part.MEASURE,
        numerator=report.numerator,
        denominator=report.denominator,
        value=report.value,
    )


def messages(path: Path, scale_name: str) -> Iterator[bytes]:
    """Yield the reports of a workload as messages of the stream."""
    part: list[IndicatorReported] = []
    for report in sound_reports(path, scale_name):
        part.append(report)
        if len(part) == MAX_EVENTS_PER_MESSAGE:
            yield encode(IndicatorReportedBatch(message_id="bench", events=tuple(part)))
            part = []
    yield encode(IndicatorReportedBatch(message_id="bench", events=tuple(part)))


def run_engine(path: Path, scale_name: str) -> EngineRun:
    """Apply a workload to a fresh engine, in this process."""
    scale = SCALES[scale_name]
    now = dt.datetime.combine(AS_OF, dt.time(), dt.UTC)
    with tempfile.TemporaryDirectory() as folder:
        write_catalog(scale, Path(folder))
        engine = Engine(load_catalog(Path(folder)), AS_OF)
    engine.restore([], {}, now)
    encoded = list(messages(path, scale_name))
    lines: list[str] = []
    events, applied, decoded, cpu = 0, 0.0, 0.0, 0.0
    for message in encoded:
        begun = time.perf_counter()
        reports = decode_indicator_reported(message).events
        ready, cpu_before = time.perf_counter(), time.process_time()
        outcome = engine.apply(reports, now)
        cpu += time.process_time() - cpu_before
        applied += time.perf_counter() - ready
        decoded += ready - begun
        events += len(reports)
        lines.extend(_lines(outcome))
    return EngineRun(
        events=events,
        apply_seconds=applied,
        decode_seconds=decoded,
        apply_cpu_seconds=cpu,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        final_hash=final_hash(_rows(engine, scale)),
        transitions_hash=transitions_hash(lines),
    )


def _lines(outcome: Outcome) -> Iterator[str]:
    for change in outcome.transitions:
        name = WORKLOAD_NAMES.get(change.node.name)
        met = change.new.status is VerdictStatus.MET
        if name is not None and change.report is not None and met != (change.old.status is VerdictStatus.MET):
            yield transition_line(change.unit, change.report.event_id, name, met=met)


def _rows(engine: Engine, scale: Scale) -> list[str]:
    rows = []
    for unit in engine.units.values():
        if unit.id.startswith("X"):
            findings = zip(unit.plan.nodes, unit.findings, strict=True)
            met = {node.name for node, found in findings if found.status is VerdictStatus.MET}
            rows.append(commune_row(unit.id, (node in met for node in NODE_ORDER)))
    counts = engine.rollups.counts
    for place in scale.places:
        ntm, nc = counts[place, "ntm"], counts[place, "nc"]
        rows.append(place_row(place, ntm.total, ntm.counts[VerdictStatus.MET], nc.counts[VerdictStatus.MET]))
    return rows


def run(name: str, workload: Workload, oracle: yardstick.OracleRun, goals: tuple[Goal, ...] = ()) -> Result:
    """Run the engine in a process of its own and compare it with the oracle."""
    command = [sys.executable, "-m", "benchmarks.engine", str(workload.path), workload.scale_name]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own interpreter
    ran = msgspec.json.decode(done.stdout, type=EngineRun)
    judged = oracle.events - oracle.malformed
    return Result(
        name=name,
        what=f"the pure engine, {workload.scale_name}, {ran.events:,} decoded reports",
        figures={
            "ratio": round(ran.events / ran.apply_seconds / oracle.events_per_s, 3),
            "events_per_s": round(ran.events / ran.apply_seconds),
            "cpu_s_per_million": round(ran.apply_cpu_seconds / ran.events * 1e6, 2),
            "ratio_of_cpu": round(oracle.cpu_seconds / oracle.events / (ran.apply_cpu_seconds / ran.events), 3),
            "ratio_with_decoding": round(
                ran.events / (ran.apply_seconds + ran.decode_seconds) / oracle.events_per_s, 3
            ),
        },
        goals=goals,
        details={
            "apply_seconds": round(ran.apply_seconds, 3),
            "decode_seconds": round(ran.decode_seconds, 3),
            "peak_mb": ran.peak_mb,
            "oracle_events_per_s": round(oracle.events_per_s),
            "oracle_cpu_s_per_million": round(oracle.cpu_seconds / oracle.events * 1e6, 2),
            "final_hash": ran.final_hash,
            "transitions_hash": ran.transitions_hash,
        },
        wrong=differing(
            {"events": judged, "final_hash": oracle.final_hash, "transitions_hash": oracle.transitions_hash},
            {"events": ran.events, "final_hash": ran.final_hash, "transitions_hash": ran.transitions_hash},
        ),
    )


def main() -> None:
    """Print one run as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("scale", choices=sorted(SCALES))
    options = parser.parse_args()
    gc.set_threshold(*_AS_THE_EVALUATOR)
    print(json.dumps(msgspec.to_builtins(run_engine(options.file, options.scale))))


if __name__ == "__main__":
    main()
