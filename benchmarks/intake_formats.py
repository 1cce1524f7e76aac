"""Intake formats: each reader beside the library it stands on, bodies to journaled rows, and the memory of large ones.

A body is read in this process for the first, and posted to a real ingest on real servers for the others; evaluator and
notifier are off.
"""

import asyncio
import csv
import datetime as dt
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import defusedxml.ElementTree
import httpx
import msgspec
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from benchmarks.figures import MILLISECONDS, Goal, Result, differing, percentile
from benchmarks.processes import memory_mb
from benchmarks.rig import Rig, Setup, start
from benchmarks.values import FIGURES, body_of, large_body, write_profile
from benchmarks.workload import AS_OF, SCALES, write_catalog
from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.adapters.intake import alias_tables, read_all
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.tokens import Grant
from shared.catalog.load import load_catalog

VALUES_PER_ROW: Final = len(FIGURES)
READ_ROWS: Final = 5_000
SHEET_ROWS: Final = 20_000
POSTED_ROWS: Final = 1_000
POSTS: Final = 20
ADX_ROWS: Final = 5_000
CONNECTIONS: Final = 2
LARGE_BYTES: Final = 100_000_000
LARGE_FORMATS: Final = (
    PayloadFormat.DHIS2, PayloadFormat.DHIS2_CSV, PayloadFormat.DHIS2_XML, PayloadFormat.ADX, PayloadFormat.FHIR,
    PayloadFormat.NDJSON, PayloadFormat.NATIVE_JSON,
)  # fmt: skip
GOALS: Final = (
    Goal("dhis2_values_per_s", 50_000),
    Goal("csv_values_per_s", 50_000),
    Goal("adx_50k_s", 2, at_most=True),
    Goal("xlsx_20k_rows_read_s", 2, at_most=True),
)
LARGE_GOALS: Final = (Goal("ingest_mb", 300, at_most=True),)
_JOURNALED: Final = text("SELECT count(*) FROM ingest.journal")
_TIMEOUT: Final = 900.0
_CONTENT_TYPES: Final = {
    PayloadFormat.DHIS2_XML: "application/xml",
    PayloadFormat.DHIS2_CSV: "text/csv",
    PayloadFormat.ADX: "application/xml",
    PayloadFormat.NDJSON: "application/x-ndjson",
    PayloadFormat.SPREADSHEET: "application/octet-stream",
}


def _elements(body: bytes) -> int:
    return sum(1 for _ in defusedxml.ElementTree.iterparse(io.BytesIO(body)))


def _cells(body: bytes) -> int:
    return sum(map(len, CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).iter_rows()))


# What reads the text of each format without knowing what it means.
_BARE: Final[dict[PayloadFormat, tuple[str, Callable[[bytes], object]]]] = {
    PayloadFormat.DHIS2: ("msgspec", msgspec.json.decode),
    PayloadFormat.DHIS2_CSV: ("csv", lambda body: len(list(csv.reader(io.StringIO(body.decode()))))),
    PayloadFormat.DHIS2_XML: ("iterparse", _elements),
    PayloadFormat.ADX: ("iterparse", _elements),
    PayloadFormat.FHIR: ("msgspec", msgspec.json.decode),
    PayloadFormat.SPREADSHEET: ("calamine", _cells),
}


@dataclass(frozen=True)
class _Read:
    """How long one body took: by the library alone, to data values, to drafts."""

    library: str
    values: int
    bare_s: float
    values_s: float
    drafts_s: float
    bad: int

    def as_json(self) -> dict[str, Any]:
        """Return values a second by step."""
        return {
            "values": self.values,
            f"{self.library}_values_per_s": round(self.values / self.bare_s),
            "read_values_per_s": round(self.values / self.values_s),
            "drafts_values_per_s": round(self.values / self.drafts_s),
        }


