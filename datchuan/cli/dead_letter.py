"""`datchuan dead-letter`: messages that no service could handle, and mails that no server took."""

from typing import Annotated, Any

import typer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.errors import CommandError
from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, moment, print_json, table
from datchuan.cli.session import Session
from shared.runtime.mailbox import requeue

commands = new_group("Messages that no service could handle and mails that no server took.")

_MESSAGES = text(
    "SELECT message_id AS id, stream AS what, reason, attempts, failed_at FROM messaging.dead_letter "
    "ORDER BY failed_at DESC LIMIT :n"
)
_DELIVERIES = text(
    "SELECT id, channel || ' ' || address AS what, coalesce(server_reply, '') AS reason, attempts, "
    "settled_at AS failed_at FROM notifier.delivery WHERE status = 'dead' ORDER BY settled_at DESC LIMIT :n"
)


@commands.command("list")
def list_dead(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many of each.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first, with the error or the server's reply."""

    async def work(engine: AsyncEngine) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        async with engine.connect() as connection:
            messages = (await connection.execute(_MESSAGES, {"n": limit})).mappings()
            deliveries = (await connection.execute(_DELIVERIES, {"n": limit})).mappings()
            return [dict(row) for row in messages], [dict(row) for row in deliveries]

    messages, deliveries = Session().run(work)
    if as_json:
        print_json({"messages": messages, "deliveries": deliveries})
        return
    out = console()
    for title, rows in (("messages between services", messages), ("mails and webhooks", deliveries)):
        shown = table(f"{title}: {len(rows)}", "id", "what", "reason", "attempts", "failed", whole=("failed",))
        for row in rows:
            shown.add_row(row["id"], row["what"], row["reason"], str(row["attempts"]), moment(row["failed_at"]))
        out.print(shown)


@commands.command("retry")
def retry(message_id: Annotated[str, typer.Argument(metavar="ID")], as_json: JsonOption = False) -> None:
    """Give a message back to its service; a running stack takes it up within seconds."""

    async def work(engine: AsyncEngine) -> bool:
        async with engine.begin() as connection:
            return bool(await requeue(connection, [message_id]))

    if not Session().run(work):
        raise CommandError(f"there is no dead message {message_id!r}", "See `datchuan dead-letter list`.")
    if as_json:
        print_json({"id": message_id, "requeued": True})
        return
    typer.echo(f"{message_id} waits for its service again")
