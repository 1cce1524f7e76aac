"""`datchuan rejudge`: what would a rule change do? The journal judged by another catalog; nothing is written."""

import time
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan import rejudging
from datchuan.cli.output import JsonOption, console, print_json, table
from datchuan.cli.session import Session, open_catalog, parse_day
from datchuan.cli.status import day_of
from datchuan.labels import reason_vi, status_vi
from services.evaluator.domain.findings import Finding

_NONE_VI = "không xét"


def rejudge(
    catalog_folder: Annotated[
        Path | None, typer.Argument(metavar="[CATALOG]", help="Folder of the candidate catalog; else the present one.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", help="Judge as of this day (YYYY-MM-DD).")] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many changed verdicts to show in detail.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Judge the whole journal by a candidate catalog and show which verdicts would change. Writes nothing."""
    session = Session()
    catalog = session.catalog() if catalog_folder is None else open_catalog(catalog_folder)

    async def work(engine: AsyncEngine) -> tuple[rejudging.Rejudgement, float]:
        as_of = parse_day(at, await day_of(engine, session.clock().today()))
        begun = time.perf_counter()
        found = await rejudging.rejudge(engine, catalog, as_of)
        return found, time.perf_counter() - begun

    found, seconds = session.run(work)
    if as_json:
        print_json(found.as_json(limit) | {"seconds": round(seconds, 3)})
    else:
        _print(found, seconds, limit)


def _print(found: rejudging.Rejudgement, seconds: float, limit: int) -> None:
    out = console()
    units = len({change.unit for change in found.changes})
    out.print(
        f"{found.events} journaled reports judged by catalog {found.catalog} as of {found.as_of}, in {seconds:.1f} s: "
        f"{len(found.changes)} of {len(found.judged.findings)} verdicts would change, in {units} units. "
        "Nothing was written."
    )
    if not found.changes:
        return
    counts = table("", "node", "từ", "thành", "số đơn vị")
    for (node, before, after), number in found.by_direction.items():
        counts.add_row(node, _word(before), _word(after), str(number))
    out.print(counts)
    if not limit:
        return
    details = table("", "đơn vị", "node", "từ", "thành")
    for change in found.changes[:limit]:
        details.add_row(change.unit, change.node, _words(change.before), _words(change.after))
    out.print(details)


def _word(status: str) -> str:
    return _NONE_VI if status == rejudging.NOT_JUDGED else str(status_vi(status))


def _words(found: Finding | None) -> str:
    return _NONE_VI if found is None else f"{status_vi(found.status)} – {reason_vi(found.reason)}"
