"""`datchuan`: the command line of those who run the product."""

from importlib import metadata
from typing import Annotated

import typer

from datchuan.cli import (
    alerts,
    catalog,
    dead_letter,
    dispatch,
    notify,
    poll,
    quarantine,
    report,
    silence,
    source,
    token,
    units,
)
from datchuan.cli.audit import audit
from datchuan.cli.demo import demo
from datchuan.cli.explain import explain
from datchuan.cli.group import new_group
from datchuan.cli.imports import import_files
from datchuan.cli.migrate import migrate
from datchuan.cli.output import say
from datchuan.cli.rejudge import rejudge
from datchuan.cli.status import status
from datchuan.cli.template import template
from datchuan.cli.up import up
from datchuan.cli.verify import verify


def _tell_version(asked: bool) -> None:
    if asked:
        say(f"datchuan {metadata.version('datchuan')}")
        raise typer.Exit


app = new_group(
    "Đạt Chuẩn watches the health criteria of nông thôn mới and tells the responsible unit when one changes."
)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Take the options that come before a command."""


_RUN, _SEE, _FEED, _RULES = "Run it", "See what it knows", "Feed it", "Look into rules and duties"

app.command(rich_help_panel=_RUN)(demo)
app.command(rich_help_panel=_RUN)(up)
app.command(rich_help_panel=_RUN)(migrate)
app.command(rich_help_panel=_SEE)(status)
app.command(rich_help_panel=_SEE)(explain)
app.command(rich_help_panel=_SEE)(verify)
app.command(rich_help_panel=_SEE)(audit)
app.command("import", rich_help_panel=_FEED)(import_files)
app.command(rich_help_panel=_RULES)(rejudge)
app.command(rich_help_panel=_FEED)(template)
app.add_typer(token.commands, name="token", rich_help_panel=_FEED)
app.add_typer(poll.commands, name="poll", rich_help_panel=_FEED)
app.add_typer(quarantine.commands, name="quarantine", rich_help_panel=_FEED)
app.add_typer(dead_letter.commands, name="dead-letter", rich_help_panel=_FEED)
app.add_typer(alerts.commands, name="alerts", rich_help_panel=_SEE)
app.add_typer(silence.commands, name="silence", rich_help_panel=_SEE)
app.add_typer(report.commands, name="report", rich_help_panel=_SEE)
app.add_typer(catalog.commands, name="catalog", rich_help_panel=_RULES)
app.add_typer(source.commands, name="source", rich_help_panel=_RULES)
app.add_typer(units.commands, name="units", rich_help_panel=_RULES)
app.add_typer(dispatch.commands, name="dispatch", rich_help_panel=_RULES)
app.add_typer(notify.commands, name="notify", rich_help_panel=_SEE)


def main() -> None:
    """Run the command line."""
    app(prog_name="datchuan")


if __name__ == "__main__":
    main()
