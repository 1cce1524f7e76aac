"""Workload v1: a seeded stream of reports, the same bytes on every machine.

`python -m benchmarks.generator SCALE EVENTS SEED FILE` writes NDJSON. Every commune has sixteen figures that drift
around "just met"; 1 % of the lines are exact duplicates, 2 % come late, 0.5 % are malformed in one of eight ways. The
order of the random draws is part of the workload: a draw more or less makes another file and other answers.
"""

import argparse
import datetime as dt
import heapq
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.rules import CEILINGS, KEYS, Judging, Key, commune_id
from benchmarks.workload import SCALES, Scale

Report = dict[str, Any]

DUPLICATES, MALFORMED, LATE = 0.01, 0.005, 0.02
REMEMBERED = 5_000
LATEST_BY = 20_000
MILLISECONDS_APART = 37
FIRST_MOMENT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_SOURCES = {"15.1": "bhxh", "14.1": "bhxh", "17.9": "agri", "18.4": "agri", "18.5": "agri"}
_DAMAGES: tuple[tuple[Report, tuple[str, ...]], ...] = (
    ({"commune": "X99999"}, ()),
    ({"indicator": "99.9"}, ()),
    ({"numerator": -5, "denominator": 100}, ("value",)),
    ({"numerator": 101, "denominator": 100}, ("value",)),
    ({}, ("observed_at",)),
    ({"numerator": 1, "denominator": 0}, ("value",)),
    ({"sector": "unknown"}, ()),
)
"""What a malformed report has set and lacks; the eighth way is a line that breaks off."""


class Generator:
    """Draws the lines of one workload; use each once."""

    def __init__(self, scale_name: str, events: int, seed: int) -> None:
        self._scale: Scale = SCALES[scale_name]
        self._events = events
        self._random = random.Random(f"v1-{scale_name}-{events}-{seed}")  # noqa: S311 - a workload, not a secret
        self._drawn = 0
        self._level: dict[tuple[int, int], float] = {}
        self._population: dict[tuple[int, int], int] = {}
        self._first_round = self._draw_first_round()

    def lines(self) -> Iterator[str]:
        """Yield the lines of the workload, without line ends."""
        draw = self._random.random
        recent: list[str] = []
        late: list[tuple[int, str]] = []
        written = 0
        while written < self._events:
            if late and late[0][0] <= written:
                written += 1
                yield heapq.heappop(late)[1]
                continue
            # The draw is made even when there is nothing yet to repeat.
            if draw() < DUPLICATES and recent:
                written += 1
                yield recent[int(draw() * len(recent))]
                continue
            report = self._next_report()
            fate = draw()
            if fate < MALFORMED:
                written += 1
                yield self._damaged(report)
                continue
            line = _encode(report)
            if fate < MALFORMED + LATE:
                heapq.heappush(late, (written + 1 + int(draw() * LATEST_BY), line))
                continue
            if len(recent) < REMEMBERED:
                recent.append(line)
            else:
                recent[int(draw() * REMEMBERED)] = line
            written += 1
            yield line

    def _draw_first_round(self) -> list[tuple[int, int]]:
        """Return every figure once in random order, when that leaves enough events for changes."""
        if self._scale.communes * len(KEYS) > 0.6 * self._events:
            return []
        pairs = [(commune, number) for commune in range(self._scale.communes) for number in range(len(KEYS))]
        self._random.shuffle(pairs)
        return pairs

    def _next_report(self) -> Report:
        draw = self._random.random
        if self._drawn < len(self._first_round):
            commune, number = self._first_round[self._drawn]
        else:
            commune, number = int(draw() * self._scale.communes), int(draw() * len(KEYS))
        self._drawn += 1
        key = KEYS[number]
        report: Report = {
            "id": f"e{self._drawn:09d}",
            "source": _SOURCES.get(key.indicator, "hmis"),
            "commune": commune_id(commune),
            "indicator": key.indicator,
        }
        if key.sex is not None:
            report["sex"] = key.sex
        if key.sector is not None:
            report["sector"] = key.sector
        report["period"] = f"2026-{1 + self._drawn * 12 // (self._events + 1) % 12:02d}"
        threshold = key.threshold
        if key.judging is Judging.CEILING:
            threshold = CEILINGS[commune % self._scale.districts % len(CEILINGS)]
        level = self._drift(commune, number)
        population = self._counted(commune, number, threshold)
        report |= _figures(key, threshold, level, population, says_yes_or_no=commune % 4 == 0)
        report["observed_at"] = _moment(self._drawn * MILLISECONDS_APART)
        return report

    def _drift(self, commune: int, number: int) -> float:
        """Return how far above its threshold a figure stands now: it wanders around 1.6 with a spread of one."""
        known = self._level.get((commune, number))
        if known is None:
            level = self._random.gauss(1.6, 1.0)
        else:
            level = 1.6 + 0.9 * (known - 1.6) + self._random.gauss(0, 0.436)
        self._level[commune, number] = level
        return level

    def _counted(self, commune: int, number: int, threshold: int) -> int:
        """Return the denominator of a figure: establishments where all must comply, people otherwise."""
        known = self._population.get((commune, number))
        if known is None:
            draw = self._random.random()
            known = 30 + int(draw * 120) if threshold == 1000 else 200 + int(draw * 4000)
            self._population[commune, number] = known
        return known

    def _damaged(self, report: Report) -> str:
        way = int(self._random.random() * (len(_DAMAGES) + 1))
        if way == 0:
            return _encode(report)[:-25]
        values, missing = _DAMAGES[way - 1]
        return _encode({name: value for name, value in (report | values).items() if name not in missing})


def _figures(key: Key, threshold: int, level: float, population: int, *, says_yes_or_no: bool) -> Report:
    """Return the numbers of a report whose figure stands `level` above (below: negative) its threshold."""
    good = level > 0
    if key.judging is Judging.ATTESTED or (key.judging is Judging.ATTESTED_OR_FLOOR and says_yes_or_no):
        return {"value": int(good)}
    if key.judging is Judging.NONE_HAPPENED:
        return {"value": 0 if good else 1 + int(-level * 2)}
    if key.judging is Judging.FLOOR and threshold == 1000:
        return {
            "numerator": population if good else max(0, population - 1 - int(-level * 3)),
            "denominator": population,
        }
    share = threshold / 1000 + (-level if key.judging is Judging.CEILING else level) * 0.02
    return {"numerator": min(population, max(0, round(share * population))), "denominator": population}


def _moment(milliseconds: int) -> str:
    moment = FIRST_MOMENT + dt.timedelta(milliseconds=milliseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _encode(report: Report) -> str:
    return json.dumps(report, separators=(",", ":"))


def write_workload(scale_name: str, events: int, seed: int, path: Path) -> None:
    """Write a workload as NDJSON."""
    with path.open("w", encoding="utf-8", buffering=1 << 20) as file:
        file.writelines(f"{line}\n" for line in Generator(scale_name, events, seed).lines())


def main() -> None:
    """Write the workload that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generator", description=__doc__)
    parser.add_argument("scale", choices=sorted(SCALES))
    parser.add_argument("events", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    write_workload(options.scale, options.events, options.seed, options.file)


if __name__ == "__main__":
    main()
