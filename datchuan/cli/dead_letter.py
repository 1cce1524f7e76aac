"""`datchuan dead-letter`: messages that no service could handle, and mails that no server took."""

from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, moment, print_json, table
from datchuan.cli.session import Session
from datchuan.errors import CommandError
from services.notifier.adapters.queries import DeadDelivery, dead_deliveries
from shared.runtime.mailbox import requeue

commands = new_group("Messages that no service could handle and mails that no server took.")

_MESSAGES = text(
    "SELECT message_id AS id, stream, reason, attempts, failed_at FROM messaging.dead_letter "
    "ORDER BY failed_at DESC LIMIT :n"
)


@commands.command("list")
def list_dead(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many of each.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first, with the error or the server's reply."""

    async def work(engine: AsyncEngine) -> tuple[list[dict[str, Any]], list[DeadDelivery]]:
        async with engine.connect() as connection:
            messages = [dict(row) for row in (await connection.execute(_MESSAGES, {"n": limit})).mappings()]
        return messages, await dead_deliveries(engine, limit)

    messages, deliveries = Session().run(work)
    if as_json:
        print_json({"messages": messages, "deliveries": [asdict(delivery) for delivery in deliveries]})
        return
    out = console()
    shown = table(f"messages between services: {len(messages)}", "id", "stream", "reason", "attempts", "failed")
    for row in messages:
        shown.add_row(row["id"], row["stream"], row["reason"], str(row["attempts"]), moment(row["failed_at"]))
    out.print(shown)
    title = f"mails and webhooks: {len(deliveries)}"
    shown = table(title, "id", "channel", "address", "subject", "server's reply", "attempts", "failed")
    for dead in deliveries:
        reply, failed = dead.server_reply or "", moment(dead.settled_at)
        shown.add_row(dead.id, dead.channel, dead.address, dead.subject, reply, str(dead.attempts), failed)
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
