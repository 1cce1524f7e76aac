"""`datchuan notify release`: what is held back for a digest, office hours or another reason is sent now."""

from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.output import JsonOption, print_json, say
from datchuan.cli.session import Session
from datchuan.errors import USAGE, CommandError
from services.notifier.adapters.releasing import RELEASED_UNASKED, Released, release
from services.notifier.domain.audit import OPERATOR
from services.notifier.domain.ledger import HeldFor
from services.notifier.domain.silence_requests import AUTHOR_CHARACTERS, line_of


def release_held(
    address: Annotated[str | None, typer.Argument(metavar="ADDRESS", help="The address that it waits for.")] = None,
    everywhere: Annotated[bool, typer.Option("--all", help="What waits for any address.")] = False,
    held_for: Annotated[
        list[HeldFor] | None,
        typer.Option("--held-for", help="Only what this holds; may be given again. A silence must be named."),
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it, for the audit.")] = OPERATOR,
    as_json: JsonOption = False,
) -> None:
    """Send now what is held back; what a silence holds only with --held-for silence.

    A running notifier sends it within moments, as one message for each address.
    """
    if (address is None) is not everywhere:
        raise CommandError("what is to be released is not clear", "Give an ADDRESS or --all.", USAGE)
    who = line_of(by)
    if not who or len(who) > AUTHOR_CHARACTERS:
        raise CommandError(f"--by {by!r} is no name", f"Write 1 to {AUTHOR_CHARACTERS} characters.", USAGE)
    reasons = frozenset(held_for or RELEASED_UNASKED)

    async def work(engine: AsyncEngine) -> Released:
        return await release(engine, address, reasons, who)

    done = Session().run(work)
    if as_json:
        print_json({"address": address, "held_for": sorted(reasons), **asdict(done)})
        return
    say(f"released {done.entries} notification(s) for {done.addresses} address(es)")
    if done.still_held:
        listed = ", ".join(f"{amount} for {reason.value}" for reason, amount in sorted(done.still_held.items()))
        say(f"still held: {listed}; --held-for releases them, too")
