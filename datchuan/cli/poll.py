"""`datchuan poll`: look at the DHIS2 instances that ingest polls."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, moment, print_json, say
from datchuan.cli.session import Session
from datchuan.errors import FINDINGS, USAGE, CommandError
from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.intake import Import, Intake, alias_tables
from services.ingest.adapters.journal import Journal
from services.ingest.adapters.polling.checking import Checked, check_poll
from services.ingest.adapters.polling.credentials import warn_of_open_file
from services.ingest.adapters.polling.polls import Poll, load_polls
from services.ingest.adapters.polling.states import SqlPollStore
from services.ingest.adapters.submission import Submission
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.receipts import Receipt
from services.ingest.domain.report import ImportReport
from services.ingest.domain.tokens import Grant
from services.ingest.settings import IngestSettings
from shared.catalog.catalog import Catalog
from shared.runtime.settings import SettingsError, load

commands = new_group("Look at the DHIS2 instances that are polled (DATCHUAN_POLLS).")


class _Nowhere:
    """The committer of dry runs."""

    async def submit(self, submission: Submission) -> Receipt:
        """Refuse: a look stores nothing."""
        raise CommandError(f"nothing of {submission.source} is stored by a look", "This is a bug.")


@commands.callback()
def group() -> None:
    """Keep the group a group while it has one command."""


@commands.command("check")
def check(
    name: Annotated[str | None, typer.Argument(help="Name of a poll; all when left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask each instance who we are, what is there, and what the next window would bring; store nothing."""
    session = Session()
    catalog = session.catalog()
    polls = _chosen(catalog, name)

    async def work(engine: AsyncEngine) -> list[Checked]:
        return await _check_all(engine, session, catalog, polls)

    checked = session.run(work)
    if as_json:
        print_json({"polls": [_document(found) for found in checked]})
    else:
        for poll, found in zip(polls, checked, strict=True):
            _print(poll, found)
    if any(found.faults for found in checked):
        raise typer.Exit(FINDINGS)


def _chosen(catalog: Catalog, name: str | None) -> list[Poll]:
    try:
        path = load(IngestSettings).polls
        if path is None:
            raise CommandError("no polls are configured", "Set DATCHUAN_POLLS to a YAML file or a folder.", USAGE)
        polls = load_polls(path, catalog.profile_by_source)
    except SettingsError as error:
        raise CommandError(str(error), "Mend the file and try again.", USAGE) from error
    chosen = [poll for poll in polls if name in (None, poll.name)]
    if not chosen:
        raise CommandError(f"there is no poll {name!r}", f"Polls: {', '.join(poll.name for poll in polls)}.", USAGE)
    return chosen


async def _check_all(engine: AsyncEngine, session: Session, catalog: Catalog, polls: Sequence[Poll]) -> list[Checked]:
    rehearse, store = Journal(engine, session.partitions).rehearse, SqlPollStore(engine)
    intake = Intake(
        Normalizer(catalog), alias_tables(catalog), all_readers(catalog), _Nowhere(), rehearse, session.clock()
    )

    async def one(poll: Poll) -> Checked:
        async def rehearsed(asked: Import) -> ImportReport:
            return await intake.take(Grant(poll.source), asked)

        return await check_poll(poll, await store.state(poll.name, poll.scope), rehearsed)

    return [await one(poll) for poll in polls]


def _document(found: Checked) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.structs.asdict(found) | {"report": None}
    if found.report is not None:
        document["report"] = _counts(found.report)
    return document


def _counts(report: ImportReport) -> dict[str, int]:
    names = ("rows", "accepted", "updated", "deleted", "duplicates", "stale", "quarantined")
    return {name: getattr(report, name) for name in names}


def _print(poll: Poll, found: Checked) -> None:
    say(f"{found.name}: {found.url}")
    if warn_of_open_file(poll.credentials_file):
        say(f"  others may read {poll.credentials_file}: chmod 600")
    if found.user:
        say(f"  we are {found.user} on DHIS2 {found.version or '?'}, where it is {moment(found.server_time)}")
    for uid, name in (found.data_sets | found.org_units).items():
        say(f"  {uid}: {name}")
    if found.values is not None:
        more = " or more" if found.values >= poll.values_per_request else ""
        say(f"  the next window, from {moment(found.asks_from)}: {found.values}{more} values in its first answer")
    if found.report is not None:
        say("  " + ", ".join(f"{count} {name}" for name, count in _counts(found.report).items()))
        for conflict in found.report.conflicts[:5]:
            say(f"  {conflict.place}: {conflict.code} {conflict.field} {conflict.value!r}. {conflict.remedy}")
    for fault in found.faults:
        say(f"  FAULT {fault}")
