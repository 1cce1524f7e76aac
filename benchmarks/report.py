"""The results for people: a table on the screen, and the page and document that are committed with the machine."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Result

_PROCESSES = "cpu_s_per_million_by_process"


def _rows(results: Sequence[Result]) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield benchmark, figure, value, goal and whether it was reached, the benchmark named once."""
    for result in results:
        goals = {goal.figure: goal for goal in result.goals}
        for number, (figure, value) in enumerate(result.figures.items()):
            goal = goals.get(figure)
            reached = "" if goal is None else "yes" if goal.met_by(value) else "no"
            yield result.name if number == 0 else "", figure, f"{value:,g}", "" if goal is None else str(goal), reached
        for sentence in result.wrong:
            yield "", "WRONG", sentence, "", "no"


def print_table(results: Sequence[Result]) -> None:
    """Print all figures beside their goals on standard error."""
    table = Table("benchmark", "figure", "value", "goal", "reached")
    for row in _rows(results):
        table.add_row(*row)
    Console(stderr=True, width=110).print(table)


def _cpu_rows(results: Sequence[Result]) -> Iterator[str]:
    parts = sorted({part for result in results for part in result.details.get(_PROCESSES, {})})
    if not parts:
        return
    yield "## CPU seconds per million reports, by process"
    yield ""
    yield f"| benchmark | {' | '.join(parts)} |"
    yield "|---" * (len(parts) + 1) + "|"
    for result in results:
        cpu = result.details.get(_PROCESSES)
        if cpu:
            yield f"| {result.name} | {' | '.join(str(cpu.get(part, '')) for part in parts)} |"


def page(document: Mapping[str, Any], results: Sequence[Result]) -> str:
    """Return the results as a page of Markdown."""
    machine = document["machine"]
    lines = [
        "# Results of the last run",
        "",
        "Written by `make bench ARGS=--save`; [README.md](README.md) says how to read it.",
        "",
        *(f"- {name.replace('_', ' ')}: {value}" for name, value in machine.items()),
        f"- the suite took {document['seconds']} s; all answers right: {'yes' if document['ok'] else 'NO'}",
        "",
        "| benchmark | figure | value | goal | reached |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in _rows(results)),
        "",
        *(f"- {result.name}: {result.what}" for result in results),
        "",
        *_cpu_rows(results),
    ]
    return "\n".join(lines) + "\n"


def save(document: Mapping[str, Any], results: Sequence[Result], folder: Path) -> None:
    """Write results.md and results.json."""
    (folder / "results.md").write_text(page(document, results), encoding="utf-8")
    (folder / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
