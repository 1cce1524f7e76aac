"""`datchuan verify`: is what is stored what the journal makes?"""

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan import verification
from datchuan.cli.output import JsonOption, console, print_json, table
from datchuan.cli.session import Session
from datchuan.errors import FINDINGS, CommandError
from services.evaluator.adapters import queries

_SHOWN = 50


def verify(as_json: JsonOption = False) -> None:
    """Recompute every verdict from the journal and compare it with what is stored; status 1 when any differ."""
    session = Session()
    catalog = session.catalog()

    async def work(engine: AsyncEngine) -> verification.Verification:
        async with engine.connect() as connection:
            state = await queries.writer_state(connection)
        if state is not None and state[1] != catalog.digest:
            raise CommandError(
                f"the stored verdicts belong to the catalog {state[1]}, this one is {catalog.digest}",
                "Set DATCHUAN_CATALOG as the evaluator has it.",
            )
        return await verification.verify(engine, catalog)

    found = session.run(work)
    if as_json:
        print_json(found.as_json())
    else:
        _print(found)
    if found.differences:
        raise typer.Exit(FINDINGS)


def _print(found: verification.Verification) -> None:
    out = console()
    out.print(
        f"{found.events} journaled reports, {found.verdicts} verdicts of {found.communes} communes: "
        f"{len(found.differences)} difference(s). {found.waiting} report(s) wait, {found.buried} are dead letters."
    )
    if not found.differences:
        return
    shown = table("", "kind", "unit", "what", "stored", "expected")
    for difference in found.differences[:_SHOWN]:
        shown.add_row(difference.kind, difference.unit, difference.item, difference.stored, difference.expected)
    out.print(shown)
