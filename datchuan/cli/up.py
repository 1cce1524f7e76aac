"""`datchuan up`: the whole stack on this machine, kept running."""

import asyncio
import os
import shlex
import signal
from pathlib import Path
from typing import Annotated

import typer

from datchuan.cli.output import say
from datchuan.cli.session import DEFAULT_DATA, Session, open_catalog, parse_day
from datchuan.errors import CommandError
from datchuan.stack.access import LOCAL_SOURCE, ensure_token
from datchuan.stack.folder import DataFolder, FolderInUseError
from datchuan.stack.readiness import NotReadyError
from datchuan.stack.stack import API_TOKEN, WELL_KNOWN_PORTS, Stack, StackOptions
from shared.runtime.clock import SystemClock
from shared.runtime.errors import DatchuanError


def up(
    data: Annotated[
        Path, typer.Option("--data", envvar="DATCHUAN_DATA", help="The folder of the data; kept between runs.")
    ] = DEFAULT_DATA,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Run as if today were this day.")] = None,
    mail_sink: Annotated[
        bool, typer.Option(help="Catch all mail in the data folder; without it DATCHUAN_SMTP_* says where mail goes.")
    ] = True,
) -> None:
    """Start PostgreSQL, Valkey, the three services and a mail sink on this machine; Ctrl-C stops them."""
    session = Session()
    open_catalog(session.settings.catalog)
    today = SystemClock().today()
    day = parse_day(as_of, today)
    offset = (day - today).days if as_of else session.settings.clock_offset_days
    options = StackOptions(
        catalog=session.settings.catalog.absolute() if session.settings.catalog else None,
        clock_offset_days=offset,
        with_mail_sink=mail_sink,
        ports=WELL_KNOWN_PORTS,
        environment=dict(os.environ),
    )
    try:
        asyncio.run(_run(DataFolder(data), options))
    except FolderInUseError as error:
        raise CommandError(str(error), "Stop it, or give another folder with --data.") from error
    except (NotReadyError, DatchuanError) as error:
        raise CommandError(str(error), "The logs are in the folder `logs` of the data folder.") from error
    except OSError as error:
        raise CommandError(f"cannot use {data}: {error}", "Give a folder that you may write with --data.") from error


async def _run(folder: DataFolder, options: StackOptions) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    typer.echo(f"starting on {folder.root} ...")
    async with Stack(folder, options, lambda line: typer.echo(f"! {line}", err=True)) as stack:
        await ensure_token(folder, stack.addresses.database_url, LOCAL_SOURCE)
        say(welcome(stack, options))
        await stop.wait()
        typer.echo("stopping ...")
    typer.echo("stopped; the data is kept")


def welcome(stack: Stack, options: StackOptions) -> str:
    """Return what the operator is told once everything runs: addresses, surprises, and how to use it."""
    addresses = stack.addresses
    token_file = stack.folder.token_file(LOCAL_SOURCE)
    mail = f"{stack.folder.mail} (nothing is sent)" if options.with_mail_sink else "as DATCHUAN_SMTP_* says"
    metrics = ", ".join(
        f"{url}/metrics" for url in (addresses.ingest_url, addresses.evaluator_url, addresses.notifier_url)
    )
    shifted = f"\n  clock       {options.clock_offset_days:+d} days" if options.clock_offset_days else ""
    moved = "".join(
        f"\n  port        {wanted} is taken by another program: {name} listens on {used}"
        for name, (wanted, used) in stack.moved.items()
    )
    endpoints = "   ".join(
        f"{addresses.ingest_url}{path}" for path in ("/v1/events", "/v1/import", "/api/dataValueSets")
    )
    return f"""Đạt Chuẩn runs.
  ingest      {endpoints}
  API docs    {addresses.ingest_url}/docs
  metrics     {metrics}
  mail        {mail}
  logs        {stack.folder.logs}
  token       {token_file}
  alerts API  {addresses.notifier_url}/v1/alerts   token {stack.folder.secret_file(API_TOKEN)}{shifted}{moved}

Send a report:
  curl -H "Authorization: Bearer $(cat {shlex.quote(str(token_file))})" -H 'Content-Type: application/json' \\
       --data @report.json {addresses.ingest_url}/v1/events
or `datchuan import FILE`, then `datchuan status`. Ctrl-C stops everything.{_where(stack.folder.root)}"""


def _where(root: Path) -> str:
    """Return what commands in another terminal need to find the stack; nothing for the folder they look in anyway."""
    if root == DEFAULT_DATA.expanduser().absolute():
        return ""
    return f"\nIn another terminal first:\n  export DATCHUAN_DATA={shlex.quote(str(root))}"
