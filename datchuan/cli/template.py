"""`datchuan template`: an empty form for those who send spreadsheets, with the communes of a district if wished."""

import datetime as dt
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from datchuan.cli.communes import find_unit
from datchuan.cli.output import JsonOption, console, print_json, say, table
from datchuan.cli.session import Session
from datchuan.errors import USAGE, CommandError
from services.ingest.adapters.formats.form_workbook import Commune, csv_of, workbook_of
from shared.catalog.catalog import Catalog
from shared.catalog.forms import Form
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import UnitLevel

_ABOVE = frozenset({UnitLevel.DISTRICT, UnitLevel.PROVINCE})


class TemplateFormat(StrEnum):
    """How an empty form is written."""

    XLSX = "xlsx"
    CSV = "csv"


def template(
    form: Annotated[str | None, typer.Argument(help="Id of a form; all are listed when it is left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; FORM.xlsx or FORM.csv here when left out.")] = None,
    format_: Annotated[
        TemplateFormat | None, typer.Option("--format", help="xlsx or csv; by the name of --out when left out.")
    ] = None,
    district: Annotated[
        list[str] | None, typer.Option(help="Begin with the communes of this district or province: code or name.")
    ] = None,
    commune: Annotated[list[str] | None, typer.Option(help="Begin with this commune: code or name.")] = None,
    on: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day whose communes are meant; today.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write an empty form that, filled in, `datchuan import` reads; or list the forms of the catalog."""
    session = Session()
    catalog = session.catalog()
    if form is None:
        _list(catalog, as_json=as_json)
        return
    chosen = catalog.form_by_id.get(form)
    if chosen is None:
        raise CommandError(f"There is no form {form!r}", f"Name one of {', '.join(catalog.form_by_id)}.", USAGE)
    day = on.date() if on else session.clock().today()
    communes = _communes(catalog, district or [], commune or [], day)
    written = format_ or _format_of(out)
    file = out or Path(f"{chosen.id}.{written.value}")
    content = _content(chosen, written, catalog, communes)
    try:
        file.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{file} cannot be written ({error.strerror})", "Name another file with --out.") from error
    if as_json:
        print_json({"form": chosen.id, "file": str(file), "rows": len(communes), "named_only": chosen.named_only})
    else:
        say(f"{file} is the empty form {chosen.id} ({chosen.name_vi}), with {len(communes)} communes.")
        if chosen.named_only:
            say(f"It is read only when it is named: datchuan import --form {chosen.id}, or form={chosen.id}.")


def _list(catalog: Catalog, *, as_json: bool) -> None:
    if as_json:
        print_json([{"id": form.id, "name_vi": form.name_vi, "named_only": form.named_only} for form in catalog.forms])
        return
    listed = table("", "form", "name", "columns")
    for form in catalog.forms:
        name = f"{form.name_vi} (send with --form {form.id})" if form.named_only else form.name_vi
        listed.add_row(form.id, name, ", ".join(column.title for column in form.required))
    console().print(listed)


def _format_of(out: Path | None) -> TemplateFormat:
    if out is None or out.suffix == ".xlsx":
        return TemplateFormat.XLSX
    if out.suffix == ".csv":
        return TemplateFormat.CSV
    raise CommandError(f"{out} is neither .xlsx nor .csv", "Say --format xlsx or --format csv.", USAGE)


def _content(form: Form, written: TemplateFormat, catalog: Catalog, communes: list[Commune]) -> bytes:
    if written is TemplateFormat.CSV:
        return csv_of(form, communes)
    return workbook_of(form, catalog.indicator_by_key, communes)


def _communes(catalog: Catalog, above: list[str], single: list[str], day: dt.date) -> list[Commune]:
    """Return code and name of the communes that were asked for, each once, as they are on a day."""
    units: dict[str, AdminUnit] = {}
    for text in above:
        top = find_unit(catalog, text, day, _ABOVE)
        for unit in catalog.units:
            is_below = any(ancestor.id == top.id for ancestor in catalog.ancestors(unit))
            if unit.level is UnitLevel.COMMUNE and unit.in_force(day) and is_below:
                units[unit.id] = unit
    for text in single:
        unit = find_unit(catalog, text, day)
        units[unit.id] = unit
    if above and not units:
        raise CommandError(f"{', '.join(above)} has no communes on {day}", "Give another day with --on.", USAGE)
    return [(unit.code, unit.name_vi) for unit in units.values()]
