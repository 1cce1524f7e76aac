"""`datchuan import`: sends files of reports to an ingest, in every format that it reads."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from datchuan.cli.access import Access
from datchuan.cli.import_report import Lang, print_json_report, print_report
from datchuan.cli.output import JsonOption, Screen
from datchuan.cli.rehearsal import Rehearsal
from datchuan.cli.session import Session
from datchuan.errors import FINDINGS, USAGE, CommandError
from datchuan.sending.folders import Found, Item, find_files, open_items
from datchuan.sending.pieces import cut_item, format_of
from datchuan.sending.posting import PostingError, Sender
from datchuan.sending.tallies import Tally
from datchuan.stack.access import LOCAL_SOURCE
from services.ingest.adapters.formats.detecting import SENDABLE
from services.ingest.domain.reading import FORM_FORMATS, VALUE_FORMATS, PayloadFormat

# A body of 256 MB takes minutes to be taken, and is answered at the end.
_TIMEOUT = httpx.Timeout(60.0, read=1_800.0)


def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR...", help="Files, archives of files, and folders.")],
    source: Annotated[
        str | None, typer.Option("--source", help="The source they come from; its token of the running stack is used.")
    ] = None,
    form: Annotated[str | None, typer.Option("--form", help="The column template of spreadsheets and CSV.")] = None,
    period: Annotated[str | None, typer.Option("--period", help="The period of rows that name none: 202409.")] = None,
    observed_at: Annotated[
        str | None, typer.Option("--observed-at", help="When rows without a time were observed (ISO 8601).")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help=f"Instead of detecting it: {', '.join(SENDABLE)}.")
    ] = None,
    atomic: Annotated[bool, typer.Option("--atomic", help="Take a file whole or not at all.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Store nothing; say what would become of each file.")
    ] = False,
    lang: Annotated[Lang, typer.Option("--lang", help="The language of what is printed.")] = Lang.EN,
    url: Annotated[str | None, typer.Option("--url", help="Base URL of ingest; DATCHUAN_INGEST_URL.")] = None,
    token: Annotated[str | None, typer.Option("--token", help="Bearer token; better in DATCHUAN_TOKEN_FILE.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Send DHIS2 (JSON, XML, CSV), ADX, FHIR, CloudEvents, native events (JSON, NDJSON) and spreadsheets to ingest.

    Folders are walked, archives unpacked. A file sent twice is told as duplicates and changes nothing. A dry run also
    tells which verdicts would change and who would be told, when an ingest is running; without one, rows are only
    checked. Exit status: 0 all rows were taken, 1 some were set aside, 2 a file was refused.
    """
    session = Session()
    said = {"form": form, "period": period, "observedAt": observed_at, "format": format_}
    asked = {name: value for name, value in said.items() if value}
    asked |= {name: "true" for name, is_set in (("atomic", atomic), ("dryRun", dry_run)) if is_set}
    if format_ is not None and format_ not in SENDABLE:
        raise CommandError(f"the format {format_!r} is not known", f"Give one of: {', '.join(SENDABLE)}.", USAGE)
    found = find_files(files)
    base = url or session.settings.ingest_url or (session.stack.ingest_url if session.stack else None)
    if base is None and not dry_run:
        raise CommandError(
            "no ingest is known", "Start one with `datchuan up`, or give --url or DATCHUAN_INGEST_URL.", USAGE
        )
    work = _Work(session, found, asked, source, token, is_quiet=as_json)
    try:
        tallies = asyncio.run(work.send(base) if base else work.rehearse())
    except (PostingError, httpx.HTTPError) as error:
        raise CommandError(str(error), "What was sent before is stored; sending all again does no harm.") from error
    if as_json:
        print_json_report(tallies, found, dry_run=dry_run, is_offline=base is None)
    else:
        print_report(tallies, found, dry_run=dry_run, is_offline=base is None, lang=lang)
    raise typer.Exit(_status(list(tallies.values())))


def _status(tallies: list[Tally]) -> int:
    if any(tally.problem for tally in tallies):
        return USAGE
    return FINDINGS if any(tally.quarantined or tally.refused for tally in tallies) else 0


@dataclass
class _Work:
    """Everything that one run sends, and how."""

    session: Session
    found: Found
    asked: dict[str, str]
    source: str | None
    token: str | None
    is_quiet: bool

    async def send(self, base: str) -> dict[str, Tally]:
        """Send the files to an ingest and return what became of each."""
        access = Access(self.session, self.source, self.token)
        async with httpx.AsyncClient(base_url=base, timeout=_TIMEOUT, trust_env=False) as client:
            sender: Sender | None = None
            tallies: dict[str, Tally] = {}
            with self._progress() as advance:
                for item in self._items():
                    if sender is None:
                        sender = Sender(client, await access.token())
                    tallies[item.path] = await self._one(item, sender, advance)
            return tallies

    async def rehearse(self) -> dict[str, Tally]:
        """Check the files without an ingest and return what would become of each."""
        rehearsal = Rehearsal(self.session.catalog(), self.session.clock(), self.source or LOCAL_SOURCE)
        with self._progress() as advance:
            return {item.path: await self._one(item, rehearsal, advance) for item in self._items()}

    async def _one(self, item: Item, taker: Sender | Rehearsal, advance: Callable[[int], None]) -> Tally:
        if item.problem:
            return Tally(problem=item.problem)
        format_ = PayloadFormat(self.asked["format"]) if "format" in self.asked else format_of(item)
        self._need_source(format_)
        tally = Tally()
        for piece in cut_item(item, None if "atomic" in self.asked else format_):
            tally += await taker.send(piece, self.asked, advance)
            if tally.problem:
                break
        return tally

    def _items(self) -> Iterator[Item]:
        for file in self.found.files:
            yield from open_items(file)

    def _need_source(self, format_: PayloadFormat | None) -> None:
        """Refuse data values of an unknown source: nothing would say what they mean."""
        is_known = self.source or self.token or self.session.settings.token
        if not is_known and format_ in VALUE_FORMATS - FORM_FORMATS:
            known = ", ".join(sorted(self.session.catalog().profile_by_source)) or "the catalog has no source profile"
            raise CommandError("the source of a file of data values must be named", f"Give --source ({known}).", USAGE)

    @contextmanager
    def _progress(self) -> Iterator[Callable[[int], None]]:
        """Show the bytes sent on standard error, when that is a terminal; yield what counts them."""
        screen = Screen(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        is_shown = screen.is_terminal and not self.is_quiet
        with Progress(*columns, console=screen, transient=True, disable=not is_shown) as progress:
            total = sum(file.stat().st_size for file in self.found.files if file.is_file())
            task = progress.add_task(f"{len(self.found.files)} files", total=total)
            yield lambda count: progress.advance(task, count)
