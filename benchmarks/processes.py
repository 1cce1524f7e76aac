"""What the processes of a stack cost: CPU seconds and memory, by the name of the part."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

SENDER = "sender"
MILLION = 1_000_000
_MARKS = {
    "benchmarks.sender": SENDER,
    "shared.embedded.mailsink": "mailsink",
    "datchuan.ingest": "ingest",
    "services.evaluator": "evaluator",
    "services.notifier": "notifier",
    "valkey-server": "valkey",
    "postgres": "postgres",
}
_NOT_THE_PRODUCT = (SENDER, "other")


def _children() -> Iterator[tuple[str, psutil.Process]]:
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            words = " ".join(child.cmdline())
            yield next((name for mark, name in _MARKS.items() if mark in words), "other"), child


def cpu_seconds() -> dict[str, float]:
    """Return the CPU time so far of every part of the product below this process."""
    seconds: dict[str, float] = defaultdict(float)
    for name, child in _children():
        if name not in _NOT_THE_PRODUCT:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                # A backend that has ended is in its server's time for children.
                seconds[name] += times.user + times.system + times.children_user + times.children_system
    return dict(seconds)


def own_cpu_seconds() -> float:
    """Return the CPU time so far of this process, which only looks on."""
    times = psutil.Process().cpu_times()
    return times.user + times.system


def per_million(before: Mapping[str, float], after: Mapping[str, float], events: int) -> dict[str, float]:
    """Return the CPU seconds per million events between two readings, by part.

    >>> per_million({"ingest": 1.0}, {"ingest": 1.5, "valkey": 0.1}, 100_000)
    {'ingest': 5.0, 'valkey': 1.0}
    """
    return {name: round((after[name] - before.get(name, 0.0)) / events * MILLION, 2) for name in sorted(after)}


def memory_mb() -> dict[str, int]:
    """Return the memory of every part in MB: the peak of a service; of PostgreSQL what its processes hold together.

    PostgreSQL's processes share their buffers, so each page is counted once (PSS) there.
    """
    found: dict[str, float] = defaultdict(float)
    for name, child in _children():
        if name in _NOT_THE_PRODUCT:
            continue
        with contextlib.suppress(psutil.Error):
            if name == "postgres":
                found[name] += child.memory_full_info().pss
            else:
                found[name] += _peak_bytes(child)
    return {name: round(size / MILLION) for name, size in sorted(found.items())}


def _peak_bytes(process: psutil.Process) -> int:
    """Return the largest resident set that a process ever had, or the present one where the kernel does not say."""
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return int(process.memory_info().rss)
