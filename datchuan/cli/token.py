"""`datchuan token`: who may send reports, and for which sources."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, moment, print_json, table
from datchuan.cli.session import Session
from datchuan.errors import USAGE, CommandError
from services.ingest.adapters.tokens import SqlTokenStore, TokenRow
from services.ingest.domain.tokens import ANY_SOURCE, Scope

commands = new_group("Create, list and revoke the bearer tokens of senders. Only a hash of a token is stored.")

_SOURCE_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_.-")


@commands.command("create")
def create(
    source: Annotated[str, typer.Option("--source", help="The source that the token speaks for, e.g. hmis.")],
    name: Annotated[str | None, typer.Option("--name", help="A note on whose token it is.")] = None,
    may_send: Annotated[
        str, typer.Option("--may-send", metavar="A,B|*", help="Other sources whose events it may relay.")
    ] = "",
    scope: Annotated[
        list[Scope] | None, typer.Option("--scope", help="Endpoint it opens; give it again for more; all by default.")
    ] = None,
    to_file: Annotated[
        Path | None, typer.Option("--to-file", help="Write the token to this file (mode 600) instead of printing it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a token and show it once; it cannot be read again."""
    _check_source(source)
    others = [other for other in (part.strip() for part in may_send.split(",")) if other]
    for other in others:
        if other != ANY_SOURCE:
            _check_source(other)

    async def work(engine: AsyncEngine) -> tuple[int, str]:
        return await SqlTokenStore(engine).create(name or source, source, others, tuple(scope or Scope))

    number, token = Session().run(work)
    if to_file is not None:
        _write(to_file, token)
    shown = str(to_file) if to_file else token
    if as_json:
        print_json({"id": number, "source": source, "may_send": others, "file" if to_file else "token": shown})
        return
    typer.echo(f"token {number} of source {source}: {shown}")
    typer.echo("Keep it: only its hash is stored. Send it as `Authorization: Bearer TOKEN`.", err=True)


@commands.command("list")
def list_tokens(as_json: JsonOption = False) -> None:
    """List the tokens, revoked ones too."""

    async def work(engine: AsyncEngine) -> list[TokenRow]:
        return await SqlTokenStore(engine).list()

    rows = Session().run(work)
    if as_json:
        fields = TokenRow.__struct_fields__
        print_json({"tokens": [{field: getattr(row, field) for field in fields} for row in rows]})
        return
    shown = table("", "id", "name", "source", "may send", "scopes", "created", "revoked")
    for row in rows:
        revoked, created = moment(row.revoked_at), moment(row.created_at)
        shown.add_row(
            str(row.id), row.name, row.source, ", ".join(row.may_send), ", ".join(row.scopes), created, revoked
        )
    console().print(shown)


@commands.command("revoke")
def revoke(token_id: Annotated[int, typer.Argument(metavar="ID")], as_json: JsonOption = False) -> None:
    """End a token; services notice within seconds."""

    async def work(engine: AsyncEngine) -> bool:
        return await SqlTokenStore(engine).revoke(token_id)

    if not Session().run(work):
        raise CommandError(f"there is no valid token {token_id}", "See `datchuan token list`.")
    if as_json:
        print_json({"id": token_id, "revoked": True})
        return
    typer.echo(f"token {token_id} is revoked")


def _check_source(source: str) -> None:
    if not source or len(source) > 60 or not set(source) <= _SOURCE_CHARACTERS:
        raise CommandError(
            f"{source!r} is no name of a source", "Use up to 60 small letters, digits and any of _ . -", USAGE
        )


def _write(path: Path, token: str) -> None:
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(token + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"the token was created, but {path} cannot be written: {error.strerror}",
            "Revoke it (`datchuan token list`, `revoke`) and create another one.",
        ) from error
