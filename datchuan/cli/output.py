"""How commands print: tables for people, exactly one JSON document for programs."""

import datetime as dt
import json
import sys
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from shared.runtime.clock import VN_TZ

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def console() -> Console:
    """Return a console on the present standard output, wide enough for tables when it is not a terminal."""
    if sys.stdout.isatty():
        return Console()
    return Console(width=160, soft_wrap=False, highlight=False)


def print_json(document: object) -> None:
    """Print one JSON document on standard output, Vietnamese readable."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=plain) + "\n")


def plain(value: object) -> Any:
    """Return a value as one that JSON knows."""
    if value is None or isinstance(value, str | int | float | bool | list | dict):
        return value
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    return str(value)


def number(value: float | Decimal | None) -> str:
    """Return a number as Vietnamese readers write it, with at most two decimals, or a dash.

    >>> number(91.25), number(90.0), number(None)
    ('91,25', '90', '–')
    """
    if value is None:
        return "–"
    text = f"{float(value):.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",")


def moment(at: dt.datetime | None) -> str:
    """Return a moment in Vietnamese time, to the minute, or a dash.

    >>> moment(dt.datetime(2024, 10, 14, 18, 30, tzinfo=dt.UTC)), moment(None)
    ('2024-10-15 01:30', '–')
    """
    return "–" if at is None else at.astimezone(VN_TZ).strftime("%Y-%m-%d %H:%M")


def table(title: str, *columns: str, whole: tuple[str, ...] = ()) -> Table:
    """Return an empty table with a title and named columns; those of `whole` are never broken into lines."""
    built = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        built.add_column(column, overflow="fold", no_wrap=column in whole)
    return built
