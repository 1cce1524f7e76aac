"""`datchuan explain`: why a verdict is what it is: rule, source, numbers, events, history, and who is responsible."""

import datetime as dt
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.communes import ANY_LEVEL, find_unit, place
from datchuan.cli.criteria import find_rule
from datchuan.cli.explanation import explanation_document
from datchuan.cli.output import JsonOption, console, moment, named, number, print_json, table
from datchuan.cli.session import Session
from datchuan.cli.status import day_of
from datchuan.cli.verdicts import cell_line, confidences_vi, target_vi
from datchuan.errors import CommandError
from datchuan.labels import cause_vi, cell_vi, part_vi, reason_vi, role_vi, status_vi
from services.evaluator.adapters import queries
from services.evaluator.domain.facts import Measure
from services.notifier.domain.numbers_vi import date_vi
from services.notifier.domain.route import Routing, route
from shared.catalog.catalog import Catalog
from shared.catalog.rulesets import IndicatorRule
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import VerdictStatus
from shared.contracts.wire import IndicatorReported

_SHOWN_EVENTS = 3


def explain(
    commune: Annotated[str, typer.Argument(help="Code, id or whole name of the commune (or district).")],
    code: Annotated[str, typer.Argument(help="Number of the chỉ tiêu, e.g. 15.1 or xa_ntm/15.1.")],
    as_json: JsonOption = False,
) -> None:
    """Explain a verdict: value, rule, legal source, responsible units with the clause, events and history.

    A rate that misses its target is rounded away from it, so that 89,999 % never reads 90,00 %; any other is rounded to
    the nearest. One number can therefore read 94,28 % where 95 % is asked and 94,29 % where 90 % is.
    """
    session = Session()
    catalog = session.catalog()

    async def work(engine: AsyncEngine) -> None:
        as_of = await day_of(engine, session.clock().today())
        unit = find_unit(catalog, commune, as_of, ANY_LEVEL)
        rule = find_rule(catalog, code, unit.level, as_of)
        async with engine.connect() as connection:
            found = await queries.unit_status(connection, catalog, unit.id, as_of)
            facts = [fact for fact in await queries.unit_facts(connection, unit.id) if fact.indicator == rule.indicator]
            history = await queries.history(connection, unit.id, rule.node)
        status = next((one for one in found if one.node.name == rule.node), None)
        if status is None:
            raise CommandError(
                f"{rule.node} does not apply to {unit.name_vi}", "See `datchuan status` for those that do."
            )
        routings = {
            cell: route(catalog, unit.id, rule.indicator, cell, as_of, standard=rule.standard)
            for cell in concerned(catalog, status, rule)
        }
        if as_json:
            print_json(explanation_document(unit, as_of, status, facts, history, routings))
            return
        out = console()
        out.print(Text.assemble((place(catalog, unit), "bold"), f", ngày {as_of.strftime('%d/%m/%Y')}"))
        _print_verdict(out, catalog, unit, status, rule)
        for line in value_lines(status, rule):
            out.print(named("Giá trị", line))
        _print_responsible(out, routings)
        _print_facts(out, facts)
        _print_history(out, history)

    session.run(work)


def concerned(catalog: Catalog, status: queries.NodeStatus, rule: IndicatorRule) -> tuple[str, ...]:
    """Return every sex or sector that keeps a verdict from "met"; all of them when none does, "" without any."""
    cells = catalog.indicator_by_key[rule.indicator].cells
    good = (VerdictStatus.MET, VerdictStatus.NOT_APPLICABLE)
    at_fault = {cell.cell for cell in status.cells if cell.status not in good} | set(status.finding.cells)
    return tuple(cell for cell in cells if cell in at_fault) or tuple(cells) or ("",)


def value_lines(status: queries.NodeStatus, rule: IndicatorRule) -> list[str]:
    """Return the value of every cell with the period that it is of: of several periods the one that counts."""
    told = zip(status.cells, status.measures, strict=True)
    threshold = None if status.node.leaf is None else status.node.leaf.threshold
    return [cell_line(cell, rule, threshold, _period(measure)) for cell, measure in told] or ["–"]


