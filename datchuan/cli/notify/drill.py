"""`datchuan notify drill`: a marked test to every address of a dispatch, and who was reached."""

import asyncio
import uuid
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.output import JsonOption, console, print_json, say, table
from datchuan.cli.session import Session
from datchuan.errors import FINDINGS, USAGE, CommandError
from services.notifier.adapters.drilling import DrillLine, Reached, drill_lines, start_drill
from services.notifier.domain.drills import Drill, plan_drill
from services.notifier.domain.route import name_in
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch
from shared.contracts.vocabulary import Channel

_ACTOR = "datchuan notify drill"
_PAUSE_SECONDS = 0.25
_STYLES = {Reached.REACHED: "green", Reached.REFUSED: "bold red", Reached.WAITING: "yellow"}


def drill(
    dispatch: Annotated[str | None, typer.Argument(help="Id of the dispatch; not needed when one is in force.")] = None,
    channel: Annotated[
        list[Channel] | None, typer.Option("--channel", help="Only this channel; may be given again.")
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait for the servers' answers.")] = 60,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before sending.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send a test marked [DIỄN TẬP] to every address of a dispatch and report who was reached.

    It goes the way of every alert, through the ledger and the outbox of a running notifier, so each address gets it
    once. The exit status is 0 when all were reached and 1 otherwise; what is still waiting then is sent all the same.
    """
    session = Session()
    catalog = session.catalog()
    day = session.clock().today()
    found = _dispatch(catalog, dispatch, [each for each in catalog.dispatches if each.in_force(day)])
    planned = plan_drill(catalog, found, day, uuid.uuid4().hex[:12], frozenset(channel or Channel))
    _ask(found, planned, yes=yes)
    lines = session.run(lambda engine: _run(engine, planned, timeout)) if planned.entries else []
    if as_json:
        print_json(_document(catalog, found, planned, lines))
    else:
        _print(catalog, planned, lines)
    if planned.unreachable or any(line.outcome is not Reached.REACHED for line in lines):
        raise typer.Exit(FINDINGS)


def _dispatch(catalog: Catalog, wanted: str | None, in_force: list[OfficialDispatch]) -> OfficialDispatch:
    """Return the dispatch that is meant; one that is not in force reaches nobody and gets no drill."""
    known = ", ".join(each.id for each in in_force) or "none"
    if wanted is None:
        if len(in_force) == 1:
            return in_force[0]
        raise CommandError(f"{len(in_force)} dispatches are in force today: {known}", "Name one of them.", USAGE)
    found = next((each for each in in_force if each.id == wanted), None)
    if found is None:
        what = "is not in force today" if wanted in catalog.dispatch_by_id else "is not in the catalog"
        raise CommandError(f"the dispatch {wanted!r} {what}; in force: {known}", "Name one of them.", USAGE)
    return found


def _ask(dispatch: OfficialDispatch, planned: Drill, *, yes: bool) -> None:
    places = {(entry.channel, entry.address) for entry in planned.entries}
    if not yes and places:
        question = f"Send a drill to {len(places)} address(es) of {dispatch.id} ({dispatch.issuer_vi})?"
        typer.confirm(question, abort=True, err=True)


async def _run(engine: AsyncEngine, planned: Drill, timeout_seconds: float) -> list[DrillLine]:
    """Start a drill and return its lines when every server has answered, or when the time is over."""
    await start_drill(engine, planned, _ACTOR)
    clock = asyncio.get_running_loop().time
    until = clock() + timeout_seconds
    while True:
        lines = await drill_lines(engine, planned.id)
        if all(line.outcome is not Reached.WAITING for line in lines) or clock() >= until:
            return lines
        await asyncio.sleep(_PAUSE_SECONDS)


def _document(catalog: Catalog, dispatch: OfficialDispatch, planned: Drill, lines: list[DrillLine]) -> dict[str, Any]:
    return {
        "drill": planned.id,
        "dispatch": dispatch.id,
        "counts": {outcome.value: _count(lines, outcome) for outcome in Reached},
        "unreachable": list(planned.unreachable),
        "lines": [{"name_vi": _name(catalog, line), **asdict(line)} for line in lines],
    }


def _print(catalog: Catalog, planned: Drill, lines: list[DrillLine]) -> None:
    out = console()
    counts = ", ".join(f"{_count(lines, outcome)} {outcome.value}" for outcome in Reached)
    shown = table(
        f"drill {planned.id}: {counts}", "đơn vị / unit", "kênh / channel", "địa chỉ / address", "outcome", "reply"
    )
    for line in lines:
        outcome = Text(line.outcome.value, style=_STYLES[line.outcome])
        shown.add_row(_name(catalog, line), line.channel, line.address, outcome, line.reply)
    for name in planned.unreachable:
        shown.add_row(name, "–", "–", Text("no address", style="bold red"), "")
    out.print(shown)
    if _count(lines, Reached.WAITING):
        say(
            "Some are still waiting: see that the notifier runs (`datchuan status`); they are sent when it does.",
            err=True,
        )


def _name(catalog: Catalog, line: DrillLine) -> str:
    return name_in(catalog, line.dispatch, line.responsible_unit, line.unit)


def _count(lines: list[DrillLine], outcome: Reached) -> int:
    return sum(1 for line in lines if line.outcome is outcome)
