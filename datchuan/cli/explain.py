"""`datchuan explain`: why a verdict is what it is: rule, source, numbers, events, history, and who is responsible."""

from typing import Annotated, Any

import typer
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.communes import ANY_LEVEL, find_unit, place
from datchuan.cli.criteria import find_rule
from datchuan.cli.output import JsonOption, console, moment, number, print_json, table
from datchuan.cli.session import Session
from datchuan.cli.status import day_of
from datchuan.cli.verdicts import cell_document, cells_vi, status_document, target_vi
from datchuan.errors import CommandError
from datchuan.labels import CONFIDENCE_VI, ROLE_VI, cell_vi, status_vi
from services.evaluator.adapters import queries
from services.notifier.domain.route import Routing, route
from shared.catalog.catalog import Catalog
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.wire import IndicatorReported


def explain(
    commune: Annotated[str, typer.Argument(help="Code, id or whole name of the commune (or district).")],
    code: Annotated[str, typer.Argument(help="Number of the chỉ tiêu, e.g. 15.1 or xa_ntm/15.1.")],
    as_json: JsonOption = False,
) -> None:
    """Explain a verdict: value, rule, legal source, responsible units with the clause, events and history."""
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
        cells = [cell for cell in status.finding.cells if cell] or [""]
        routings = {cell: route(catalog, unit.id, rule.indicator, cell, as_of) for cell in cells}
        if as_json:
            _print_document(unit.id, as_of.isoformat(), status, facts, history, routings)
            return
        out = console()
        out.print(f"[bold]{place(catalog, unit)}[/], ngày {as_of.strftime('%d/%m/%Y')}")
        _print_verdict(out, catalog, status, rule)
        _print_responsible(out, routings)
        _print_facts(out, facts)
        _print_history(out, history)

    session.run(work)


def _print_verdict(out: Console, catalog: Catalog, status: queries.NodeStatus, rule: IndicatorRule) -> None:
    threshold = status.node.leaf.threshold if status.node.leaf else None
    ruleset = catalog.ruleset_by_id[rule.ruleset]
    since = moment(status.since)[:10]
    lines = (
        ("Chỉ tiêu", f"{rule.node} – {rule.name_vi}"),
        ("Kết luận", f"{status_vi(status.finding.status)} ({status.finding.reason.value}) từ {since}"),
        ("Yêu cầu", f"{target_vi(rule, threshold)} – {CONFIDENCE_VI[rule.confidence]}"),
        ("Số hiệu", f"{rule.code} – {CONFIDENCE_VI[rule.code_confidence]}"),
        ("Căn cứ", f"{rule.legal_source}; {ruleset.number} ({ruleset.id})"),
        ("Nguồn đã đọc", ", ".join(rule.seen_in) or "–"),
        ("Giá trị", cells_vi(status, rule) or "–"),
    )
    for name, text in lines:
        out.print(f"[bold]{name}:[/] {text}")


def _print_responsible(out: Console, routings: dict[str, Routing]) -> None:
    for cell, routing in routings.items():
        title = f"Đơn vị phụ trách {cell_vi(cell)}".rstrip()
        shown = table(title, "vai trò", "đơn vị", "trích văn bản")
        for found in routing.assignments:
            quotes = "\n".join(f"{clause.section_vi}: “{clause.quote}”" for clause in found.clauses) or "–"
            shown.add_row(ROLE_VI[found.role], found.name_vi, quotes)
        if routing.assignments:
            out.print(shown)
        for gap in routing.gaps:
            out.print(f"Để ngỏ ({gap.kind.value}): {gap.what_vi}", style="yellow", markup=False)


def _print_facts(out: Console, facts: list[IndicatorReported]) -> None:
    shown = table("Số liệu đã nhận", "nhóm", "kỳ", "phần", "giá trị", "nguồn", "quan sát lúc", "bản tin")
    for fact in facts:
        value = "đã rút" if fact.deleted else number(fact.value)
        if not fact.deleted and fact.value is None:
            value = f"{number(fact.numerator)}/{number(fact.denominator)}"
        period = f"{fact.period_start.isoformat()} – {fact.period_end.isoformat()}"
        observed = moment(fact.observed_at)
        shown.add_row(cell_vi(fact.cell), period, fact.part, value, fact.source, observed, fact.event_id[:16])
    out.print(shown)


def _print_history(out: Console, history: list[queries.TransitionRow]) -> None:
    shown = table("Lịch sử kết luận", "số", "lúc", "từ", "thành", "lý do", "nguyên nhân", "bộ quy định", "bản tin")
    for row in history:
        shown.add_row(
            str(row.id),
            moment(row.occurred_at),
            status_vi(row.from_status),
            status_vi(row.to_status),
            row.to_reason,
            row.cause,
            row.ruleset,
            ", ".join(event_id[:12] for event_id in row.event_ids[:3]),
        )
    out.print(shown)


def _print_document(
    unit: str,
    as_of: str,
    status: queries.NodeStatus,
    facts: list[IndicatorReported],
    history: list[queries.TransitionRow],
    routings: dict[str, Routing],
) -> None:
    print_json(
        {
            "unit": unit,
            "as_of": as_of,
            **status_document(status),
            "responsible": [_routing_document(cell, routing) for cell, routing in routings.items()],
            "facts": [_fact_document(fact) for fact in facts],
            "history": [_transition_document(row) for row in history],
        }
    )


def _routing_document(cell: str, routing: Routing) -> dict[str, Any]:
    return {
        "cell": cell,
        "dispatch": routing.dispatch.id if routing.dispatch else None,
        "assignments": [
            {
                "responsible_unit": found.responsible_unit.id,
                "name_vi": found.name_vi,
                "role": found.role,
                "clauses": [{"section_vi": clause.section_vi, "quote": clause.quote} for clause in found.clauses],
            }
            for found in routing.assignments
        ],
        "gaps": [{"kind": gap.kind, "what_vi": gap.what_vi} for gap in routing.gaps],
    }


def _fact_document(fact: IndicatorReported) -> dict[str, Any]:
    names = ("event_id", "source", "cell", "part", "numerator", "denominator", "value", "deleted", "stage")
    moments = ("period_start", "period_end", "observed_at", "valid_until")
    return {name: getattr(fact, name) for name in (*names, *moments)}


def _transition_document(row: queries.TransitionRow) -> dict[str, Any]:
    plain_fields = {name: getattr(row, name) for name in row.__slots__ if name not in ("before", "after")}
    return {
        **plain_fields,
        "before": [cell_document(cell) for cell in row.before],
        "after": [cell_document(cell) for cell in row.after],
    }
