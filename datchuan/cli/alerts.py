"""`datchuan alerts`: which alerts there are, how each stands, and acknowledging one."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.alert_table import print_alerts
from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, moment, named, print_json, say, table
from datchuan.cli.session import Session
from datchuan.errors import USAGE, CommandError
from services.notifier.adapters import queries
from services.notifier.adapters.acknowledging import SqlAcknowledging
from services.notifier.adapters.alert_pages import (
    STANDING,
    AlertFilter,
    AlertState,
    AlertView,
    alert_page,
    alert_with,
)
from services.notifier.adapters.documents import alert_document, told_document
from services.notifier.domain.matchers import NotFoundError, nodes_named, responsible_named, subtree, unit_named
from services.notifier.domain.silence_requests import AUTHOR_CHARACTERS, line_of
from shared.catalog.catalog import Catalog
from shared.contracts.labels_vi import GROUP_VI
from shared.contracts.vocabulary import AlertKind

commands = new_group("Alerts as they stand at this moment: open, acknowledged, silenced or ended.")

IdArgument = Annotated[str, typer.Argument(metavar="ID")]
ByOption = Annotated[str, typer.Option("--by", help="Who does this: name and post.")]
NoteOption = Annotated[str, typer.Option("--note", help="What the audit is to keep with it.")]


@commands.command("list")
def list_alerts(
    unit: Annotated[list[str] | None, typer.Option("--unit", help="A unit with all below it.")] = None,
    node: Annotated[
        list[str] | None, typer.Option("--node", help="A chỉ tiêu (15.1 or xa_ntm/15.1), tiêu chí or standard.")
    ] = None,
    kind: Annotated[list[AlertKind] | None, typer.Option("--kind", help="Only alerts of this kind.")] = None,
    state: Annotated[list[AlertState] | None, typer.Option("--state", help="All but ended when left out.")] = None,
    responsible_unit: Annotated[
        list[str] | None, typer.Option("--responsible-unit", help="Only what this unit is told of.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 100,
    after: Annotated[str | None, typer.Option("--after", metavar="ID", help="Only those behind this id.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List alerts in the order of their ids; each option may be given again for more."""
    session = Session()
    catalog, clock = session.catalog(), session.clock()
    try:
        units = _union(unit, lambda text: subtree(catalog, unit_named(catalog, text, clock.today())))
        asked = AlertFilter(
            states=state or STANDING,
            units=units,
            nodes=_union(node, lambda text: nodes_named(catalog, text, clock.today(), units)),
            kinds=kind or None,
            responsible_units=_union(responsible_unit, lambda text: responsible_named(catalog, text)),
        )
    except NotFoundError as error:
        raise CommandError(str(error), error.remedy, USAGE) from error

    async def work(engine: AsyncEngine) -> list[AlertView]:
        return await alert_page(engine, asked, clock.now(), after=after, limit=limit + 1)

    views = session.run(work)
    shown, is_cut = views[:limit], len(views) > limit
    if as_json:
        rest = shown[-1].alert.id if is_cut else None
        print_json({"alerts": [alert_document(catalog, view) for view in shown], "next_after": rest})
        return
    print_alerts(console(), catalog, shown)
    if is_cut:
        say(f"and more: --after {shown[-1].alert.id}")


@commands.command("show")
def show(alert_id: IdArgument, as_json: JsonOption = False) -> None:
    """Show one alert with what silences or acknowledges it, and all that was told of it."""
    session = Session()
    catalog = session.catalog()
    _print_one(_found(session, catalog, alert_id), as_json=as_json)