async def run(name: str) -> Result:
    """Measure the readers in this process, then bodies posted to an ingest."""
    with TemporaryDirectory(prefix="datchuan-bench-") as folder:
        reads = await _read_all(Path(folder) / "catalog")
    setup = Setup("national", services=("ingest",), add_to_catalog=write_profile)
    async with start(setup) as rig:
        posted, wrong = await _post_all(rig)
    wrong += tuple(f"{format_} had {read.bad} bad rows" for format_, read in reads.items() if read.bad)
    return Result(
        name=name,
        what=f"data values in every format: read alone, and posted in bodies of {POSTED_ROWS * VALUES_PER_ROW:,}",
        figures=posted | {"xlsx_20k_rows_read_s": round(reads[PayloadFormat.SPREADSHEET].values_s, 2)},
        goals=GOALS,
        details={"readers": {format_.value: read.as_json() for format_, read in reads.items()}},
        wrong=wrong,
    )


async def _read_all(catalog_folder: Path) -> dict[PayloadFormat, _Read]:
    write_catalog(SCALES["national"], catalog_folder)
    write_profile(catalog_folder)
    catalog = load_catalog(catalog_folder)
    readers, normalizer = all_readers(catalog).values, Normalizer(catalog)
    table = alias_tables(catalog)["hmis"]
    reads = {}
    for format_, (library, bare) in _BARE.items():
        count = SHEET_ROWS if format_ is PayloadFormat.SPREADSHEET else READ_ROWS
        body = body_of(format_, count)
        times = []
        for _ in range(2):  # the first time also fills what is remembered
            begun = time.perf_counter()
            bare(body)
            parsed = time.perf_counter()
            values = len(list((await readers[format_](body, Wishes(), table)).rows))
            valued = time.perf_counter()
            reading = Reading(format_)
            now = dt.datetime.combine(AS_OF, dt.time(), dt.UTC)
            opened = await readers[format_](body, Wishes(), table)
            await read_all(read_values(opened.rows, Desk(normalizer, Grant("hmis", frozenset()), now), reading, table))
            times.append((parsed - begun, valued - parsed, time.perf_counter() - valued))
        bare_s, values_s, drafts_s = times[-1]
        reads[format_] = _Read(library, values, bare_s, values_s, drafts_s, len(reading.bad))
    return reads


