"""`datchuan dispatch check`: everything that is wrong with the dispatches or left open by them, at once."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from datchuan.cli.output import JsonOption, console, print_json, say, table
from datchuan.cli.session import Session, parse_day
from datchuan.errors import FINDINGS, USAGE, CommandError
from shared.catalog.catalog import Catalog
from shared.catalog.dispatch_problems import DispatchFinding, Severity, as_finding, left_open, without_dispatch
from shared.catalog.load import SHIPPED, read_catalog
from shared.catalog.problems import CatalogError, Problem

AtOption = Annotated[str | None, typer.Option("--at", metavar="DATE", help="The day to look at; today when left out.")]
_OWN_PARTS = ("dispatches/", "addresses.yaml")


def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Dispatches (YAML) to check as if they stood in the catalog."),
    ] = None,
    at: AtOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Leave with status 1 for warnings too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the dispatches: leads, rules, clauses to the letter, units, addresses, dates, places without a dispatch.

    Everything is reported at once. An error makes routing wrong and ends with status 1. A warning is something that the
    dispatches leave open: the text is as it is, the product reports it and never guesses.

    With FILE only those dispatches are reported on; a FILE stands in for one of its name in the catalog. Its text is
    looked for in the folder texts beside it.

    Exit status: 0 without errors (with --strict: without findings), 1 with some, 2 for a question that cannot be asked.
    """
    session = Session()
    day = parse_day(at, session.clock().today())
    more = tuple(files or ())
    catalog, findings = _findings(session.catalog_folder, more)
    if not more:
        findings += without_dispatch(catalog, day)
    errors = sum(1 for finding in findings if finding.severity is Severity.ERROR)
    if as_json:
        documents = [asdict(finding) for finding in findings]
        where = {"directory": session.catalog_folder, "catalog": catalog.digest, "files": [str(file) for file in more]}
        print_json({"at": day, **where, "errors": errors, "findings": documents})
    else:
        console().print(f"catalog {session.catalog_folder or '(shipped)'}, digest {catalog.digest}")
        for tip in _tips(session.catalog_folder, more):
            say(tip)
        _print_findings(findings, len(more) or len(catalog.dispatches), errors, day.isoformat())
    if errors or (strict and findings):
        raise typer.Exit(FINDINGS)


def _findings(folder: Path | None, more: tuple[Path, ...]) -> tuple[Catalog, tuple[DispatchFinding, ...]]:
    """Return the catalog and what is found in its dispatches: only in those of `more`, if there are any."""
    missing = [str(path) for path in more if not path.is_file()]
    if missing:
        raise CommandError(f"there is no file {', '.join(missing)}", "Name a dispatch file (YAML).", USAGE)
    try:
        reading = read_catalog(folder, more)
    except CatalogError as error:
        raise CommandError(str(error), "Mend the file and run `datchuan catalog check`.") from error
    asked = {str(path) for path in more}
    elsewhere = [problem for problem in reading.problems if not _is_own(problem, asked)]
    if elsewhere:
        # Units, indicators and rules are what a dispatch is checked against: without them it could only be guessed at.
        listed = "\n".join(str(problem) for problem in elsewhere)
        raise CommandError(listed, "Mend the file and run `datchuan catalog check`.")
    wrong = tuple(as_finding(problem) for problem in reading.problems)
    found = tuple(left_open(reading.catalog))
    if more:
        ids = {reading.dispatches[file] for file in asked if file in reading.dispatches}
        found = tuple(finding for finding in found if finding.dispatch in ids)
    return reading.catalog, wrong + found


def _tips(folder: Path | None, more: tuple[Path, ...]) -> list[str]:
    """Return a tip for each other catalog that a FILE lies in, whose addresses and units are not looked at."""
    used = (folder or SHIPPED).resolve()
    homes = dict.fromkeys(path.resolve().parent.parent for path in more if path.resolve().parent.name == "dispatches")
    return [
        f"Tip: a FILE lies in another catalog than the one looked at: set DATCHUAN_CATALOG={home} to use its addresses."
        for home in homes
        if home != used and any((home / part).exists() for part in ("units.yaml", "addresses.yaml"))
    ]


def _is_own(problem: Problem, asked: set[str]) -> bool:
    return problem.file in asked or problem.file.startswith(_OWN_PARTS)


def _print_findings(findings: tuple[DispatchFinding, ...], dispatches: int, errors: int, day: str) -> None:
    out = console()
    out.print(f"{dispatches} dispatch(es), looked at on {day}: {errors} error(s), {len(findings) - errors} warning(s).")
    if not findings:
        return
    shown = table("", "severity", "kind", "dispatch", "subject", "what")
    for found in findings:
        shown.add_row(found.severity, found.kind, found.dispatch or "–", found.subject, found.what_vi)
    out.print(shown)
