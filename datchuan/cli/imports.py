"""`datchuan import`: sends files of reports to an ingest."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from datchuan.cli.output import JsonOption, console, print_json, table
from datchuan.cli.rehearsal import Rehearsal
from datchuan.cli.session import Session
from datchuan.errors import FINDINGS, USAGE, CommandError, as_sentence
from datchuan.sending.payloads import Format, Payload, read_payloads
from datchuan.sending.posting import PostingError, Sender, Tally
from datchuan.stack.access import LOCAL_SOURCE, ensure_token

_TIMEOUT_SECONDS = 60.0


def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of reports; their format is detected.")],
    source: Annotated[
        str | None, typer.Option("--source", help="The source they come from; its token of the running stack is used.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Base URL of ingest; DATCHUAN_INGEST_URL.")] = None,
    token: Annotated[str | None, typer.Option("--token", help="Bearer token; better in DATCHUAN_TOKEN_FILE.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the rows and send nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send native events (JSON, NDJSON), CloudEvents or DHIS2 dataValueSets to ingest.

    NDJSON goes in requests of 1,000 lines. A file sent twice is told as duplicates and changes nothing. Rows that are
    set aside are listed; the exit status is then 1.
    """
    session = Session()
    payloads = [payload for file in files for payload in read_payloads(file)]
    _need_source(session, payloads, source, token)
    try:
        if dry_run:
            rehearsal = Rehearsal(session.catalog(), session.clock(), source or LOCAL_SOURCE)
            tallies = asyncio.run(_take(payloads, rehearsal))
        else:
            tallies = asyncio.run(_send(payloads, _ingest_url(session, url), _Access(session, source, token)))
    except (PostingError, httpx.HTTPError) as error:
        raise CommandError(str(error), "What was sent before is stored; sending all again does no harm.") from error
    _print(tallies, dry_run, as_json)
    if any(tally.quarantined for tally in tallies.values()):
        raise typer.Exit(FINDINGS)


class _Access:
    """Finds the token to send with: given, set in the environment, or that of the running stack."""

    def __init__(self, session: Session, source: str | None, token: str | None) -> None:
        self._session = session
        self._source = source
        self._token = token

    async def token(self) -> str:
        """Return the token."""
        set_token = self._session.settings.token
        if self._token or set_token:
            return self._token or (set_token.get_secret_value() if set_token else "")
        stack = self._session.stack
        if stack is None:
            raise CommandError("no token is known", "Give --token or DATCHUAN_TOKEN_FILE.", USAGE)
        return await ensure_token(self._session.folder, stack.database_url, self._source or LOCAL_SOURCE)


def _need_source(session: Session, payloads: list[Payload], source: str | None, token: str | None) -> None:
    """Refuse a DHIS2 file of an unknown source: nothing would say what its data elements mean."""
    is_known = source or token or session.settings.token
    if not is_known and any(payload.format is Format.DHIS2 for payload in payloads):
        known = ", ".join(sorted(session.catalog().profile_by_source)) or "the catalog has no source profile"
        raise CommandError("the source of a DHIS2 file must be named", f"Give --source ({known}).", USAGE)


def _ingest_url(session: Session, url: str | None) -> str:
    known = url or session.settings.ingest_url or (session.stack.ingest_url if session.stack else None)
    if known is None:
        raise CommandError(
            "no ingest is known", "Start one with `datchuan up`, or give --url or DATCHUAN_INGEST_URL.", USAGE
        )
    return known


async def _send(payloads: list[Payload], base: str, access: _Access) -> dict[Path, Tally]:
    token = await access.token()
    async with httpx.AsyncClient(base_url=base, timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
        return await _take(payloads, Sender(client, token))


async def _take(payloads: list[Payload], taker: Sender | Rehearsal) -> dict[Path, Tally]:
    tallies: dict[Path, Tally] = {}
    for payload in payloads:
        tallies[payload.file] = tallies.get(payload.file, Tally()) + await taker.post(payload)
    return tallies


def _print(tallies: dict[Path, Tally], dry_run: bool, as_json: bool) -> None:
    total = sum(tallies.values(), Tally())
    if as_json:
        documents = [{"file": file, **asdict(tally)} for file, tally in tallies.items()]
        counts: dict[str, Any] = {name: value for name, value in asdict(total).items() if name != "errors"}
        print_json({"dry_run": dry_run, **counts, "files": documents})
        return
    out = console()
    shown = table(
        "Dry run: nothing was stored" if dry_run else "", "file", "rows", "accepted", "duplicates", "set aside"
    )
    for file, tally in tallies.items():
        numbers = (tally.rows, tally.accepted, tally.duplicates, tally.quarantined)
        shown.add_row(str(file), *(str(count) for count in numbers))
    out.print(shown)
    for file, tally in tallies.items():
        for error in tally.errors:
            out.print(f"{file}, {error_line(error)}", soft_wrap=True)
        if tally.quarantined > len(tally.errors) and not dry_run:
            out.print(f"{file}: see `datchuan quarantine list` for all {tally.quarantined} rows that were set aside.")


def error_line(error: dict[str, Any]) -> str:
    """Return one line on a row that was set aside: where it stands, its event id, the value at fault, the remedy.

    Native rows come with an id and a remedy; DHIS2 conflicts with the indexes of their values and one text for all.
    """
    if "errorCode" in error:
        places = ", ".join(str(index) for index in error.get("indexes", ()))
        objects = " ".join(f"{name}={value}" for name, value in error.get("objects", {}).items())
        return f"value {places}, {objects}: {error.get('property', '')} – {error.get('value', '')}"
    event = error.get("id")
    fault = f"{error.get('field', '')}={error.get('value', '')!r}"
    said = " ".join(as_sentence(text) for text in (error.get("detail", ""), error.get("remedy", "")) if text)
    of_event = f", event {event}" if event else ""
    return (
        f"{error.get('row_kind', 'row')} {error.get('row', '?')}{of_event}: {error.get('reason', '')} {fault} – {said}"
    )
