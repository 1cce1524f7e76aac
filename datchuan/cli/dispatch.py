"""`datchuan dispatch`: who is responsible for what, and what the dispatches leave open."""

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from datchuan.cli.communes import ANY_LEVEL, find_unit, place
from datchuan.cli.criteria import find_rule
from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, print_json, table
from datchuan.cli.session import Session, parse_day
from datchuan.cli.verdicts import confidence_document, confidences_vi
from datchuan.errors import FINDINGS, USAGE, CommandError
from datchuan.labels import cell_vi, confidence_vi, role_vi
from services.notifier.domain.route import Routing, addresses_for, route
from shared.catalog.catalog import Catalog
from shared.catalog.dispatch_problems import DispatchFinding, Severity, dispatch_problems
from shared.catalog.rulesets import IndicatorRule
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Sector, Sex

commands = new_group("Look into the official dispatches (công văn): who leads, who coordinates, what is left open.")

AtOption = Annotated[str | None, typer.Option("--at", metavar="DATE", help="The day to look at; today when left out.")]


@commands.command("check")
def check(
    at: AtOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Leave with status 1 for warnings too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check coverage: chỉ tiêu without a lead, units without an address, places without a dispatch.

    An error makes routing wrong and ends with status 1. A warning is something that the dispatches leave open: the text
    is as it is, the product reports it and never guesses.
    """
    session = Session()
    catalog = session.catalog()
    day = parse_day(at, session.clock().today())
    findings = dispatch_problems(catalog, day)
    errors = sum(1 for finding in findings if finding.severity is Severity.ERROR)
    if as_json:
        documents = [asdict(finding) for finding in findings]
        where = {"directory": session.catalog_folder, "catalog": catalog.digest}
        print_json({"at": day, **where, "errors": errors, "findings": documents})
    else:
        console().print(f"catalog {session.catalog_folder or '(shipped)'}, digest {catalog.digest}")
        _print_findings(findings, len(catalog.dispatches), errors, day.isoformat())
    if errors or (strict and findings):
        raise typer.Exit(FINDINGS)


@commands.command("explain")
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
    """Say who is responsible for a chỉ tiêu of a commune on a day: unit, role and the clause to the letter."""
    session = Session()
    catalog = session.catalog()
    day = parse_day(at, session.clock().today())
    unit = find_unit(catalog, commune, day, ANY_LEVEL)
    rule = find_rule(catalog, code, unit.level, day)
    cells = _cells(catalog, rule, sector, sex)
    routings = {cell: route(catalog, unit.id, rule.indicator, cell, day) for cell in cells}
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
        "owners": [owner.responsible_unit.id for owner in routing.owners],
        "assignments": [
            {
                "responsible_unit": found.responsible_unit.id,
                "name_vi": found.name_vi,
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
    if address is None:
        return []
    return [*address.mail, *([address.webhook] if address.webhook else []), *(["console"] if address.console else [])]


def _print_routing(out: Console, catalog: Catalog, cell: str, routing: Routing) -> None:
    if routing.dispatch:
        dispatch, trust = routing.dispatch, confidence_vi(routing.dispatch.dates_confidence)
        title = f"{dispatch.issuer_vi}, {dispatch.issued_vi}: {dispatch.title_vi} [ngày hiệu lực: {trust}]"
        out.print(f"\n{cell_vi(cell) or 'Văn bản'}: {title}")
        shown = table("", "vai trò / role", "đơn vị / responsible unit", "trích văn bản / clause", "địa chỉ / address")
        for found in routing.assignments:
            quotes = "\n".join(f"{clause.section_vi}: “{clause.quote}”" for clause in found.clauses) or "–"
            addresses = _addresses(catalog, routing, found.responsible_unit.id, found.commune)
            reached = ", ".join(addresses) or "(none)"
            shown.add_row(role_vi(found.role), found.name_vi, quotes, reached)
        out.print(shown)
    for gap in routing.gaps:
        out.print(Text(f"Để ngỏ / open ({gap.kind.value}): {gap.what_vi}", style="yellow"))


def _print_findings(findings: tuple[DispatchFinding, ...], dispatches: int, errors: int, day: str) -> None:
    out = console()
    out.print(f"{dispatches} dispatch(es), looked at on {day}: {errors} error(s), {len(findings) - errors} warning(s).")
    if not findings:
        return
    shown = table("", "severity", "kind", "dispatch", "subject", "what")
    for found in findings:
        shown.add_row(found.severity, found.kind, found.dispatch or "–", found.subject, found.what_vi)
    out.print(shown)
