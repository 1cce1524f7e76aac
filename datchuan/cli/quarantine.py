"""`datchuan quarantine`: the rows that ingest set aside, why, and reading them again."""

from collections import Counter
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, moment, print_json, say, table
from datchuan.cli.session import Session
from datchuan.errors import FINDINGS, USAGE, CommandError
from services.ingest.adapters.quarantine import QuarantineRow, QuarantineStatus, SqlQuarantineStore
from services.ingest.adapters.retry import QuarantineRetry, RetryReport
from services.ingest.domain.faults import Fault
from services.ingest.domain.remedies import REMEDIES
from shared.contracts.vocabulary import QuarantineReason

commands = new_group("Rows that could not be applied: list them, see why, read them again after a correction.")

IdsArgument = Annotated[list[int] | None, typer.Argument(metavar="[ID...]")]
_MOST_TOLD = 20


@commands.command("list")
def list_rows(
    reason: Annotated[QuarantineReason | None, typer.Option("--reason", help="Only rows with this reason.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Only rows of this source.")] = None,
    status: Annotated[QuarantineStatus, typer.Option("--status", help="Which rows.")] = QuarantineStatus.OPEN,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, newest first.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List rows that were set aside, newest first, and how many are open by reason."""

    async def work(engine: AsyncEngine) -> tuple[list[QuarantineRow], dict[str, int]]:
        store = SqlQuarantineStore(engine)
        return await store.list(status, reason.value if reason else None, source, limit), await store.count_open()

    rows, open_by_reason = Session().run(work)
    if as_json:
        print_json({"open": open_by_reason, "rows": [_document(row) for row in rows]})
        return
    shown = table(
        "", "id", "source", "file", "place", "reason", "field", "value", "seen", "last seen", "status",
        whole=("id", "last seen"),
    )  # fmt: skip
    for row in rows:
        where = (str(row.id), row.source, row.file_name or "–", row.place)
        fields = (*where, row.reason, row.field, row.value, str(row.seen))
        shown.add_row(*fields, moment(row.last_seen_at), row.status)
    out = console()
    out.print(shown)
    counts = ", ".join(f"{name} {count}" for name, count in sorted(open_by_reason.items())) or "none"
    out.print(f"open by reason: {counts}")


@commands.command("show")
def show(row_id: Annotated[int, typer.Argument(metavar="ID")], as_json: JsonOption = False) -> None:
    """Show one row with its raw text, what is wrong with it, and the remedy."""

    async def work(engine: AsyncEngine) -> QuarantineRow | None:
        return await SqlQuarantineStore(engine).show(row_id)

    row = Session().run(work)
    if row is None:
        raise CommandError(f"the quarantine has no row {row_id}", "See `datchuan quarantine list`.")
    document = _document(row)
    if as_json:
        print_json(document)
        return
    out = console()
    for name, value in document.items():
        out.print(f"{name:<13} {value}", soft_wrap=True)


@commands.command("retry")
def retry(
    ids: IdsArgument = None,
    everything: Annotated[bool, typer.Option("--all", help="Read all open rows again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read rows again with the catalog and the rights of today; what is right now is applied.

    Data values of one request are read together, as they were sent; with ids, only those of these rows.
    The exit status is 1 when a row is still wrong.
    """
    if bool(ids) == everything:
        raise CommandError("say which rows to read again", "Give ids, or --all.", USAGE)
    session = Session()
    catalog = session.catalog()

    async def work(engine: AsyncEngine) -> RetryReport:
        return await QuarantineRetry(engine, catalog, session.clock(), session.partitions).retry(ids or None)

    report = session.run(work)
    if as_json:
        faults = {
            number: {"reason": f.reason, "field": f.field, "value": f.value} for number, f in report.still_bad.items()
        }
        print_json({"accepted": report.accepted, "duplicates": report.duplicates, "still_bad": faults})
    else:
        counts = (len(report.accepted), len(report.duplicates), len(report.still_bad))
        typer.echo("accepted {}, known already {}, still wrong {}".format(*counts))
        _tell_still_bad(report.still_bad)
    if report.still_bad:
        raise typer.Exit(FINDINGS)


def _tell_still_bad(still_bad: dict[int, Fault]) -> None:
    """Print how many rows are wrong for each reason, and the first of them."""
    for reason, count in Counter(fault.reason.value for fault in still_bad.values()).most_common():
        say(f"  {reason}: {count}")
    for number, fault in sorted(still_bad.items())[:_MOST_TOLD]:
        remedy = fault.remedy or REMEDIES[fault.reason]
        say(f"  {number}: {fault.reason.value} {fault.field} – {remedy.en}")
    if len(still_bad) > _MOST_TOLD:
        say(f"  and {len(still_bad) - _MOST_TOLD} more: `datchuan quarantine list` shows them, --json all of them.")


@commands.command("discard")
def discard(
    ids: IdsArgument = None,
    source: Annotated[str | None, typer.Option("--source", help="All open rows of this source.")] = None,
    reason: Annotated[QuarantineReason | None, typer.Option("--reason", help="All open rows with this reason.")] = None,
    request: Annotated[
        int | None, typer.Option("--all-of-request", help="All open rows of the request with this number (see show).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Close rows that will never be right; they stay readable. Of several choices all must apply to a row."""
    if not ids and source is None and reason is None and request is None:
        raise CommandError("say which rows to discard", "Give ids, --source, --reason or --all-of-request.", USAGE)

    async def work(engine: AsyncEngine) -> list[int]:
        store, code = SqlQuarantineStore(engine), reason.value if reason else None
        return await store.discard(ids or None, reason=code, source=source, request_id=request)

    closed = Session().run(work)
    if as_json:
        print_json({"discarded": closed})
        return
    typer.echo(f"discarded {len(closed)} {f'of {len(ids)} ' if ids else ''}row(s)")


def _document(row: QuarantineRow) -> dict[str, Any]:
    fields = (
        "id",
        "source",
        "status",
        "reason",
        "field",
        "value",
        "detail",
        "row",
        "file",
        "place",
        "format",
        "event_id",
        "seen",
    )
    remedy = REMEDIES[QuarantineReason(row.reason)]
    return {
        **{name: row.file_name if name == "file" else getattr(row, name) for name in fields},
        "remedy": row.remedy or remedy.en,
        "remedy_vi": row.remedy_vi or remedy.vi,
        "request": row.request_id,
        "received_at": row.received_at,
        "last_seen_at": row.last_seen_at,
        "raw": row.raw.decode("utf-8", "replace"),
    }
