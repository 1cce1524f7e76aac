"""`datchuan`: the command line of those who run the product."""

from datchuan.cli import catalog, dead_letter, dispatch, poll, quarantine, source, token, units
from datchuan.cli.demo import demo
from datchuan.cli.explain import explain
from datchuan.cli.group import new_group
from datchuan.cli.imports import import_files
from datchuan.cli.migrate import migrate
from datchuan.cli.rejudge import rejudge
from datchuan.cli.status import status
from datchuan.cli.template import template
from datchuan.cli.up import up
from datchuan.cli.verify import verify

app = new_group(
    "Đạt Chuẩn watches the health criteria of nông thôn mới and tells the responsible unit when one changes."
)

_RUN, _SEE, _FEED, _RULES = "Run it", "See what it knows", "Feed it", "Look into rules and duties"

app.command(rich_help_panel=_RUN)(demo)
app.command(rich_help_panel=_RUN)(up)
app.command(rich_help_panel=_RUN)(migrate)
app.command(rich_help_panel=_SEE)(status)
app.command(rich_help_panel=_SEE)(explain)
app.command(rich_help_panel=_SEE)(verify)
app.command("import", rich_help_panel=_FEED)(import_files)
app.command(rich_help_panel=_RULES)(rejudge)
app.command(rich_help_panel=_FEED)(template)
app.add_typer(token.commands, name="token", rich_help_panel=_FEED)
app.add_typer(poll.commands, name="poll", rich_help_panel=_FEED)
app.add_typer(quarantine.commands, name="quarantine", rich_help_panel=_FEED)
app.add_typer(dead_letter.commands, name="dead-letter", rich_help_panel=_FEED)
app.add_typer(catalog.commands, name="catalog", rich_help_panel=_RULES)
app.add_typer(source.commands, name="source", rich_help_panel=_RULES)
app.add_typer(units.commands, name="units", rich_help_panel=_RULES)
app.add_typer(dispatch.commands, name="dispatch", rich_help_panel=_RULES)


def main() -> None:
    """Run the command line."""
    app(prog_name="datchuan")


if __name__ == "__main__":
    main()
