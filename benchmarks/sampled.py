"""Runs a module and samples where its CPU time goes: `python -m benchmarks.sampled FOLDER -m MODULE`.

A timer of the kernel ticks with the CPU time of the process (not while it waits) and the stack of the main thread is
noted at the next bytecode: work in C counts for the function that called it. SIGUSR1 starts the counting; the samples
are written to FOLDER/MODULE.json at the end. Needs no rights, no compiler and nothing installed.
"""

import json
import runpy
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

TICK_SECONDS = 0.002
_DEEPEST = 100


class Sampler:
    """Counts stacks, innermost function first."""

    def __init__(self) -> None:
        self._stacks: Counter[tuple[CodeType, ...]] = Counter()
        self._cpu_before = 0.0

    def begin(self, _signal: int, _frame: FrameType | None) -> None:
        """Start counting."""
        self._cpu_before = time.process_time()
        signal.signal(signal.SIGPROF, self._tick)
        signal.setitimer(signal.ITIMER_PROF, TICK_SECONDS, TICK_SECONDS)

    def end(self) -> dict[str, object]:
        """Stop counting and return the CPU seconds, and how often each stack was seen, as (file, function)."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        cpu_seconds = time.process_time() - self._cpu_before
        stacks = [(count, [_name(code) for code in codes]) for codes, count in self._stacks.most_common()]
        return {"cpu_seconds": cpu_seconds, "stacks": stacks}

    def _tick(self, _signal: int, frame: FrameType | None) -> None:
        codes: list[CodeType] = []
        while frame is not None and len(codes) < _DEEPEST:
            codes.append(frame.f_code)
            frame = frame.f_back
        self._stacks[tuple(codes)] += 1


def _name(code: CodeType) -> tuple[str, str]:
    return code.co_filename, code.co_qualname


def main() -> None:
    """Run the module and leave its samples behind."""
    folder, module = Path(sys.argv[1]), sys.argv[3]
    sampler = Sampler()
    signal.signal(signal.SIGUSR1, sampler.begin)
    sys.argv = [module]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        (folder / f"{module}.json").write_text(json.dumps(sampler.end()), encoding="utf-8")


if __name__ == "__main__":
    main()
