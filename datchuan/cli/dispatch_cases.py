"""`datchuan dispatch test`: whether questions of a file lead to the units, gaps and addresses that it expects."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from datchuan.cli.output import JsonOption, console, print_json, table
from datchuan.cli.route_cases import CaseResult, run_cases
from datchuan.cli.session import Session
from datchuan.errors import FINDINGS, USAGE, CommandError
from shared.catalog.strict_yaml import read_yaml


def run_file(
    file: Annotated[Path, typer.Argument(help="YAML file with the cases.")],
    as_json: JsonOption = False,
) -> None:
    """Run the test cases of a file against the catalog: who is told in which role, what is left open, which addresses.

    A file is `cases:` with a list of {name, unit, at, node, sector or sex, expect, gaps, addresses}. `expect` maps a
    role to the ids of all its units ([] for nobody); `gaps` are all the kinds of gaps; `addresses` are all the ways to
    reach the units of the roles named. What a case does not mention is not compared.

    Exit status: 0 when every case passed, 1 when one failed, 2 when the file or one of its cases cannot be used.
    """
    session = Session()
    catalog = session.catalog()
    _, data, problem = read_yaml(file.parent, file.name, str(file))
    if problem is not None:
        raise CommandError(str(problem), "Mend the file and try again.", USAGE)
    results = run_cases(catalog, str(file), data)
    if as_json:
        print_json({"file": file, "catalog": catalog.digest, "cases": [_document(result) for result in results]})
    else:
        _print_results(results)
    if any(result.problems for result in results):
        raise typer.Exit(USAGE)
    if not all(result.passed for result in results):
        raise typer.Exit(FINDINGS)


def _document(result: CaseResult) -> dict[str, object]:
    return {
        "name": result.name,
        "passed": result.passed,
        "problems": list(result.problems),
        "differences": list(result.differences),
    }


def _print_results(results: tuple[CaseResult, ...]) -> None:
    out = console()
    shown = table("", "case", "result", "difference")
    for result in results:
        word, style = ("passed", "green") if result.passed else ("failed", "bold red")
        if result.problems:
            word, style = "bad case", "bold magenta"
        shown.add_row(result.name, Text(word, style=style), "\n".join((*result.problems, *result.differences)))
    out.print(shown)
    passed = sum(1 for result in results if result.passed)
    bad = sum(1 for result in results if result.problems)
    out.print(f"{passed} passed, {len(results) - passed - bad} failed, {bad} bad case(s).")
