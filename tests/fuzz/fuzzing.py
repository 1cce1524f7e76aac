"""The loop: makes inputs, gives them to a target, keeps those that showed something new, and those that failed."""

import contextlib
import hashlib
import resource
import time
import traceback
import tracemalloc
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import MAX_BYTES, mutate

_BATCH: Final = 200
_MOST_KEPT: Final = 600
_REDUCTION_SECONDS: Final = 10
_MEBI: Final = 1024 * 1024


class BrokenError(Exception):
    """A promise of the product that an input broke."""


@dataclass(frozen=True)
class Target:
    """A parser: `make` gives a valid input, `check` reads one and says how it went, or raises what must not happen.

    What `check` returns tells inputs apart that went different ways. `max_seconds` are of CPU time, None for no limit.
    """

    name: str
    make: Callable[[Random], bytes]
    check: Callable[[bytes], Hashable]
    is_mutated: bool = True
    max_seconds: float | None = 1.0
    max_megabytes: int = 64
    weight: float = 1.0
    quick_inputs: int = 120


@dataclass
class Finding:
    """One failure: what happened, and the smallest input found for it."""

    target: str
    what: str
    trace: str
    body: bytes
    file: Path | None = None
    times: int = 1


@dataclass
class Outcome:
    """What came out of the fuzzing of one target."""

    target: str
    seconds: float = 0.0
    inputs: int = 0
    ways: int = 0
    findings: list[Finding] = field(default_factory=list)


def check_within_limits(target: Target, body: bytes) -> Hashable:
    """Give an input to a target; raises BrokenError for one that takes too long or too much memory."""
    limit = target.max_seconds
    if limit is None:
        return target.check(body)
    before = _reset_peak()
    start = time.process_time()
    way = target.check(body)
    if time.process_time() - start > limit and min(_seconds(target, body), _seconds(target, body)) > limit:
        raise BrokenError(f"took more than {limit:g} s")  # a busy machine is no finding, so it was tried three times
    if _peak() - before > target.max_megabytes / 2 and _megabytes(target, body) > target.max_megabytes:
        raise BrokenError(f"took more than {target.max_megabytes} MB")
    return way


def _reset_peak() -> float:
    """Forget how much memory was ever held, where the system lets us; return how much is held now, in MB."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    return _peak()


def _peak() -> float:
    with contextlib.suppress(OSError, StopIteration):
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _seconds(target: Target, body: bytes) -> float:
    start = time.process_time()
    target.check(body)
    return time.process_time() - start


def _megabytes(target: Target, body: bytes) -> float:
    """Return how much Python allocates at most, which the peak of the process may overstate."""
    tracemalloc.start()
    try:
        target.check(body)
        return tracemalloc.get_traced_memory()[1] / _MEBI
    finally:
        tracemalloc.stop()


class Fuzzing:
    """The fuzzing of one target, until its time or its number of inputs is over."""

    def __init__(self, target: Target, first_seed: int = 0, folder: Path | None = None) -> None:
        self.outcome = Outcome(target.name)
        self._target = target
        self._seed = first_seed
        self._folder = folder
        self._kept: list[bytes] = []
        self._ways: set[Hashable] = set()
        self._findings: dict[str, Finding] = {}

    def run(self, seconds: float | None = None, inputs: int | None = None) -> Outcome:
        """Fuzz for so many seconds, or so many inputs."""
        start = time.monotonic()
        while (seconds is None or time.monotonic() - start < seconds) and (
            inputs is None or self.outcome.inputs < inputs
        ):
            self._batch(_BATCH if inputs is None else min(_BATCH, inputs - self.outcome.inputs), start, seconds)
        self.outcome.seconds = time.monotonic() - start
        self.outcome.ways = len(self._ways)
        self.outcome.findings = list(self._findings.values())
        return self.outcome

    def _batch(self, count: int, start: float, seconds: float | None) -> None:
        self._seed += 1

        @seed(self._seed)
        @settings(
            max_examples=count, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(st.randoms(use_true_random=True), st.lists(st.text(max_size=6) | st.binary(max_size=6), max_size=3))
        def one(random: Random, spices: list[str | bytes]) -> None:
            if seconds is None or time.monotonic() - start < seconds:
                self._try(self._input(random, spices))

        one()

    def _input(self, random: Random, spices: Sequence[str | bytes]) -> bytes:
        target = self._target
        if not target.is_mutated:
            return target.make(random)
        body = random.choice(self._kept) if self._kept and random.random() < 0.5 else target.make(random)
        if random.random() < 0.25:
            return body[:MAX_BYTES]
        lent = [spice.encode("utf-8", "surrogatepass") if isinstance(spice, str) else spice for spice in spices]
        return mutate(random, body, lent + self._kept[-40:])

    def _try(self, body: bytes) -> None:
        self.outcome.inputs += 1
        try:
            way = check_within_limits(self._target, body)
        except Exception as error:  # noqa: BLE001 - whatever escapes is what is looked for
            self._note(body, error)
            return
        if way not in self._ways:
            self._ways.add(way)
            if len(body) <= MAX_BYTES // 8:
                self._kept.append(body)
                del self._kept[:-_MOST_KEPT]

    def _note(self, body: bytes, error: Exception) -> None:
        what = signature_of(error)
        if what in self._findings:
            self._findings[what].times += 1
            return
        small = self._smaller(body, what) if self._target.is_mutated else body
        trace = "".join(traceback.format_exception(error)[-6:])
        self._findings[what] = Finding(self._target.name, what, trace, small, self._keep(small))

    def _keep(self, body: bytes) -> Path | None:
        if self._folder is None:
            return None
        folder = self._folder / self._target.name
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / hashlib.sha256(body).hexdigest()[:16]
        file.write_bytes(body)
        return file

    def _smaller(self, body: bytes, what: str) -> bytes:
        """Return a part of the body that fails in the same way, without pieces that do not matter."""
        end, length = time.monotonic() + _REDUCTION_SECONDS, max(1, len(body) // 2)
        while length and time.monotonic() < end:
            at, has_shrunk = 0, False
            while at < len(body) and time.monotonic() < end:
                shorter = body[:at] + body[at + length :]
                if self._fails(shorter, what):
                    body, has_shrunk = shorter, True
                else:
                    at += length
            length = min(length, len(body)) if has_shrunk and length == 1 else length // 2
        return body

    def _fails(self, body: bytes, what: str) -> bool:
        try:
            check_within_limits(self._target, body)
        except Exception as error:  # noqa: BLE001 - the same failure is looked for
            return signature_of(error) == what
        return False


def signature_of(error: Exception) -> str:
    """Return what tells one bug from another: the error, and the line of ours that it came from."""
    if isinstance(error, BrokenError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename and "/lib/python" not in frame.filename]
    last = ours[-1] if ours else frames[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
