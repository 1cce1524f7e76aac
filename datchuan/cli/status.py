"""`datchuan status`: the verdicts of a commune, or how districts, provinces and the notifier stand."""

import datetime as dt
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.communes import ANY_LEVEL, find_unit, place
from datchuan.cli.output import JsonOption, console, print_json, table
from datchuan.cli.session import Session
from datchuan.cli.standing import next_reports, standing_document, standing_table
from datchuan.cli.verdicts import status_document, status_row
from datchuan.labels import status_vi
from services.evaluator.adapters import queries
from services.notifier.adapters.standing import standing
from shared.catalog.catalog import Catalog
from shared.catalog.units import AdminUnit
from shared.contracts.labels_vi import STATUS_VI
from shared.contracts.vocabulary import VerdictStatus

NOTE_VI = "Chỉ là phần y tế của các bộ tiêu chí; không phải kết luận về danh hiệu nông thôn mới."


def status(
    commune: Annotated[
        str | None, typer.Argument(help="Code, id or whole name of a commune; all districts when left out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the verdicts of a commune; or the counts of all districts and provinces, and how the notifier stands."""
    session = Session()
    catalog = session.catalog()

    async def overview(engine: AsyncEngine) -> None:
        await _overview(engine, catalog, session.clock().now(), as_json)

    async def of_unit(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            as_of = await day_of(engine, session.clock().today())
            unit = find_unit(catalog, commune or "", as_of, ANY_LEVEL)
            found = await queries.unit_status(connection, catalog, unit.id, as_of)
        _print_unit(catalog, unit, as_of, found, as_json)

    session.run(of_unit if commune else overview)


async def day_of(engine: AsyncEngine, today: dt.date) -> dt.date:
    """Return the day that the stored verdicts belong to, today before there are any."""
    async with engine.connect() as connection:
        state = await queries.writer_state(connection)
    return state[0] if state else today


def _print_unit(
    catalog: Catalog, unit: AdminUnit, as_of: dt.date, found: list[queries.NodeStatus], as_json: bool
) -> None:
    if as_json:
        verdicts = [status_document(one, unit) for one in found]
        unit_document = {"unit": unit.id, "code": unit.code, "name_vi": unit.name_vi}
        print_json({**unit_document, "as_of": as_of, "note_vi": NOTE_VI, "verdicts": verdicts})
        return
    out = console()
    shown = table(
        f"{place(catalog, unit)}, ngày {as_of.strftime('%d/%m/%Y')}",
        "mã", "chỉ tiêu", "giá trị", "yêu cầu", "kết luận", "lý do / reason", "từ ngày", "tin cậy",
        whole=("mã", "kết luận", "từ ngày"),
    )  # fmt: skip
    for one in found:
        shown.add_row(*status_row(one, unit))
    out.print(shown)
    out.print(NOTE_VI)


async def _overview(engine: AsyncEngine, catalog: Catalog, now: dt.datetime, as_json: bool) -> None:
    async with engine.connect() as connection:
        state = await queries.writer_state(connection)
        rollups = provinces_first(catalog, await queries.rollups(connection))
        by_node = await queries.communes_by_node(connection)
        transitions = await queries.transition_count(connection)
    notifier, reports = await standing(engine, now), next_reports(catalog, now)
    if as_json:
        told = {"notifier": standing_document(notifier, reports)}
        nodes = [{"node": n, "status": s, "units": count} for (n, s), count in sorted(by_node.items())]
        day = {"as_of": state[0], "catalog": state[1]} if state else {"as_of": None, "catalog": None}
        print_json({**day, "note_vi": NOTE_VI, "transitions": transitions, "rollups": rollups, "nodes": nodes, **told})
        return
    out = console()
    if state is None:
        out.print("No verdict is stored yet: no evaluator has run on this database.")
        return
    out.print(f"Ngày {state[0].strftime('%d/%m/%Y')}; {transitions} transitions so far. {NOTE_VI}")
    out.print(_rollup_table(catalog, rollups))
    out.print(_node_table(by_node))
    out.print(standing_table(notifier, reports))


def provinces_first(catalog: Catalog, rollups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the counts in the order of the provinces, each followed by its districts."""

    def place_of(row: dict[str, Any]) -> tuple[str, ...]:
        unit = catalog.unit_by_id.get(row["unit"])
        if unit is None:
            return ("~", row["unit"], row["standard"])
        above = [ancestor.id for ancestor in catalog.ancestors(unit)]
        return (*reversed(above), unit.id, "", row["standard"])

    return sorted(rollups, key=place_of)


def _rollup_table(catalog: Catalog, rollups: list[dict[str, Any]]) -> Any:
    columns = [STATUS_VI[status] for status in VerdictStatus]
    shown = table("Số đơn vị theo phần y tế của bộ tiêu chí", "huyện, tỉnh", "bộ tiêu chí", "tổng số", *columns)
    for row in rollups:
        unit = catalog.unit_by_id.get(row["unit"])
        standard = catalog.standard_by_id.get(row["standard"])
        counts = [str(row[status.value]) for status in VerdictStatus]
        shown.add_row(
            unit.name_vi if unit else row["unit"],
            f"phần y tế – {standard.name_vi}" if standard else row["standard"],
            str(row["total"]),
            *counts,
        )
    return shown


def _node_table(by_node: dict[tuple[str, str], int]) -> Any:
    shown = table("Số đơn vị theo kết luận", "mã", *(status_vi(status.value) for status in VerdictStatus))
    for node in sorted({node for node, _ in by_node}, key=_natural):
        shown.add_row(node, *(str(by_node.get((node, status.value), 0)) for status in VerdictStatus))
    return shown


def _natural(node: str) -> tuple[str, list[int]]:
    standard, _, code = node.partition("/")
    return standard, [int(part) for part in code.split(".") if part.isdigit()]
