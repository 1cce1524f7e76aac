"""How commands print: tables for people, exactly one JSON document for programs."""

import datetime as dt
import json
import re
import sys
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from datchuan.errors import CommandError
from shared.runtime.clock import VN_TZ

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
# What a terminal obeys instead of showing, line ends and tabs apart: control characters and turns of the direction.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_WIDTH_WITHOUT_TERMINAL = 160


def printable(text: str) -> str:
    r"""Return a text without the characters that a terminal obeys instead of showing.

    >>> printable("a\x1b[2Jb\\n\u202ec")
    'a[2Jb\\nc'
    """
    return _UNSAFE.sub("", text)


class Screen(Console):
    """A console that shows text as it is: no markup, no emoji, no highlighting and no control characters in it.

    Most of what is shown comes from senders. Colour is given to a text by a style (rich.text.Text), never by markup.
    """

    def __init__(self, file: IO[str] | None = None, width: int | None = None, *, stderr: bool = False) -> None:
        super().__init__(file=file, width=width, stderr=stderr, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text without control characters, so that columns are measured as they will be seen."""
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is to be written; a text that was styled beforehand loses its control characters here."""
        for segment in super().render(renderable, options):
            if segment.control is None and _UNSAFE.search(segment.text):
                yield Segment(printable(segment.text), segment.style)
            else:
                yield segment


def console() -> Screen:
    """Return a console on the present standard output, wide enough for tables when it is not a terminal."""
    return Screen(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)


def say(text: str, *, err: bool = False) -> None:
    """Print a text as it is, whatever its length, without control characters."""
    typer.echo(printable(text), err=err)


def named(name: str, value: str | Text) -> Text:
    """Return a line with a bold name before its value."""
    return Text.assemble((f"{name}: ", "bold"), value)


def print_json(document: object) -> None:
    """Print one JSON document on standard output, Vietnamese readable."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=plain) + "\n")


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file that was asked for, text as UTF-8; a CommandError says why that cannot be done."""
    try:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror})"
        raise CommandError(message, "Give a file in a folder that is there.") from error


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
    """Return a number as Vietnamese readers write it, with the decimals that it has, or a dash.

    >>> number(89.999), number(90.0), number(None)
    ('89,999', '90', '–')
    """
    if value is None:
        return "–"
    return f"{Decimal(str(value)).normalize():f}".replace(".", ",")


def moment(at: dt.datetime | None) -> str:
    """Return a moment in Vietnamese time, to the minute, or a dash.

    >>> moment(dt.datetime(2024, 10, 14, 18, 30, tzinfo=dt.UTC)), moment(None)
    ('2024-10-15 01:30', '–')
    """
    return "–" if at is None else at.astimezone(VN_TZ).strftime("%Y-%m-%d %H:%M")


def table(title: str, *columns: str | Text, whole: tuple[str, ...] = ()) -> Table:
    """Return an empty table with a title and named columns; those of `whole` are never broken into lines."""
    built = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        built.add_column(column, overflow="fold", no_wrap=str(column) in whole)
    return built
