"""`datchuan demo`: the product at work on synthetic figures, in less than a minute."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from datchuan.cli.output import Screen
from datchuan.cli.session import parse_day
from datchuan.demo.audience import audience_for
from datchuan.demo.result import DemoResult
from datchuan.demo.run import DemoOptions, run_demo
from datchuan.demo.story import DEFAULT_DAY, StoryDateError
from datchuan.demo.teller import StoryBrokenError
from datchuan.errors import FINDINGS, USAGE, CommandError
from datchuan.stack.folder import DataFolder, FolderInUseError
from datchuan.stack.readiness import NotReadyError
from shared.runtime.errors import DatchuanError

READING_SECONDS = 2.5


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Let the last line be one JSON object.")] = False,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="The day on which it happens.")] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the data here to look into it afterwards.")
    ] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=0.1, max=100, help="How fast captions follow each other on a terminal.")
    ] = 1.0,
) -> None:
    """Tell a story on the real stack: reports come in, verdicts turn, the responsible units get mail.

    The figures are synthetic and the addresses are samples; nothing leaves this machine. The last line sums up; the
    exit status is 0 only when a recompute from the journal finds the same verdicts.
    """
    # With --json standard output is for the one document; the story goes to standard error.
    console = Screen(stderr=as_json)
    if not console.is_terminal:
        console = Screen(file=sys.stderr if as_json else sys.stdout, width=200)
    options = DemoOptions(
        as_of=parse_day(as_of, DEFAULT_DAY),
        keep=keep,
        pause_seconds=READING_SECONDS / speed if console.is_terminal else 0.0,
        environment=dict(os.environ),
    )
    result = _run(options, console)
    for line in _left_behind(options):
        console.out(line)
    for sentence in result.sentences():
        console.out(sentence)
    typer.echo(json.dumps(result.as_dict()) if as_json else result.line())
    if not result.is_good:
        raise typer.Exit(FINDINGS)


def _left_behind(options: DemoOptions) -> tuple[str, ...]:
    """Return where the data and the mails are, or how to keep them, and what the links in the mails are worth now."""
    if options.keep is None:
        return (
            "The mails are gone with the folder of the demo: --keep DIR keeps them in DIR/mail, beside all its data.",
            'With make: make demo ARGS="--keep DIR". The links in the mails work only while the demo runs.',
        )
    folder, day = DataFolder(options.keep), options.as_of.isoformat()
    return (
        f"The mails are in {folder.mail}. Their links worked only while the demo ran.",
        f"The data is in {folder.root}: `datchuan up --data {options.keep} --as-of {day}` runs on it.",
    )


async def _until_terminated(options: DemoOptions, console: Screen) -> DemoResult:
    """Run the demonstration; SIGTERM ends it as Ctrl-C does, so that its folder is cleared."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run_demo(options, audience_for(console), lambda line: console.out(f"! {line}"))


def _run(options: DemoOptions, console: Screen) -> DemoResult:
    try:
        return asyncio.run(_until_terminated(options, console))
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        raise CommandError("the demonstration was stopped", "Its servers and services are stopped too.") from error
    except StoryDateError as error:
        raise CommandError(str(error), "Give another --as-of, or none.", USAGE) from error
    except StoryBrokenError as error:
        raise CommandError(
            f"the demonstration did not come out as told: {error}",
            "Run it again with --keep DIR and look at DIR/logs.",
        ) from error
    except FolderInUseError as error:
        raise CommandError(str(error), "Stop it, or keep the data in another folder.", USAGE) from error
    except (NotReadyError, DatchuanError) as error:
        raise CommandError(str(error), "Run it again with --keep DIR and look at DIR/logs.") from error
    except OSError as error:
        raise CommandError(f"the folder cannot be used: {error}", "Give a folder that you may write.", USAGE) from error