async def _post_all(rig: Rig) -> tuple[dict[str, float], tuple[str, ...]]:
    client = _client(rig)
    figures: dict[str, float] = {}
    wrong: list[str] = []
    async with client:
        for times, (name, format_) in enumerate((("dhis2", PayloadFormat.DHIS2), ("csv", PayloadFormat.DHIS2_CSV))):
            seconds, taken = await _timed(rig, client, format_, _bodies(format_, times))
            values = POSTED_ROWS * POSTS * VALUES_PER_ROW
            figures[f"{name}_values_per_s"] = round(values / seconds)
            wrong += differing({f"{name} journaled": values // 2}, {f"{name} journaled": taken})
        for name, format_, count in (
            ("adx_50k_s", PayloadFormat.ADX, ADX_ROWS),
            ("xlsx_20k_rows_journaled_s", PayloadFormat.SPREADSHEET, SHEET_ROWS),
        ):
            seconds, taken = await _timed(rig, client, format_, [body_of(format_, count)])
            figures[name] = round(seconds, 2)
            wrong += differing({f"{name} journaled": count * VALUES_PER_ROW // 2}, {f"{name} journaled": taken})
    figures["ingest_mb"] = memory_mb()["ingest"]
    return figures, tuple(wrong)


def _bodies(format_: PayloadFormat, times: int) -> list[bytes]:
    """Return bodies that together hold the same values as one large one."""
    whole = body_of(format_, POSTED_ROWS * POSTS, times)
    if format_ is PayloadFormat.DHIS2_CSV:
        head, *lines = whole.splitlines(keepends=True)
        step = len(lines) // POSTS
        return [head + b"".join(lines[at : at + step]) for at in range(0, len(lines), step)]
    values = msgspec.json.decode(whole)["dataValues"]
    step = len(values) // POSTS
    return [msgspec.json.encode({"dataValues": values[at : at + step]}) for at in range(0, len(values), step)]


async def _timed(rig: Rig, client: httpx.AsyncClient, format_: PayloadFormat, bodies: list[bytes]) -> tuple[float, int]:
    """Post bodies and return how many seconds that took and how many reports it journaled."""
    before = await _journaled(rig)
    begun = time.perf_counter()
    await _post(client, format_, bodies)
    seconds = time.perf_counter() - begun
    return seconds, await _journaled(rig) - before


async def _journaled(rig: Rig) -> int:
    async with rig.engine.connect() as connection:
        return int(await connection.scalar(_JOURNALED) or 0)


def _client(rig: Rig) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {rig.token}"}
    return httpx.AsyncClient(base_url=rig.stack.url("ingest"), headers=headers, timeout=_TIMEOUT, trust_env=False)


async def _post(client: httpx.AsyncClient, format_: PayloadFormat, bodies: list[bytes]) -> None:
    """Post bodies over two connections, each as soon as its last was answered."""
    waiting = list(reversed(bodies))

    async def go() -> None:
        while waiting:
            await _post_one(client, format_, waiting.pop())

    await asyncio.gather(*(go() for _ in range(CONNECTIONS)))


async def _post_one(client: httpx.AsyncClient, format_: PayloadFormat, body: bytes) -> dict[str, Any]:
    content_type = _CONTENT_TYPES.get(format_, "application/json")
    answer = await client.post("/v1/import", content=body, headers={"Content-Type": content_type})
    if not answer.is_success:
        raise RuntimeError(f"{format_.value} was answered with {answer.status_code}: {answer.text[:500]}")
    report: dict[str, Any] = answer.json()
    return report


async def run_large(name: str, size: int = LARGE_BYTES, formats: tuple[PayloadFormat, ...] = LARGE_FORMATS) -> Result:
    """Post one body of 100 MB in each format, with another sender beside it: the memory of ingest and their times."""
    setup = Setup("national", services=("ingest",), add_to_catalog=write_profile)
    details: dict[str, Any] = {}
    wrong: list[str] = []
    async with start(setup) as rig, _client(rig) as client:
        idle_mb = memory_mb()["ingest"]
        for format_ in formats:
            body, count = await asyncio.to_thread(large_body, format_, size)
            single = _FIGURES_PER_ROW.get(format_, VALUES_PER_ROW)
            beside: list[float] = []
            onlooker = asyncio.create_task(_post_beside(client, beside))
            begun = time.perf_counter()
            report = await _post_one(client, format_, body)
            seconds = time.perf_counter() - begun
            onlooker.cancel()
            wrong += differing({f"{format_.value} rows": count * single}, {f"{format_.value} rows": report["rows"]})
            wrong += differing({f"{format_.value} set aside": 0}, {f"{format_.value} set aside": report["quarantined"]})
            details[format_.value] = {
                "seconds": round(seconds, 1), "rows": report["rows"], "rows_per_s": round(report["rows"] / seconds),
                "ingest_mb": memory_mb()["ingest"],
                "beside_p50_ms": round(percentile(beside, 0.5) * MILLISECONDS, 1),
                "beside_p99_ms": round(percentile(beside, 0.99) * MILLISECONDS, 1),
            }  # fmt: skip
            del body
    return Result(
        name=name,
        what=f"one body of {size // 1_000_000} MB in each of {len(formats)} formats, one after the other",
        figures={"ingest_mb": max(found["ingest_mb"] for found in details.values()), "idle_mb": idle_mb},
        goals=LARGE_GOALS,
        details={"bodies": details},
        wrong=tuple(wrong),
    )


_FIGURES_PER_ROW: Final = {PayloadFormat.NDJSON: VALUES_PER_ROW // 2, PayloadFormat.NATIVE_JSON: VALUES_PER_ROW // 2}


async def _post_beside(client: httpx.AsyncClient, times: list[float]) -> None:
    """Post one event after the other, as another sender does, and note how long each took."""
    number = 0
    while True:
        event = {
            "id": f"beside-{number}", "commune": "X00001", "indicator": "15.2", "period": "202601", "value": True,
            "observed_at": "2027-01-01T00:00:00Z",
        }  # fmt: skip
        begun = time.perf_counter()
        await client.post("/v1/events", json=event)
        times.append(time.perf_counter() - begun)
        number += 1
        await asyncio.sleep(0.02)
