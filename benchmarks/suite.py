"""`make bench`: the benchmarks of the product, each beside the in-memory oracle timed in the same run.

Standard output holds one JSON line a benchmark and a last one with all; the readable table goes to standard error. The
status is 1 when an answer was wrong; a goal that was not reached is told, and is no error.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from benchmarks import end_to_end, engine, growth, intake, intake_formats, latency, replay, report, storm
from benchmarks.figures import Goal, Result, median_of
from benchmarks.machine import describe
from benchmarks.oracle import OracleRun
from benchmarks.rig import Rig
from benchmarks.yardstick import Workload, ask_oracle, workload

WORKLOADS = Path(".bench")
PROVINCE_RUNS = 3
PROVINCE_EVENTS, NATION_EVENTS, FEW_EVENTS = 100_000, 1_000_000, 100_000
SINGLE_EVENTS, LATENCY_EVENTS = 20_000, 75_000

# The short national run is part of "growth", and large bodies take minutes: by themselves they run on request.
ON_REQUEST = ("national-100k", "large")

_AT_MOST = True
GOALS = {
    "province": (Goal("ratio", 0.20), Goal("events_per_s", 50_000), Goal("cpu_s_per_million", 25, _AT_MOST)),
    "national": (
        Goal("events_per_s", 40_000),
        Goal("cpu_s_per_million", 30, _AT_MOST),
        Goal("evaluator_mb", 300, _AT_MOST),
    ),
    "singles": (Goal("posts_per_s", 2_000), Goal("p99_ms", 50, _AT_MOST)),
    "formats": intake_formats.GOALS,
    "large": intake_formats.LARGE_GOALS,
    "latency": (Goal("to_verdict_p99_ms", 60, _AT_MOST), Goal("to_mail_p99_ms", 1_000, _AT_MOST)),
    "engine": (Goal("ratio", 0.8),),
    "replay": (Goal("events_per_s", 100_000),),
    "growth": (
        Goal("time_for_10x_events", 10, _AT_MOST),
        Goal("time_per_event_for_16x_communes", 1.3, _AT_MOST),
    ),
}


class Suite:
    """One run of the suite: what several benchmarks need is made and measured once."""

    def __init__(self, folder: Path, told: Callable[[Result], None]) -> None:
        self._folder = folder
        self._told = told
        self._replayed: Result | None = None
        self._runs: dict[tuple[str, int], Result] = {}
        self.results: list[Result] = []
        self.benchmarks: dict[str, Callable[[], Awaitable[None]]] = {
            "province": self.province,
            "national": self.national,
            "national-100k": self.few,
            "intake": self.intake,
            "formats": self.formats,
            "large": self.large,
            "singles": self.singles,
            "latency": self.latency,
            "engine": self.engine,
            "replay": self.replay,
            "growth": self.growth,
            "storm": self.storm,
        }

    async def province(self) -> None:
        """Run the province several times and tell the median run, with the figures of all."""
        self._tell(await self._median_run("province", PROVINCE_EVENTS))

    async def national(self) -> None:
        """Run the nation, and replay its journal while it is there."""
        self._tell(await self._end_to_end("national", NATION_EVENTS, "national"))

    async def few(self) -> None:
        """Run the nation with a tenth of the events."""
        self._tell(await self._end_to_end("national", FEW_EVENTS, "national-100k"))

    async def intake(self) -> None:
        """Run ingest alone."""
        self._tell(await intake.run_alone("intake", *self._prepare("province", PROVINCE_EVENTS)))

    async def formats(self) -> None:
        """Read and post data values in every format."""
        self._tell(await intake_formats.run("formats"))

    async def large(self) -> None:
        """Post a body of 100 MB in every format."""
        self._tell(await intake_formats.run_large("large"))

    async def singles(self) -> None:
        """Post single events."""
        prepared = self._prepare("province", SINGLE_EVENTS)
        self._tell(await intake.run_singles("singles", *prepared, GOALS["singles"]))

    async def latency(self) -> None:
        """Post at a fixed rate."""
        prepared = self._prepare("province", LATENCY_EVENTS)
        self._tell(await latency.run("latency", *prepared, GOALS["latency"]))

    async def engine(self) -> None:
        """Run the engine alone, on both scales."""
        for scale_name, events in (("province", PROVINCE_EVENTS), ("national", NATION_EVENTS)):
            prepared = self._prepare(scale_name, events)
            self._tell(engine.run(f"engine-{scale_name}", *prepared, GOALS["engine"]))

    async def replay(self) -> None:
        """Tell how the journal of the national run was judged again."""
        await self._end_to_end("national", NATION_EVENTS, "national")
        if self._replayed is not None:
            self._tell(self._replayed)

    async def growth(self) -> None:
        """Compare three runs."""
        province = await self._median_run("province-60k", growth.SMALL_PROVINCE_EVENTS)
        few = await self._end_to_end("national", FEW_EVENTS, "national-100k")
        many = await self._end_to_end("national", NATION_EVENTS, "national")
        self._tell(growth.compare("growth", province, few, many, GOALS["growth"]))

    async def storm(self) -> None:
        """Let thousands of chỉ tiêu fail at once."""
        for alerts in storm.ALERTS:
            self._tell(await storm.run(f"storm-{alerts // 1_000}k", alerts))

    async def _median_run(self, name: str, events: int) -> Result:
        """Run a province several times and return the median run, with the figures of all."""
        runs = [
            await end_to_end.run(name, *self._prepare("province", events), GOALS.get(name, ()))
            for _ in range(PROVINCE_RUNS)
        ]
        middle = median_of(runs, lambda run: run.figures["events_per_s"])
        wrong = tuple(sentence for run in runs for sentence in run.wrong)
        return replace(middle, details=middle.details | {"runs": [run.figures for run in runs]}, wrong=wrong)

    async def _end_to_end(self, scale_name: str, events: int, name: str) -> Result:
        """Run a workload end to end, once a suite."""
        key = (scale_name, events)
        if key not in self._runs:
            workload_, oracle = self._prepare(scale_name, events)
            then = self._replay_after(workload_, oracle) if key == ("national", NATION_EVENTS) else None
            self._runs[key] = await end_to_end.run(name, workload_, oracle, GOALS.get(name, ()), then)
        return self._runs[key]

    def _replay_after(self, workload_: Workload, oracle: OracleRun) -> end_to_end.Then:
        async def replay_journal(rig: Rig) -> None:
            changed = ask_oracle(workload_.path, workload_.scale_name, replay.TARGETS)
            self._replayed = await replay.run("replay", rig, workload_, oracle, changed, GOALS["replay"])

        return replay_journal

    def _prepare(self, scale_name: str, events: int) -> tuple[Workload, OracleRun]:
        """Return a workload and the oracle's time for it now: asked again for every benchmark, as machines vary."""
        made = workload(self._folder, scale_name, events)
        return made, ask_oracle(made.path, scale_name)

    def _tell(self, result: Result) -> None:
        self.results.append(result)
        self._told(result)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME,NAME", help="run these benchmarks instead of all")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results.md and results.json")
    parser.add_argument("--workloads", type=Path, default=WORKLOADS, help="where generated workloads are kept")
    return parser.parse_args()


async def run_benchmarks(options: argparse.Namespace) -> tuple[list[Result], float]:
    """Run the named benchmarks, or all, and return their results and how many seconds that took."""
    suite = Suite(options.workloads, lambda result: print(json.dumps(result.as_json()), flush=True))
    names = options.only.split(",") if options.only else [name for name in suite.benchmarks if name not in ON_REQUEST]
    unknown = [name for name in names if name not in suite.benchmarks]
    if unknown:
        raise SystemExit(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(suite.benchmarks)}")
    begun = time.monotonic()
    for name in names:
        print(f"{name} ...", file=sys.stderr)
        await suite.benchmarks[name]()
    return suite.results, time.monotonic() - begun


def main() -> None:
    """Run what the arguments name; status 1 when an answer is wrong."""
    options = _arguments()
    results, seconds = asyncio.run(run_benchmarks(options))
    document = {
        "machine": describe(),
        "seconds": round(seconds),
        "ok": not any(result.wrong for result in results),
        "benchmarks": [result.as_json() for result in results],
    }
    report.print_table(results)
    print(json.dumps(document), flush=True)
    if options.save:
        report.save(document, results, Path(__file__).parent)
    sys.exit(0 if document["ok"] else 1)


if __name__ == "__main__":
    main()
