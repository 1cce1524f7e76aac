"""`make bench WORKLOAD=FILE SCALE=province`: workload v1 through the real services and servers, from post to verdict.

The clock runs from the first post to the commit of the last verdict. The last line is one JSON object.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from pathlib import Path

import psutil
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.answers import read_answers
from benchmarks.sender import bodies_by_connection, post_all
from benchmarks.workload import SCALES, write_catalog
from datchuan.stack.environment import without_settings
from datchuan.stack.folder import DataFolder
from datchuan.stack.stack import Stack, StackOptions
from services.ingest.adapters.tokens import SqlTokenStore
from shared.contracts.streams import INDICATOR_REPORTED
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database

CONNECTIONS = 4
POLL_SECONDS = 0.01
AS_OF = dt.date(2027, 1, 15)
"""The day the services take for today: all periods of workload v1, the months of 2026, are over."""
MILLION = 1_000_000
_WAITING = text("SELECT count(*) FROM messaging.mailbox WHERE handled_at IS NULL AND stream LIKE :stream")
_LEADERLESS = text("SELECT count(*) = 0 FROM evaluator.writer_state")


async def run(workload: Path, scale_name: str, connections: int, timeout_seconds: float) -> dict[str, object]:
    """Run one workload on a fresh stack and return its figures and hashes."""
    scale = SCALES[scale_name]
    bodies = bodies_by_connection(workload, connections)
    with _folder() as folder:
        catalog = folder / "catalog"
        write_catalog(scale, catalog)
        async with _stack(folder, catalog) as (stack, engine):
            _, token = await SqlTokenStore(engine).create("bench", "hmis", ["*"])
            await _until_still(engine, timeout_seconds)
            cpu_before, started = _cpu_seconds(), time.perf_counter()
            events = await post_all(stack.url("ingest"), token, bodies)
            posted = time.perf_counter() - started
            await _until_still(engine, timeout_seconds)
            seconds = time.perf_counter() - started
            cpu = {name: spent - cpu_before[name] for name, spent in _cpu_seconds().items()}
            async with engine.connect() as connection:
                answers = await read_answers(connection, scale)
    return {
        "workload": workload.name,
        "scale": scale_name,
        "events": events,
        "seconds": round(seconds, 3),
        "events_per_s": round(events / seconds),
        "posted_seconds": round(posted, 3),
        "cpu_s_per_million": round(sum(cpu.values()) / events * MILLION, 1),
        "cpu_s_per_million_by_process": {
            name: round(spent / events * MILLION, 1) for name, spent in sorted(cpu.items())
        },
        **asdict(answers),
    }


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Yield a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="datchuan-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # root's PostgreSQL may have to run as another user, who must be able to pass
        yield folder


@contextlib.asynccontextmanager
async def _stack(folder: Path, catalog: Path) -> AsyncIterator[tuple[Stack, AsyncEngine]]:
    data = DataFolder(folder / "data")
    data.create()
    options = StackOptions(
        catalog=catalog,
        clock_offset_days=(AS_OF - SystemClock().today()).days,
        with_mail_sink=False,
        environment=without_settings(os.environ),
    )
    async with Stack(data, options, lambda line: print(line, file=sys.stderr)) as stack:
        engine = create_database(SecretStr(stack.addresses.database_url), "datchuan-bench", pool_size=1)
        try:
            yield stack, engine
        finally:
            await engine.dispose()


async def _until_still(engine: AsyncEngine, timeout_seconds: float) -> None:
    """Return once a writer leads and no report waits for its verdict."""
    async with asyncio.timeout(timeout_seconds), engine.connect() as connection:
        stream = f"{INDICATOR_REPORTED}%"
        while await connection.scalar(_LEADERLESS) or await connection.scalar(_WAITING, {"stream": stream}):
            await connection.rollback()
            await asyncio.sleep(POLL_SECONDS)


def _cpu_seconds() -> dict[str, float]:
    """Return the CPU time so far of services and servers by name; this process, which posts, does not count."""
    seconds: dict[str, float] = defaultdict(float)
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            seconds[_name(child.cmdline())] += times.user + times.system + times.children_user + times.children_system
    return seconds


def _name(command: list[str]) -> str:
    words = " ".join(command)
    return next((name for name in ("ingest", "evaluator", "notifier", "valkey", "postgres") if name in words), "other")


def main() -> None:
    """Run the benchmark and print its JSON line."""
    parser = argparse.ArgumentParser(prog="benchmarks.bench", description=__doc__)
    parser.add_argument("workload", type=Path, help="NDJSON file of workload v1")
    parser.add_argument("scale", choices=sorted(SCALES), help="the scale that the file was generated for")
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--timeout", type=float, default=600, help="seconds to wait for the last verdict")
    options = parser.parse_args()
    if not options.workload.is_file():
        parser.error(f"{options.workload} is not a file: name an NDJSON file of workload v1, WORKLOAD=FILE")
    print(json.dumps(asyncio.run(run(options.workload, options.scale, options.connections, options.timeout))))


if __name__ == "__main__":
    main()