@commands.command("acknowledge")
def acknowledge(alert_id: IdArgument, by: ByOption, note: NoteOption = "", as_json: JsonOption = False) -> None:
    """Acknowledge an open alert: nobody is reminded of it any more, and nothing escalates."""
    session = Session()
    catalog = session.catalog()
    name = _name_of(by)

    async def work(engine: AsyncEngine) -> bool:
        return await SqlAcknowledging(engine, catalog, session.clock(), "cli").acknowledge(
            alert_id, name, line_of(note)
        )

    if not session.run(work):
        raise CommandError(f"there is no open alert {alert_id!r}", "See `datchuan alerts list`.")
    document = _found(session, catalog, alert_id)
    if as_json:
        print_json(document)
        return
    # An alert that has ended since is acknowledged no more.
    held = document["acknowledged"] or {"by": name, "at": session.clock().now(), "until": None}
    until = f", until {moment(held['until'])}" if held["until"] is not None else ""
    say(f"{alert_id} is acknowledged by {held['by']} since {moment(held['at'])}{until}")


@commands.command("unacknowledge")
def unacknowledge(alert_id: IdArgument, by: ByOption, note: NoteOption = "", as_json: JsonOption = False) -> None:
    """Take an acknowledgement back: reminders and escalation go on."""
    session = Session()
    catalog = session.catalog()
    name = _name_of(by)

    async def work(engine: AsyncEngine) -> bool:
        return await SqlAcknowledging(engine, catalog, session.clock(), "cli").take_back(alert_id, name, line_of(note))

    if not session.run(work):
        raise CommandError(f"{alert_id!r} is no acknowledged alert", "See `datchuan alerts list --state acknowledged`.")
    if as_json:
        print_json(_found(session, catalog, alert_id))
    else:
        say(f"{alert_id} is no longer acknowledged")


def _found(session: Session, catalog: Catalog, alert_id: str) -> dict[str, Any]:
    async def work(engine: AsyncEngine) -> tuple[AlertView | None, queries.Story | None]:
        view = await alert_with(engine, alert_id, session.clock().now())
        return view, await queries.story(engine, alert_id)

    view, story = session.run(work)
    if view is None or story is None:
        raise CommandError(f"there is no alert {alert_id!r}", "See `datchuan alerts list`.")
    told = [told_document(catalog, line, view.alert.key.unit) for line in story.lines]
    return alert_document(catalog, view) | {"told": told}


def _print_one(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    out = console()
    cell = GROUP_VI.get(document["cell"], document["cell"])
    out.print(named(document["id"], document["state"]))
    out.print(named("unit", document["unit"]["place_vi"]))
    out.print(named("chỉ tiêu", f"{document['node']} {document['node_vi']}{f' ({cell})' if cell else ''}"))
    out.print(named("kết luận", f"{document['status_vi']}, {document['reason_vi']}"))
    out.print(named("opened", f"{moment(document['opened_at'])}, lần thứ {document['occurrence']}"))
    if document["ended_at"] is not None:
        out.print(named("ended", f"{moment(document['ended_at'])} ({document['end_reason']})"))
    if document["flapping"]:
        out.print(named("flapping", "dao động"))
    if document["acknowledged"] is not None:
        held = document["acknowledged"]
        out.print(named("acknowledged", f"{held['by']}, {moment(held['at'])}, until {moment(held['until'])}"))
    for hush in document["silences"]:
        out.print(
            named("silenced", f"{hush['id']} until {moment(hush['ends_at'])}: {hush['reason']} ({hush['author']})")
        )
    shown = table("told", "kind", "unit", "role", "channel", "address", "status", "written", "settled")
    for line in document["told"]:
        who = (line["kind"], line["responsible_unit_vi"], line["role"], line["channel"], line["address"])
        shown.add_row(*who, line["status"], moment(line["created_at"]), moment(line["settled_at"]))
    out.print(shown)


def _name_of(by: str) -> str:
    name = line_of(by)
    if not name or len(name) > AUTHOR_CHARACTERS:
        raise CommandError("--by is no name", f"Give a name of at most {AUTHOR_CHARACTERS} characters.", USAGE)
    return name


def _union(values: list[str] | None, find: Callable[[str], Iterable[str]]) -> frozenset[str] | None:
    return frozenset(found for value in values for found in find(value)) if values else None
