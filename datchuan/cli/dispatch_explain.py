"""`datchuan dispatch explain`: who is responsible for a chỉ tiêu of a unit on a day, by which clause of which text."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from datchuan.cli.communes import ANY_LEVEL, find_unit, place
from datchuan.cli.criteria import find_rule
from datchuan.cli.dispatch_check import AtOption
from datchuan.cli.output import JsonOption, console, print_json, table
from datchuan.cli.session import Session, parse_day
from datchuan.cli.verdicts import confidence_document, confidences_vi
from datchuan.errors import USAGE, CommandError
from datchuan.labels import PHASE_VI, cell_vi, confidence_vi, role_vi
from services.notifier.domain.route import Assignment, Routing, addresses_for, route
from shared.catalog.catalog import Catalog
from shared.catalog.rulesets import IndicatorRule
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Sector, Sex


def explain(
    commune: Annotated[str, typer.Argument(help="Code, id or whole name of the commune (or district).")],
    code: Annotated[str, typer.Argument(help="Number of the chỉ tiêu, e.g. 15.1 or xa_ntm/15.1.")],
    sector: Annotated[
        Sector | None, typer.Option("--sector", help="Managing sector of a food-safety chỉ tiêu.")
    ] = None,
    sex: Annotated[Sex | None, typer.Option("--sex", help="Sex; the dispatches give both to the same units.")] = None,
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who is responsible for a chỉ tiêu of a commune on a day: unit, department, role, the clause to the letter.

    Exit status: 0 with an answer, also when nobody is responsible; 2 for a question that cannot be asked.
    """
    session = Session()
    catalog = session.catalog()
    day = parse_day(at, session.clock().today())
    unit = find_unit(catalog, commune, day, ANY_LEVEL)
    rule = find_rule(catalog, code, unit.level, day)
    cells = _cells(catalog, rule, sector, sex)
    routings = {cell: route(catalog, unit.id, rule.indicator, cell, day, standard=rule.standard) for cell in cells}
    if as_json:
        answers = [_routing_document(catalog, cell, routing) for cell, routing in routings.items()]
        print_json(
            {"unit": unit.id, "name_vi": unit.name_vi, "at": day, **_rule_document(rule, unit), "answers": answers}
        )
        return
    out = console()
    out.print(Text.assemble((place(catalog, unit), "bold"), f" on {day.isoformat()}"))
    out.print(f"Chỉ tiêu {rule.node}: {rule.name_vi} – {rule.legal_source} [{'; '.join(confidences_vi(rule, unit))}]")
    for cell, routing in routings.items():
        _print_routing(out, catalog, cell, routing)


def _cells(catalog: Catalog, rule: IndicatorRule, sector: Sector | None, sex: Sex | None) -> tuple[str, ...]:
    by = catalog.indicator_by_key[rule.indicator].by
    for option, given, kind in (("--sector", sector, "sector"), ("--sex", sex, "sex")):
        if given is not None and by != kind:
            raise CommandError(f"{rule.node} is not counted by {kind}", f"Leave {option} out.", USAGE)
    if by == "sector":
        return (sector.value,) if sector else (*Sector, "")
    return (sex.value,) if sex else ("",)


def _rule_document(rule: IndicatorRule, unit: AdminUnit) -> dict[str, Any]:
    return {
        "node": rule.node,
        "indicator": rule.indicator,
        "rule_name_vi": rule.name_vi,
        "legal_source": rule.legal_source,
        **confidence_document(rule, unit),
    }


def _routing_document(catalog: Catalog, cell: str, routing: Routing) -> dict[str, Any]:
    dispatch = routing.dispatch
    return {
        "cell": cell,
        "dispatch": dispatch.id if dispatch else None,
        "issuer_vi": dispatch.issuer_vi if dispatch else None,
        "issued_vi": dispatch.issued_vi if dispatch else None,
        "dates_confidence": dispatch.dates_confidence if dispatch else None,
        "phase": routing.phase,
        "owners": [owner.responsible_unit.id for owner in routing.owners],
        "assignments": [
            {
                "responsible_unit": found.responsible_unit.id,
                "name_vi": found.name_vi,
                "unit_vi": found.within.name_vi if found.within else None,
                "succeeds": found.succeeds.id if found.succeeds else None,
                "role": found.role,
                "addresses": _addresses(catalog, routing, found.responsible_unit.id, found.commune),
                "clauses": [{"id": c.id, "section_vi": c.section_vi, "quote": c.quote} for c in found.clauses],
            }
            for found in routing.assignments
        ],
        "gaps": [{"kind": gap.kind, "what_vi": gap.what_vi} for gap in routing.gaps],
    }


def _addresses(catalog: Catalog, routing: Routing, responsible_unit: str, commune: str | None) -> list[str]:
    address = addresses_for(catalog, routing.dispatch.id, responsible_unit, commune) if routing.dispatch else None
    return [] if address is None else list(address.ways)


def _unit_vi(found: Assignment) -> str:
    """Return the name of the unit and of its department, and whose duties it has taken over."""
    name = found.name_vi
    if found.within is not None:
        name = f"{found.within.name_vi}\n└ {found.responsible_unit.name_vi}"
    return f"{name}\n(kế thừa nhiệm vụ của {found.succeeds.name_vi})" if found.succeeds else name


def _print_routing(out: Console, catalog: Catalog, cell: str, routing: Routing) -> None:
    if routing.dispatch:
        dispatch, trust = routing.dispatch, confidence_vi(routing.dispatch.dates_confidence)
        title = f"{dispatch.issuer_vi}, {dispatch.issued_vi}: {dispatch.title_vi} [ngày hiệu lực: {trust}]"
        title += f" [{PHASE_VI[routing.phase]}]"
        out.print(f"\n{cell_vi(cell) or 'Văn bản'}: {title}")
        shown = table("", "vai trò / role", "đơn vị / responsible unit", "trích văn bản / clause", "địa chỉ / address")
        for found in routing.assignments:
            quotes = "\n".join(f"{clause.section_vi}: “{clause.quote}”" for clause in found.clauses) or "–"
            addresses = _addresses(catalog, routing, found.responsible_unit.id, found.commune)
            reached = ", ".join(addresses) or "(none)"
            shown.add_row(role_vi(found.role), _unit_vi(found), quotes, reached)
        out.print(shown)
    for gap in routing.gaps:
        out.print(Text(f"Để ngỏ / open ({gap.kind.value}): {gap.what_vi}", style="yellow"))
