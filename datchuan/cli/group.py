"""The command group that turns a CommandError into one printed sentence and its exit status."""

from typing import Any

import typer
from typer.core import TyperGroup

from datchuan.cli.output import say
from datchuan.errors import CommandError


class SentenceGroup(TyperGroup):
    """A group of commands whose expected failures never show a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; print a CommandError to standard error and leave with its status."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            say(f"datchuan: {error.sentence()}", err=True)
            raise typer.Exit(error.exit_status) from error


def new_group(help_text: str) -> typer.Typer:
    """Return an empty group of commands that shows its help when it is called alone."""
    return typer.Typer(
        cls=SentenceGroup,
        help=help_text,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
