"""`datchuan dispatch matrix`: who leads every chỉ tiêu in every sector and commune, on screen and as pages."""

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from datchuan.cli.output import JsonOption, console, print_json, say, table
from datchuan.cli.session import Session, parse_day
from datchuan.errors import USAGE, CommandError
from datchuan.matrix.coverage import Charge, Matrix, build_matrix, day_of
from datchuan.matrix.pages import html_page, markdown_page
from datchuan.matrix.sheet import PART_VI, Sheet, lay_out
from datchuan.matrix.unjudged import unjudged
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch
from shared.catalog.missing_dispatches import cited

_STYLE = {Charge.LEAD: "green", Charge.DIRECTING: "yellow", Charge.NOBODY: "bold red"}


def matrix(
    dispatch: Annotated[
        str | None, typer.Argument(help="Id of a dispatch; without it all that are in force on the day.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="DATE", help="The day; without it today, or a dispatch's last day if it ended."),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML page to FILE.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write a page of Markdown to FILE.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show who leads every chỉ tiêu, by sector and commune; units that only direct and gaps are marked as such.

    On screen what is the same for all communes is one line. The page for a browser or a printer has every commune.

    Exit status: 0, or 2 for a question that cannot be asked.
    """
    session = Session()
    catalog, today = session.catalog(), session.clock().today()
    asked = _dispatches(catalog, dispatch, parse_day(at, today))
    if (html or markdown) and len(asked) != 1:
        raise CommandError(f"{len(asked)} dispatches cannot be one page", f"Name one: {_known(catalog)}.", USAGE)
    sheets = [lay_out(_build(catalog, found, at, today)) for found in asked]
    for path, page in ((html, html_page), (markdown, markdown_page)):
        if path is not None:
            _write(path, page(sheets[0]))
    _explain_empty(catalog, sheets)
    if as_json:
        print_json({"catalog": catalog.digest, "matrices": [_document(sheet) for sheet in sheets]})
    elif html or markdown:
        say(f"Written: {', '.join(str(path) for path in (html, markdown) if path)}")
    else:
        for sheet in sheets:
            _print_sheet(sheet)


def _explain_empty(catalog: Catalog, sheets: list[Sheet]) -> None:
    """Say on standard error, whatever is printed, why a matrix has no line."""
    for sheet in sheets:
        found = unjudged(catalog, sheet.matrix)
        if found is not None:
            say(f"{sheet.matrix.dispatch.id}: {found.what} {found.remedy}", err=True)


def _dispatches(catalog: Catalog, name: str | None, day: dt.date) -> tuple[OfficialDispatch, ...]:
    if name is not None:
        if name not in catalog.dispatch_by_id:
            raise CommandError(f"the catalog has no dispatch {name!r}", f"Give one of {_known(catalog)}.", USAGE)
        return (catalog.dispatch_by_id[name],)
    found = tuple(dispatch for dispatch in catalog.dispatches if dispatch.in_force(day))
    if not found:
        raise CommandError(
            f"no dispatch is in force on {day.isoformat()}", f"Name one of {_known(catalog)}, or a day.", USAGE
        )
    return found


def _known(catalog: Catalog) -> str:
    return ", ".join(catalog.dispatch_by_id) or "none: the catalog has no dispatch"


def _build(catalog: Catalog, dispatch: OfficialDispatch, at: str | None, today: dt.date) -> Matrix:
    day = day_of(dispatch, today) if at is None else parse_day(at, today)
    if not dispatch.in_force(day):
        first, last = dispatch.effective_from or "…", dispatch.effective_to or "…"
        raise CommandError(
            f"{dispatch.id} is not in force on {day.isoformat()}", f"Give a day from {first} to {last}.", USAGE
        )
    return build_matrix(catalog, dispatch, day)


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CommandError(f"{path} cannot be written ({reason})", "Give a file in a folder that is there.") from error


def _print_sheet(sheet: Sheet) -> None:
    out = console()
    out.print(Text(cited(sheet.matrix.dispatch), style="bold"))
    out.print(f"{sheet.number_vi}; xem cho ngày {sheet.matrix.on:%d/%m/%Y}; hiệu lực {sheet.dates_vi}. {PART_VI}")
    shown = table("", "chỉ tiêu", "ngành", "đơn vị phụ trách", "vai trò", "nơi áp dụng", "căn cứ", "để ngỏ")
    for line in sheet.lines:
        style = _STYLE[line.charge]
        words = (Text(line.owners_vi, style=style), Text(line.charge_vi, style=style))
        shown.add_row(line.code_vi, line.sector_vi or "–", *words, line.where_vi, line.sections_vi, line.gaps_vi)
    out.print(shown)
    for mark, note in sheet.notes:
        out.print(f"{mark}: {note}.")
    out.print(f"{len(sheet.lines)} line(s), {sheet.open_lines} without a lead.")


def _document(sheet: Sheet) -> dict[str, Any]:
    """Return a matrix for JSON: every row with the answer of every unit."""
    found = sheet.matrix
    rows = [
        {
            "node": row.node,
            "name_vi": row.name_vi,
            "code_confidence": row.code_confidence,
            "sector_vi": row.sector_vi,
            "answers": [{"unit": unit, **asdict(answer)} for unit, answer in row.answers.items()],
        }
        for row in found.rows
    ]
    return {
        "dispatch": found.dispatch.id,
        "at": found.on,
        "dates_confidence": found.dispatch.dates_confidence,
        "part_vi": PART_VI,
        "rows": rows,
    }
