"""`make bench-profile`: where the CPU time of a workload goes, by service, function and layer, and in PostgreSQL.

The services run under `benchmarks/sampled.py`; the CPU time of PostgreSQL is that of its processes, by the name of the
application behind them. Prints tables; the last line is one JSON object.
"""

import argparse
import asyncio
import json
import os
import signal
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks.end_to_end import CONNECTIONS, LINES_PER_POST, TIMEOUT_SECONDS
from benchmarks.rig import Load, Rig, Setup, start
from benchmarks.sampled import TICK_SECONDS
from benchmarks.suite import WORKLOADS
from benchmarks.workload import SCALES
from benchmarks.yardstick import workload
from datchuan.stack.stack import MODULES, SERVICES

MILLION = 1_000_000
_BACKENDS = text("SELECT pid, coalesce(nullif(application_name, ''), backend_type) AS name FROM pg_stat_activity")
_OURS = ("services", "shared", "datchuan")
_ROOT = Path(__file__).resolve().parents[1]


class Samples(msgspec.Struct):
    """What `benchmarks/sampled.py` leaves behind: the CPU time, and how often each stack was seen."""

    cpu_seconds: float
    stacks: list[tuple[int, list[tuple[str, str]]]]


@dataclass
class Costs:
    """Seconds of CPU of one service: in each function itself, below each function of ours, and by layer.

    What is the standard library's or a library's own counts for the layer, with its nearest caller of ours by name.
    """

    total: float
    own: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    below: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    layers: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def module_of(file: str) -> str:
    """Return the module of a file: ours by its path, a library's by its first package, the rest as stdlib.

    >>> module_of("/x/site-packages/sqlalchemy/sql/base.py"), module_of("/usr/lib/python3.11/asyncio/events.py")
    ('sqlalchemy', 'stdlib')
    """
    path = Path(file)
    if path.is_relative_to(_ROOT) and "site-packages" not in path.parts:
        return ".".join(path.relative_to(_ROOT).with_suffix("").parts)
    if "site-packages" in path.parts:
        return path.parts[path.parts.index("site-packages") + 1].removesuffix(".py")
    return "stdlib"


def layer_of(module: str) -> str:
    """Return the layer of a module: a room of ours, or a library.

    >>> layer_of("services.ingest.adapters.journal"), layer_of("shared.runtime.consumer"), layer_of("sqlalchemy")
    ('services.ingest.adapters', 'shared.runtime', 'sqlalchemy')
    """
    parts = module.split(".")
    if parts[0] == "services":
        return ".".join(parts[:3])
    return ".".join(parts[:2]) if parts[0] in _OURS else module


def costs_of(samples: Samples) -> Costs:
    """Return what samples say; they share the CPU time evenly, whatever the real pace of the kernel's ticks."""
    costs = Costs(samples.cpu_seconds)
    each = samples.cpu_seconds / max(1, sum(count for count, _ in samples.stacks))
    for count, stack in samples.stacks:
        seconds = count * each
        named = [(module_of(file), function) for file, function in stack]
        ours = [f"{module} {function}" for module, function in named if module.split(".")[0] in _OURS]
        innermost = f"{named[0][0]} {named[0][1]}"
        if ours and innermost != ours[0]:
            innermost = f"{innermost} < {ours[0]}"
        costs.own[innermost] += seconds
        costs.layers[layer_of(named[0][0])] += seconds
        for name in set(ours):
            costs.below[name] += seconds
    return costs


def most(costs: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    """Return the largest costs, the largest first.

    >>> most({"a": 1.0, "b": 3.0, "c": 2.0}, 2)
    [('b', 3.0), ('c', 2.0)]
    """
    return sorted(costs.items(), key=lambda item: item[1], reverse=True)[:count]


async def profile(scale_name: str, path: Path) -> tuple[int, dict[str, Costs], dict[str, float]]:
    """Run a workload and return its reports, the costs of the services, and PostgreSQL's seconds by application."""
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(scale_name, launcher=("-m", "benchmarks.sampled", folder))
        async with start(setup) as rig, rig.sender(Load(path, CONNECTIONS, LINES_PER_POST)) as sender:
            for child in rig.stack.supervisor.children:
                if child.pid is not None:
                    os.kill(child.pid, signal.SIGUSR1)
            before = await _postgres_seconds(rig)
            sent = await sender.post_all()
            await rig.until_judged(TIMEOUT_SECONDS)
            await rig.until_drained(TIMEOUT_SECONDS)
            after = await _postgres_seconds(rig)
        costs = {}
        for service in SERVICES:
            file = Path(folder) / f"{MODULES[service]}.json"
            costs[service] = costs_of(msgspec.json.decode(file.read_bytes(), type=Samples))
    return sent.rows, costs, {name: after[name] - before[name] for name in after}


async def _postgres_seconds(rig: Rig) -> dict[str, float]:
    async with rig.engine.connect() as connection:
        names = {row.pid: row.name for row in await connection.execute(_BACKENDS)}
    seconds: dict[str, float] = defaultdict(float)
    for pid, name in names.items():
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds[name] += times.user + times.system
    return seconds


def _print(title: str, seconds: Iterable[tuple[str, float]], events: int, total: float) -> None:
    table = Table(title, "CPU-s per million", "share", title_justify="left")
    for name, spent in seconds:
        table.add_row(name, f"{spent / events * MILLION:.2f}", f"{spent / total:.0%}")
    Console(width=120).print(table)


def main() -> None:
    """Profile the workload that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot_path", description=__doc__)
    parser.add_argument("--scale", choices=sorted(SCALES), default="province")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--top", type=int, default=15, help="functions to show in each table")
    parser.add_argument("--workloads", type=Path, default=WORKLOADS)
    options = parser.parse_args()
    made = workload(options.workloads, options.scale, options.events)
    events, costs, postgres = asyncio.run(profile(options.scale, made.path))
    for service, cost in costs.items():
        total = max(cost.total, TICK_SECONDS)
        _print(f"{service}: by layer", most(cost.layers, options.top), events, total)
        _print(f"{service}: in the function itself", most(cost.own, options.top), events, total)
        _print(f"{service}: in our function and below", most(cost.below, options.top), events, total)
    _print("PostgreSQL: by application", most(postgres, options.top), events, max(sum(postgres.values()), TICK_SECONDS))
    document = {
        "events": events,
        "cpu_s_per_million": {name: _each(cost.total, events) for name, cost in costs.items()},
        "layers": {name: _all(most(cost.layers, options.top), events) for name, cost in costs.items()},
        "functions": {name: _all(most(cost.own, options.top), events) for name, cost in costs.items()},
        "postgresql": _all(most(postgres, options.top), events),
    }
    print(json.dumps(document))


def _each(seconds: float, events: int) -> float:
    return round(seconds / events * MILLION, 2)


def _all(costs: list[tuple[str, float]], events: int) -> dict[str, float]:
    return {name: _each(seconds, events) for name, seconds in costs if seconds > 0}


if __name__ == "__main__":
    main()
