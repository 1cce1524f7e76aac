"""`datchuan catalog`: checks of the rules, units, dispatches and addresses that a site runs on."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, plain, print_json, say, table
from datchuan.cli.session import Session
from datchuan.errors import FINDINGS
from shared.catalog.catalog import Catalog
from shared.catalog.dispatch_findings import Severity
from shared.catalog.dispatch_problems import left_open
from shared.catalog.load import load_catalog
from shared.catalog.problems import CatalogError

commands = new_group("Check the catalog: rules, units, dispatches, addresses, source profiles.")

_PARTS = ("units", "indicators", "rulesets", "standards", "rules", "dispatches", "addresses", "profiles", "forms")


@commands.command("check")
def check(
    directory: Annotated[
        Path | None, typer.Argument(help="The catalog folder; DATCHUAN_CATALOG or the shipped one when left out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Validate a catalog folder as a whole: every problem with its file, key, value and remedy."""
    folder = directory or Session().settings.catalog
    try:
        catalog = load_catalog(folder)
    except CatalogError as error:
        _print_problems(folder, error, as_json)
        raise typer.Exit(FINDINGS) from error
    open_ones = Counter(finding.severity for finding in left_open(catalog))
    if as_json:
        found = {severity.value: open_ones[severity] for severity in Severity}
        print_json({"directory": folder, "ok": True, "problems": [], **summary(catalog), "dispatch_findings": found})
        return
    out = console()
    out.print(f"The catalog {folder or '(shipped)'} is valid; its digest is {catalog.digest}.")
    counts = table("", "part", "entries")
    for part, entries in summary(catalog)["entries"].items():
        counts.add_row(part, str(entries))
    out.print(counts)
    errors, warnings = open_ones[Severity.ERROR], open_ones[Severity.WARNING]
    if errors or warnings:
        out.print(f"The dispatches have {errors} error(s) and {warnings} warning(s): see `datchuan dispatch check`.")


def summary(catalog: Catalog) -> dict[str, Any]:
    """Return the digest of a catalog and how many entries each part has."""
    entries = {part: len(getattr(catalog, part)) for part in _PARTS}
    lists = (each for _, each in catalog.policies if isinstance(each, tuple))
    return {"digest": catalog.digest, "entries": {**entries, "policies": sum(map(len, lists))}}


def _print_problems(folder: Path | None, error: CatalogError, as_json: bool) -> None:
    if as_json:
        problems = [
            {"file": p.file, "key": p.key, "value": plain(p.value), "what": p.what, "remedy": p.remedy}
            for p in error.problems
        ]
        print_json({"directory": folder, "ok": False, "problems": problems})
        return
    say(f"The catalog {folder or '(shipped)'} has {len(error.problems)} problem(s):")
    for problem in error.problems:
        say(f"  {problem}")
