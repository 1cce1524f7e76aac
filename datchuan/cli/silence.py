"""`datchuan silence`: holding news back for a while, with author, reason and end. Nothing of it is ever lost."""

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, moment, print_json, say, table
from datchuan.cli.session import Session
from datchuan.cli.silence_file import read_records
from datchuan.errors import FINDINGS, USAGE, CommandError, as_sentence
from services.notifier.adapters.documents import silence_document
from services.notifier.adapters.silence_store import (
    SilenceLine,
    SqlSilences,
    new_silence_id,
    silence_with,
    silences,
)
from services.notifier.domain.matchers import NotFoundError, unit_named
from services.notifier.domain.silence_requests import Fault, InvalidSilenceError, WantedSilence, line_of, wanted_silence
from shared.catalog.catalog import Catalog

commands = new_group("Hold news back for a while: who asks for it, why, and until when. Nothing of it is lost.")

_DURATION = re.compile(r"(\d{1,4})([hd])")
_COLUMNS = ("id", "state", "units", "chỉ tiêu", "responsible units", "author", "reason", "from", "until", "ended")


@commands.command("add")
def add(
    author: Annotated[str, typer.Option("--author", help="Who asks for it: name and post.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; shown wherever the silence is.")],
    unit: Annotated[list[str] | None, typer.Option("--unit", help="A unit with all below it; again for more.")] = None,
    node: Annotated[
        list[str] | None, typer.Option("--node", help="A chỉ tiêu (15.1 or xa_ntm/15.1), tiêu chí or standard.")
    ] = None,
    responsible_unit: Annotated[
        list[str] | None, typer.Option("--responsible-unit", help="News for this unit of the dispatches only.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All news, but reports and drills.")] = False,
    until: Annotated[str | None, typer.Option("--until", help="The end, Viet Nam time: 2024-10-20T17:00.")] = None,
    lasting: Annotated[str | None, typer.Option("--for", help="How long instead of an end: 12h or 3d.")] = None,
    starts: Annotated[str | None, typer.Option("--starts", help="The start; now when left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Hold back the news that fits all of what is named, from now or a start until an end."""
    session = Session()
    now = session.clock().now()
    request = {
        "author": author, "reason": reason, "units": unit, "nodes": node, "responsible_units": responsible_unit,
        "all": everything, "starts_at": starts, "ends_at": _end(until, lasting, starts, now),
    }  # fmt: skip
    catalog = session.catalog()
    longest = dt.timedelta(days=session.settings.silence_max_days)
    try:
        wanted = wanted_silence(request, catalog, new_silence_id(), now, longest)
    except InvalidSilenceError as error:
        first = error.faults[0]
        raise CommandError(f"{first.field} {first.value!r}: {first.detail}", first.remedy, USAGE) from error

    async def work(engine: AsyncEngine) -> SilenceLine | None:
        await SqlSilences(engine, catalog, session.clock()).add([wanted])
        return await silence_with(engine, wanted.silence.id, now)

    line = session.run(work)
    if line is None:
        raise CommandError("the silence is not there any more", "See `datchuan silence list --ended`.")
    if as_json:
        print_json(silence_document(catalog, line, now))
        return
    say(f"{line.id} holds back {_scope(catalog, line)} until {moment(line.ends_at)}")


@commands.command("list")
def list_silences(
    unit: Annotated[str | None, typer.Option("--unit", help="Only those that cover this unit.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Show those that have ended, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the silences that hold or are to come, the newest first."""
    session = Session()
    catalog, now = session.catalog(), session.clock().now()
    wanted = None
    try:
        wanted = None if unit is None else unit_named(catalog, unit, session.clock().today()).id
    except NotFoundError as error:
        raise CommandError(str(error), error.remedy, USAGE) from error

    async def work(engine: AsyncEngine) -> list[SilenceLine]:
        return await silences(engine, now, unit=wanted, ended=ended)

    lines = session.run(work)
    if as_json:
        print_json({"silences": [silence_document(catalog, line, now) for line in lines]})
        return
    shown = table(f"silences: {len(lines)}", *_COLUMNS, whole=("id", "state", "from", "until"))
    for line in lines:
        shown.add_row(*_row(catalog, line, now))
    console().print(shown)


@commands.command("end")
def end(
    silence_id: Annotated[str, typer.Argument(metavar="ID")],
    by: Annotated[str, typer.Option("--by", help="Who ends it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it ends before its time.")] = "",
    as_json: JsonOption = False,
) -> None:
    """End a silence before its time; what it held back is sent, unless something else holds it."""
    session = Session()

    async def work(engine: AsyncEngine) -> bool:
        return await SqlSilences(engine, session.catalog(), session.clock()).end(
            silence_id, line_of(by), line_of(reason)
        )

    if not session.run(work):
        raise CommandError(f"there is no silence {silence_id!r} that lasts", "See `datchuan silence list`.")
    if as_json:
        print_json({"id": silence_id, "ended": True})
        return
    say(f"{silence_id} has ended")


@commands.command("import")
def import_silences(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON: a list of silences.")],
    atomic: Annotated[bool, typer.Option("--atomic", help="Take none when one of them is wrong.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take the silences of a file: the good ones, or none with --atomic. The exit status is 1 when one is wrong."""
    session = Session()
    catalog, now = session.catalog(), session.clock().now()
    longest = dt.timedelta(days=session.settings.silence_max_days)
    wanted: list[WantedSilence] = []
    refused: list[tuple[int, tuple[Fault, ...]]] = []
    for number, record in enumerate(read_records(file), start=1):
        try:
            wanted.append(wanted_silence(record, catalog, new_silence_id(), now, longest))
        except InvalidSilenceError as error:
            refused.append((number, error.faults))
    taken = [] if atomic and refused else wanted

    async def work(engine: AsyncEngine) -> None:
        await SqlSilences(engine, catalog, session.clock()).add(taken)

    session.run(work)
    _tell_import(file, [each.silence.id for each in taken], refused, as_json=as_json)
    if refused:
        raise typer.Exit(FINDINGS)


def _tell_import(file: Path, taken: list[str], refused: list[tuple[int, tuple[Fault, ...]]], *, as_json: bool) -> None:
    if as_json:
        faults = [{"record": number, **msgspec.to_builtins(fault)} for number, found in refused for fault in found]
        print_json({"file": file, "imported": taken, "refused": len(refused), "errors": faults})
        return
    say(f"{file}: {len(taken)} silence(s) imported, {len(refused)} refused")
    for number, found in refused:
        for fault in found:
            value = f" {fault.value!r}" if fault.value else ""
            say(
                f"  record {number}, {fault.field or 'record'}{value}: {as_sentence(fault.detail)} {fault.remedy}",
                err=True,
            )


def _end(until: str | None, lasting: str | None, starts: str | None, now: dt.datetime) -> Any:
    if (until is None) is (lasting is None):
        raise CommandError("a silence has one end", "Give --until or --for.", USAGE)
    if lasting is None:
        return until
    found = _DURATION.fullmatch(lasting)
    if found is None:
        raise CommandError(f"{lasting!r} is no duration", "Write it as 12h or 3d.", USAGE)
    if starts is not None:
        raise CommandError("--for counts from now", "Give --until together with --starts.", USAGE)
    return now + dt.timedelta(**{"hours" if found[2] == "h" else "days": int(found[1])})


def _scope(catalog: Catalog, line: SilenceLine) -> str:
    units = "all units" if line.roots is None else ", ".join(_name(catalog, root) for root in line.roots)
    nodes = "" if line.nodes is None else f"; {', '.join(line.nodes)}"
    told = "" if line.responsible_units is None else f"; for {', '.join(line.responsible_units)}"
    return f"{units}{nodes}{told}"


def _row(catalog: Catalog, line: SilenceLine, now: dt.datetime) -> tuple[str, ...]:
    units = "all" if line.roots is None else ", ".join(_name(catalog, root) for root in line.roots)
    nodes = "all" if line.nodes is None else ", ".join(line.nodes)
    told = "all" if line.responsible_units is None else ", ".join(line.responsible_units)
    by = "" if line.ended_by is None else f", {line.ended_by}"
    ended = "–" if line.ended_at is None else f"{moment(line.ended_at)}{by}"
    until = (moment(line.starts_at), moment(line.ends_at), ended)
    return (line.id, line.state(now), units, nodes, told, line.author, line.reason, *until)


def _name(catalog: Catalog, unit_id: str) -> str:
    unit = catalog.unit_by_id.get(unit_id)
    return unit_id if unit is None else f"{unit.name_vi} ({unit.code})"
