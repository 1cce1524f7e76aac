"""Workload files and the oracle's time for them: what every benchmark needs, made once a run of the suite."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.generator import write_workload
from benchmarks.oracle import OracleRun

SEED = 1
_ORACLE_SECONDS = 1.0
_MOST_RUNS = 5


@dataclass(frozen=True)
class Workload:
    """A file of workload v1."""

    path: Path
    scale_name: str
    events: int


def workload(folder: Path, scale_name: str, events: int) -> Workload:
    """Return the file of a scale and size, generated when it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{scale_name}-{events}-{SEED}.jsonl"
    if not path.exists():
        part = path.with_suffix(".part")
        write_workload(scale_name, events, SEED, part)
        part.rename(path)
    return Workload(path, scale_name, events)


def ask_oracle(path: Path, scale_name: str, targets: Mapping[str, int] | None = None) -> OracleRun:
    """Return the oracle's answers and its best time, run in a process of its own (small files: several times).

    The best, because whatever slowed the oracle down would flatter the product.
    """
    changed = [word for code, percent in (targets or {}).items() for word in ("--target", f"{code}={percent}")]
    command = [sys.executable, "-m", "benchmarks.oracle", str(path), scale_name, *changed]
    runs: list[OracleRun] = []
    while len(runs) < _MOST_RUNS and sum(run.seconds for run in runs) < _ORACLE_SECONDS:
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own interpreter
        runs.append(msgspec.json.decode(done.stdout, type=OracleRun))
    return min(runs, key=lambda run: run.seconds)