def _period(measure: Measure | None) -> str:
    return "" if measure is None else span(measure.period_start, measure.period_end)


def span(first: dt.date, last: dt.date) -> str:
    """Return a period as officials write it.

    >>> span(dt.date(2024, 9, 1), dt.date(2024, 9, 30))
    '01/09/2024 – 30/09/2024'
    """
    return f"{date_vi(first)} – {date_vi(last)}"


def _print_verdict(
    out: Console, catalog: Catalog, unit: AdminUnit, status: queries.NodeStatus, rule: IndicatorRule
) -> None:
    threshold = status.node.leaf.threshold if status.node.leaf else None
    ruleset = catalog.ruleset_by_id[rule.ruleset]
    reason, since = reason_vi(status.finding.reason), moment(status.since)[:10]
    out.print(named("Chỉ tiêu", f"{rule.node} – {rule.name_vi}"))
    out.print(named("Kết luận", Text.assemble(status_vi(status.finding.status), f" – {reason} từ {since}")))
    out.print(named("Yêu cầu", target_vi(rule, threshold)))
    out.print(named("Độ tin cậy", "; ".join(confidences_vi(rule, unit))))
    out.print(named("Căn cứ", f"{rule.legal_source}; {ruleset.number} ({ruleset.id})"))
    out.print(named("Nguồn đã đọc", ", ".join(rule.seen_in) or "–"))


def _print_responsible(out: Console, routings: dict[str, Routing]) -> None:
    # The dispatches give both sexes to the same units: what is the same is said once, for all that it holds for.
    for routing, cells in _alike(routings):
        names = ", ".join(cell_vi(cell) for cell in cells if cell)
        shown = table(
            f"Đơn vị phụ trách: {names}" if names else "Đơn vị phụ trách", "vai trò", "đơn vị", "trích văn bản"
        )
        for found in routing.assignments:
            quotes = "\n".join(f"{clause.section_vi}: “{clause.quote}”" for clause in found.clauses) or "–"
            shown.add_row(role_vi(found.role), found.name_vi, quotes)
        if routing.assignments:
            out.print(shown)
        for gap in routing.gaps:
            of_cells = f" – {names}" if names else ""
            out.print(Text(f"Để ngỏ ({gap.kind.value}){of_cells}: {gap.what_vi}", style="yellow"))


def _alike(routings: dict[str, Routing]) -> list[tuple[Routing, list[str]]]:
    groups: list[tuple[Routing, list[str]]] = []
    for cell, routing in routings.items():
        known = next((cells for other, cells in groups if other == routing), None)
        if known is None:
            groups.append((routing, [cell]))
        else:
            known.append(cell)
    return groups


def _print_facts(out: Console, facts: list[IndicatorReported]) -> None:
    shown = table("Số liệu đã nhận", "nhóm", "kỳ", "phần", "giá trị", "nguồn", "quan sát lúc", "bản tin")
    for fact in facts:
        value = "đã rút" if fact.deleted else number(fact.value)
        if not fact.deleted and fact.value is None:
            value = f"{number(fact.numerator)}/{number(fact.denominator)}"
        period, observed = span(fact.period_start, fact.period_end), moment(fact.observed_at)
        shown.add_row(cell_vi(fact.cell), period, part_vi(fact.part), value, fact.source, observed, fact.event_id)
    out.print(shown)


def _print_history(out: Console, history: list[queries.TransitionRow]) -> None:
    shown = table("Lịch sử kết luận", "số", "lúc", "từ", "thành", "lý do", "nguyên nhân", "bộ quy định", "bản tin")
    for row in history:
        more = [f"và {len(row.event_ids) - _SHOWN_EVENTS} bản tin khác"] if len(row.event_ids) > _SHOWN_EVENTS else []
        shown.add_row(
            str(row.id),
            moment(row.occurred_at),
            status_vi(row.from_status),
            status_vi(row.to_status),
            reason_vi(row.to_reason),
            cause_vi(row.cause),
            row.ruleset,
            "\n".join([*row.event_ids[:_SHOWN_EVENTS], *more]),
        )
    out.print(shown)
