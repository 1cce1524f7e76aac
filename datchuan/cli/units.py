"""`datchuan units`: administrative units of any province, from a CSV file into the catalog."""

import datetime as dt
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, print_json, say, table
from datchuan.errors import FINDINGS, USAGE, CommandError
from datchuan.units.known import Known, Target, read_known, target_of, write
from datchuan.units.plain import units_of_plain
from datchuan.units.provinces import check_province
from datchuan.units.succession import Made, Options, is_succession, units_of_succession
from datchuan.units.table import Findings, read_table
from shared.catalog.catalog import Catalog
from shared.catalog.check import UNIT_CHECKS
from shared.catalog.problems import Problem

commands = new_group("Bring administrative units of any province into the catalog.")

_TWO_TIERS: Final = "2025-07-01"
_DISTRICTS: Final = re.compile(r"(?:([0-9A-Za-z]+)(?:-([0-9A-Za-z]+))?=)?([0-9A-Za-z]+)")
_PLACE: Final = re.compile(r"units\[([0-9]+)\]")


@commands.command("import")
def import_units(
    file: Annotated[Path, typer.Argument(help="CSV: a table of succession (old_code, new_code, ...) or of units.")],
    out: Annotated[Path, typer.Option(help="A catalog folder, or the YAML file to write.")],
    province: Annotated[list[str] | None, typer.Option(help="Only these new provinces, by code.")] = None,
    as_of: Annotated[str, typer.Option(help="First day of the new units of a table of succession.")] = _TWO_TIERS,
    old_province: Annotated[
        list[str] | None,
        typer.Option(help="Province of the former districts: CODE, or for some of them 899-914=CODE, 183=CODE."),
    ] = None,
    region: Annotated[str | None, typer.Option(help="Region of all communes, the key of the thresholds.")] = None,
    source: Annotated[str | None, typer.Option(help="Id of the source in rulesets.yaml.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Turn a CSV file of units into a file of the catalog; every problem with its line and remedy."""
    findings = Findings()
    target = target_of(out, "-".join(sorted(province)) if province else file.stem)
    options = _options(as_of, province, region, source)
    read = read_table(file, findings)
    known = read_known(target)
    _check_region(region, known)
    if is_succession(read):
        districts = [row.get("old_district_code") for row in read.rows]
        options = _with_old_provinces(options, old_province or [], districts)
        made = units_of_succession(read, options, known, findings)
    else:
        made = units_of_plain(read, options, known, findings)
    problems = findings.lines() or _problems(made, known, target)
    if problems:
        _refuse(file, problems, as_json=as_json)
    if not dry_run:
        about = f"{file.name}, units of {as_of}" if is_succession(read) else file.name
        write(target, made.units, about)
    _tell(made, target, dry_run=dry_run, as_json=as_json)


def _check_region(region: str | None, known: Known) -> None:
    regions = {each.code: each.name_vi for each in known.regions}
    if region is not None and regions and region not in regions:
        listed = ", ".join(f"{code} ({name})" for code, name in regions.items())
        raise CommandError(f"There is no region {region}", f"Name one of {listed}.", USAGE)


def _options(as_of: str, province: list[str] | None, region: str | None, source: str | None) -> Options:
    try:
        day = dt.date.fromisoformat(as_of)
    except ValueError:
        raise CommandError(f"--as-of {as_of} is no day", f"Write it as {_TWO_TIERS}.", USAGE) from None
    return Options(day, frozenset(province or ()), None, region, source)


def _with_old_provinces(options: Options, given: list[str], districts: list[str]) -> Options:
    """Return options that tell the former province of each district; the last that fits holds."""
    found: dict[str, str] = {}
    for text in given:
        match = _DISTRICTS.fullmatch(text)
        if match is None:
            remedy = "Write CODE, DISTRICT=CODE or DISTRICT-DISTRICT=CODE."
            raise CommandError(f"--old-province {text} cannot be read", remedy, USAGE)
        first, last, code = match[1], match[2] or match[1], match[3]
        check_province("--old-province", code)
        found |= {name: code for name in districts if first is None or first <= name <= last}
    return Options(options.as_of, options.provinces, found, options.region, options.source)


def _problems(made: Made, known: Known, target: Target) -> list[str]:
    """Return what the checks of the catalog say of the units that were made, beside those that it has."""
    catalog = Catalog(
        digest="", regions=tuple(known.regions), groups=tuple(known.groups), units=(*known.units, *made.units),
        indicators=(), sources=(), rulesets=(), standards=(), rules=(), dispatches=(), addresses=(), profiles=(),
    )  # fmt: skip
    counts = (*known.counts, (target.name, len(made.units)))
    found = [problem for check in UNIT_CHECKS for problem in check(catalog, counts)]
    if target.catalog is None:  # the regions and the units above may stand in the catalog that this file is meant for
        found = [problem for problem in found if not problem.key.endswith((".region", ".group", ".parent"))]
    return [_by_line(_of_earlier(problem, known), made) for problem in found if problem.file == target.name]


def _of_earlier(problem: Problem, known: Known) -> Problem:
    """Return a problem with the file of an earlier import, where that is what stands in the way."""
    earlier = next((name for name in sorted(known.imported) if problem.what.endswith(f" of {name}")), None)
    if earlier is None:
        return problem
    remedy = f"{earlier} is of an earlier import: remove it first, or write over it with --out"
    return replace(problem, remedy=remedy)


def _by_line(problem: Problem, made: Made) -> str:
    place = _PLACE.search(problem.key)
    line = made.lines[int(place[1])] if place else 0
    return f"line {line}: {problem}" if line else str(problem)


def _refuse(file: Path, problems: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"file": file, "ok": False, "problems": problems})
    else:
        say(f"{file} has {len(problems)} problem(s), and nothing was written:")
        for problem in problems:
            say(f"  {problem}")
    raise typer.Exit(FINDINGS)


def _tell(made: Made, target: Target, *, dry_run: bool, as_json: bool) -> None:
    counts = Counter((unit.level.value, "until" if unit.effective_to else "since") for unit in made.units)
    nameless = sorted({unit.code for unit in made.units if unit.name_vi.startswith("Tỉnh, thành phố mã ")})
    open_districts = sum(unit.level.value == "district" and unit.parent is None for unit in made.units)
    if as_json:
        levels = {f"{level}_{when}": count for (level, when), count in sorted(counts.items())}
        print_json({"file": target.file, "written": not dry_run, "units": len(made.units), **levels,
                    "provinces_without_name": nameless, "districts_without_province": open_districts})  # fmt: skip
        return
    out = console()
    out.print(
        f"{'Would write' if dry_run else 'Wrote'} {len(made.units)} units {'to' if dry_run else 'into'} {target.file}"
    )
    shown = table("", "level", "ended", "in force")
    for level in sorted({level for level, _ in counts}):
        shown.add_row(level, str(counts[level, "until"]), str(counts[level, "since"]))
    out.print(shown)
    if nameless:
        out.print(f"Provinces known by their code only: {', '.join(nameless)}.")
        first = f"remove {target.file}, then " if target.file.exists() else ""
        out.print(
            f"To name them, {first}import them first, from a CSV with the columns code, name, level (province; no "
            "effective_from, for they are above former units too), and then this file again."
        )
    if open_districts:
        out.print(f"{open_districts} former districts have no province: give --old-province, or leave it open.")
