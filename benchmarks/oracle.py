"""The oracle: workload v1 judged by one thread in dictionaries, with no durability. The yardstick of every benchmark.

`python -m benchmarks.oracle FILE SCALE` prints one JSON line: the right hashes, and the time that it took to read,
decode, validate and judge the file. It is written to be plain and fast: whatever makes it slower flatters the product.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from benchmarks.hashes import commune_row, final_hash, place_row, transition_line, transitions_hash
from benchmarks.rules import CEILINGS, KEYS, NODE_MASKS, NODES, Judging, commune_id
from benchmarks.workload import SCALES, Scale

_CEILING, _ATTESTED, _EITHER, _NONE = (
    Judging.CEILING,
    Judging.ATTESTED,
    Judging.ATTESTED_OR_FLOOR,
    Judging.NONE_HAPPENED,
)
_JUDGINGS = tuple(key.judging for key in KEYS)
_STUNTING = _JUDGINGS.index(_CEILING)
_NTM, _NC = NODE_MASKS[NODES.index("NTM")], NODE_MASKS[NODES.index("NC")]
_PLACES = {(key.indicator, key.sex, key.sector): number for number, key in enumerate(KEYS)}
_STAMP_LENGTH = 24


class Report(msgspec.Struct, gc=False):
    """One line of the workload."""

    id: str
    source: str
    commune: str
    indicator: str
    period: str
    observed_at: str
    sex: str | None = None
    sector: str | None = None
    numerator: int | None = None
    denominator: int | None = None
    value: int | None = None


@dataclass(frozen=True)
class OracleRun:
    """The right answers for a file, and what they took."""

    events: int
    seconds: float
    cpu_seconds: float
    malformed: int
    stale: int
    distinct: int
    """Sound reports with ids of their own: what a journal keeps. Counted after the clock has stopped."""
    transitions: int
    final_hash: str
    transitions_hash: str

    @property
    def events_per_s(self) -> float:
        """Reports a second."""
        return self.events / self.seconds


class Oracle:
    """The state of one run: the newest report of every key, and which keys of a commune are met, as bits."""

    def __init__(self, scale: Scale, targets: Mapping[str, int]) -> None:
        self._communes = {commune_id(number): number for number in range(scale.communes)}
        self._ceilings = [CEILINGS[number % scale.districts % len(CEILINGS)] for number in range(scale.communes)]
        self._thresholds = [targets.get(key.indicator, key.threshold // 10) * 10 for key in KEYS]
        self.met = [0] * scale.communes
        self.transitions: list[str] = []
        self.events = self.malformed = self.stale = 0

    def read(self, path: Path) -> None:
        """Judge every line of a file, in order."""
        decode = msgspec.json.Decoder(Report).decode
        communes, met, newest = self._communes, self.met, dict[tuple[int, int], Report]()
        ceilings, thresholds = self._ceilings, self._thresholds
        with path.open("rb") as file:
            for line in file:
                self.events += 1
                try:
                    report = decode(line)
                except msgspec.MsgspecError:
                    self.malformed += 1
                    continue
                commune = communes.get(report.commune)
                number = _PLACES.get((report.indicator, report.sex, report.sector))
                at = report.observed_at
                if commune is None or number is None or len(at) != _STAMP_LENGTH or not _is_sound(number, report):
                    self.malformed += 1
                    continue
                known = newest.get((commune, number))
                if known is not None and known.observed_at >= at:
                    self.stale += 1
                    continue
                newest[commune, number] = report
                before, bit = met[commune], 1 << number
                limit = ceilings[commune] if number == _STUNTING else thresholds[number]
                after = before | bit if _is_met(number, report, limit) else before & ~bit
                if after != before:
                    met[commune] = after
                    self._tell(report, before, after)

    def _tell(self, report: Report, before: int, after: int) -> None:
        for node, mask in zip(NODES, NODE_MASKS, strict=True):
            now = after & mask == mask
            if now != (before & mask == mask):
                self.transitions.append(transition_line(report.commune, report.id, node, met=now))


def _is_sound(number: int, report: Report) -> bool:
    """Return whether the numbers of a report make sense for its key."""
    judging, top, value = _JUDGINGS[number], report.numerator, report.value
    if judging is _ATTESTED or judging is _NONE:
        return value is not None and value >= 0 and top is None and not (judging is _ATTESTED and value > 1)
    if value is not None:
        return judging is _EITHER and value in (0, 1)
    bottom = report.denominator
    return top is not None and bottom is not None and bottom > 0 and 0 <= top <= bottom


def soundness(scale: Scale) -> Callable[[Report], bool]:
    """Return what tells a sound report from a malformed one; for others than the oracle, which has no time for it."""
    communes = {commune_id(number) for number in range(scale.communes)}

    def is_sound(report: Report) -> bool:
        number = _PLACES.get((report.indicator, report.sex, report.sector))
        if number is None or report.commune not in communes or len(report.observed_at) != _STAMP_LENGTH:
            return False
        return _is_sound(number, report)

    return is_sound


def _is_met(number: int, report: Report, limit: int) -> bool:
    """Return whether a sound report meets the target of its key."""
    judging, top, bottom = _JUDGINGS[number], report.numerator, report.denominator
    if top is None or bottom is None or report.value is not None:
        return report.value == (0 if judging is _NONE else 1)
    return top * 1000 <= limit * bottom if judging is _CEILING else top * 1000 >= limit * bottom


def final_rows(scale: Scale, met: list[int]) -> list[str]:
    """Return the final table: every commune, then the counts of districts and provinces."""
    rows = []
    counts: dict[str, list[int]] = {}
    for number, bits in enumerate(met):
        rows.append(commune_row(commune_id(number), (bits & mask == mask for mask in NODE_MASKS)))
        district = number % scale.districts
        for place in (f"D{district:03d}", f"P{district % scale.provinces:02d}"):
            count = counts.setdefault(place, [0, 0, 0])
            count[0] += 1
            count[1] += bits & _NTM == _NTM
            count[2] += bits & _NC == _NC
    return rows + [place_row(place, *count) for place, count in counts.items()]


def _repeated(path: Path) -> int:
    """Return how many lines of a file stood in it before: its exact duplicates."""
    with path.open("rb") as file:
        return len(lines := file.readlines()) - len(set(lines))


def run(path: Path, scale_name: str, targets: Mapping[str, int]) -> OracleRun:
    """Judge a file, with other thresholds than the workload's own for `targets`; hashing is not part of the time."""
    scale = SCALES[scale_name]
    oracle = Oracle(scale, targets)
    started, cpu_before = time.perf_counter(), time.process_time()
    oracle.read(path)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_before
    return OracleRun(
        events=oracle.events,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        malformed=oracle.malformed,
        stale=oracle.stale,
        distinct=oracle.events - oracle.malformed - _repeated(path),
        transitions=len(oracle.transitions),
        final_hash=final_hash(final_rows(scale, oracle.met)),
        transitions_hash=transitions_hash(oracle.transitions),
    )


def main() -> None:
    """Print the answers for a file as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oracle", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("scale", choices=sorted(SCALES))
    parser.add_argument("--target", action="append", default=[], metavar="CODE=PERCENT", help="another threshold")
    options = parser.parse_args()
    targets = {code: int(percent) for code, percent in (target.split("=") for target in options.target)}
    print(json.dumps(asdict(run(options.file, options.scale, targets))))


if __name__ == "__main__":
    main()
