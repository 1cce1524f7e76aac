"""`datchuan dead-letter`: messages that no service could handle, and mails that no server took."""

import re
from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, moment, print_json, table
from datchuan.cli.session import Session
from datchuan.errors import FINDINGS, CommandError
from services.notifier.adapters.dead_deliveries import NotAMailError, Retried, discard_delivery, retry_delivery
from services.notifier.adapters.delivery_stories import DeliveryStory, delivery_story
from services.notifier.adapters.queries import DeadDelivery, dead_deliveries
from services.notifier.domain.audit import OPERATOR
from services.notifier.domain.delivery import DeliveryStatus
from shared.runtime.mailbox import requeue

commands = new_group("Messages that no service could handle and mails that no server took.")

ByOption = Annotated[str, typer.Option("--by", help="Who does it, for the audit.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="ADDRESS", help="Send a mail's news there, this once.")]

_MAIL_ADDRESS = re.compile(r"""[^@\s<>,;:"()\[\]\\]+@[^@\s<>,;:"()\[\]\\]+""")
_MOST_AT_ONCE = 10_000
_MESSAGES = text(
    "SELECT message_id AS id, stream, reason, attempts, failed_at FROM messaging.dead_letter "
    "ORDER BY failed_at DESC LIMIT :n"
)


@commands.command("list")
def list_dead(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many of each.")] = 100,
    discarded: Annotated[bool, typer.Option("--discarded", help="Show the mails that were discarded instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first, with the error or the server's reply."""

    async def work(engine: AsyncEngine) -> tuple[list[dict[str, Any]], list[DeadDelivery]]:
        if discarded:
            return [], await dead_deliveries(engine, limit, DeliveryStatus.DISCARDED)
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
    title = f"{'discarded ' if discarded else ''}mails and webhooks: {len(deliveries)}"
    shown = table(title, "id", "channel", "address", "subject", "server's reply", "attempts", "failed")
    for dead in deliveries:
        reply, failed = dead.server_reply or "", moment(dead.settled_at)
        shown.add_row(dead.id, dead.channel, dead.address, dead.subject, reply, str(dead.attempts), failed)
    out.print(shown)


@commands.command("show")
def show(dead_id: IdArgument, as_json: JsonOption = False) -> None:
    """Show one mail or webhook: to whom it goes, every try with the server's reply, and its text."""

    async def work(engine: AsyncEngine) -> DeliveryStory | None:
        return await delivery_story(engine, dead_id)

    found = Session().run(work)
    if found is None:
        raise CommandError(f"there is no mail or webhook {dead_id!r}", "See `datchuan dead-letter list`.")
    if as_json:
        print_json(asdict(found))
        return
    out = console()
    for name in ("id", "status", "channel", "address", "message_id", "subject", "server_reply"):
        out.print(f"{name}: {getattr(found, name) or '–'}", markup=False, soft_wrap=True)
    shown = table(f"tells {len(found.entries)} unit(s) and alert(s)", "unit", "role", "kind", "about", "status")
    for entry in found.entries:
        shown.add_row(entry.responsible_unit, entry.role, entry.kind, entry.about, entry.status)
    out.print(shown)
    shown = table(f"tries and what was done since: {len(found.tries)}", "at", "what", "by", "details")
    for each in found.tries:
        shown.add_row(moment(each.at), each.kind, each.actor, each.details)
    out.print(shown)
    out.print(found.body, markup=False, soft_wrap=True)


@commands.command("retry")
def retry(dead_id: IdArgument, to: ToOption = None, by: ByOption = OPERATOR, as_json: JsonOption = False) -> None:
    """Try again: a message goes back to its service, a mail's news to the addresses that the catalog has today.

    With --to it goes to that address instead, without a change of the catalog: the next news goes where the catalog
    says. The exit status is 1 when a unit of the mail still has no address.
    """
    session = Session()
    if to is not None and not _MAIL_ADDRESS.fullmatch(to):
        raise CommandError(f"{to!r} is not a mail address", "Write it as name@domain.")

    async def work(engine: AsyncEngine) -> Retried | bool | None:
        if to is None:
            async with engine.begin() as connection:
                if await requeue(connection, [dead_id]):
                    return True
        return await retry_delivery(engine, session.catalog(), dead_id, by, to)

    try:
        result = session.run(work)
    except NotAMailError as error:
        raise CommandError(str(error), "Correct it there, and try again without --to.") from error
    if result is None:
        raise CommandError(f"there is no dead message {dead_id!r}", "See `datchuan dead-letter list`.")
    if isinstance(result, Retried):
        _tell(dead_id, result, as_json=as_json)
    elif as_json:
        print_json({"id": dead_id, "requeued": True})
    else:
        typer.echo(f"{dead_id} waits for its service again")


@commands.command("retry-all")
def retry_all(
    address: Annotated[str | None, typer.Option("--address", help="Only what was to go to this address.")] = None,
    by: ByOption = OPERATOR,
    as_json: JsonOption = False,
) -> None:
    """Try all mails and webhooks again, oldest first, when what refused them has been mended.

    The exit status is 1 when a unit of one of them still has no address: that one stays a dead letter.
    """
    session = Session()

    async def work(engine: AsyncEngine) -> list[Retried]:
        dead = await dead_deliveries(engine, _MOST_AT_ONCE)
        ids = [each.id for each in reversed(dead) if address is None or each.address == address]
        found = [await retry_delivery(engine, session.catalog(), each, by) for each in ids]
        return [each for each in found if each is not None]

    results = session.run(work)
    total = Retried(
        waiting=sum(each.waiting for each in results),
        addresses=tuple(sorted({to for each in results for to in each.addresses})),
        superseded=sum(each.superseded for each in results),
        unreachable=tuple(sorted({unit for each in results for unit in each.unreachable})),
    )
    _tell(f"{len(results)} messages", total, as_json=as_json)


def _tell(dead_id: str, result: Retried, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": dead_id, "requeued": result.waiting > 0, **asdict(result)})
    else:
        where = f" to be sent to {', '.join(result.addresses)}" if result.addresses else ""
        typer.echo(f"{result.waiting} notification(s) wait{where}; {result.superseded} moved or over by now")
        if result.unreachable:
            typer.echo(f"the catalog has no address of: {', '.join(result.unreachable)}", err=True)
    if result.unreachable:
        raise typer.Exit(FINDINGS)


@commands.command("discard")
def discard(dead_id: IdArgument, by: ByOption = OPERATOR, as_json: JsonOption = False) -> None:
    """Close a mail or webhook that need not be sent any more; it stays readable."""

    async def work(engine: AsyncEngine) -> bool:
        return await discard_delivery(engine, dead_id, by)

    if not Session().run(work):
        raise CommandError(f"there is no dead mail or webhook {dead_id!r}", "See `datchuan dead-letter list`.")
    if as_json:
        print_json({"id": dead_id, "discarded": True})
        return
    typer.echo(f"{dead_id} is discarded; `datchuan dead-letter list --discarded` shows it")
