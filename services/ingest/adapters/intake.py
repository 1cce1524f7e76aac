"""Takes a request in: reads its rows at a desk, and has the good and the bad ones committed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final, Protocol

import msgspec
import structlog

from services.ingest.adapters.formats.slices import LargeBody
from services.ingest.adapters.formats.value_set import Readers, Wishes
from services.ingest.adapters.submission import Committed, Submission
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import PartlyTakenError, UnsupportedRequestError
from services.ingest.domain.forecast import Forecast, Foresee
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import FORM_FORMATS, Desk, PayloadFormat, Reading
from services.ingest.domain.receipts import AtomicRefusedError, Quarantined, Receipt
from services.ingest.domain.report import ImportReport, counts_of, make_report, refuse_all
from services.ingest.domain.tokens import Grant
from services.ingest.domain.values import Row
from shared.catalog.catalog import Catalog
from shared.catalog.profiles import SourceProfile
from shared.contracts.vocabulary import MeasureKind
from shared.runtime.clock import Clock

_log = structlog.get_logger(__name__)

# A workbook of a megabyte may hold two million cells: so many data values are held in memory at once.
_ROWS_AT_ONCE: Final = 20_000


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A body in one format, and what is to be done with it; `large` is the body when it is kept outside of memory.

    When it is a part of a larger body, `first_row` is the number of its first row there, and `relocate` turns a place
    in this body into the place in that one.
    """

    format: PayloadFormat
    body: bytes
    content_type: str = ""
    wishes: Wishes = Wishes()
    dry_run: bool = False
    atomic: bool = False
    large: LargeBody | None = None
    first_row: int = 0
    relocate: Callable[[str], str] | None = None


class Committer(Protocol):
    """Stores a submission and returns once it is committed."""

    async def submit(self, submission: Submission) -> Receipt:
        """Return what became of the rows."""
        ...


def alias_tables(catalog: Catalog) -> dict[str, AliasTable]:
    """Return the alias table of every source that has a profile."""
    return {source: alias_table(profile, catalog) for source, profile in catalog.profile_by_source.items()}


def alias_table(profile: SourceProfile, catalog: Catalog) -> AliasTable:
    """Return the alias table of a profile."""
    rates = [
        indicator.key
        for indicator in catalog.indicators
        if MeasureKind.PERCENT in indicator.measures and MeasureKind.BOOLEAN not in indicator.measures
    ]
    return AliasTable(profile, rates, catalog.indicator_by_key)


def _in_whole(locate: Callable[[int], str], asked: Import) -> Callable[[int], str]:
    """Return where a row stands in the whole body, of which this may be a part."""
    relocate, first_row = asked.relocate, asked.first_row
    return locate if relocate is None else lambda row: relocate(locate(row - first_row))


def _relocate_remarks(reading: Reading, asked: Import) -> None:
    if asked.relocate is not None:
        reading.remarks = [
            msgspec.structs.replace(remark, place=asked.relocate(remark.place)) for remark in reading.remarks
        ]


async def read_all(steps: Iterator[Awaitable[None] | None]) -> None:
    """Run a reader to its end, letting other requests work between its slices."""
    for step in steps:
        await (asyncio.sleep(0) if step is None else step)


class Intake:
    """The way of a request from its body to its receipt."""

    def __init__(
        self,
        normalizer: Normalizer,
        aliases: Mapping[str, AliasTable],
        readers: Readers,
        committer: Committer,
        rehearse: Callable[[Sequence[Submission]], Awaitable[Committed]],
        clock: Clock,
        foresee: Foresee | None = None,
    ) -> None:
        self._normalizer = normalizer
        self._aliases = aliases
        self._readers = readers
        self._committer = committer
        self._rehearse = rehearse
        self._rehearsing = asyncio.Lock()
        self._clock = clock
        self._foresee = foresee

    async def take_events(
        self, grant: Grant, format_: PayloadFormat, body: bytes, content_type: str
    ) -> tuple[Reading, Receipt]:
        """Read native events or CloudEvents and have them committed: the short way, without a report on staleness."""
        desk = Desk(self._normalizer, grant, self._clock.now(), tables=self._aliases)
        reading = Reading(format_)
        await read_all(self._readers.events[format_](body, desk, reading))
        submission = Submission(grant.source, content_type, body, desk.received_at, reading)
        return reading, await self._committer.submit(submission)

    async def take(self, grant: Grant, asked: Import) -> ImportReport:
        """Read a body in any format and have it committed, or rehearsed; return what became of every row.

        The rows of a form are taken some thousands at a time, because a small workbook holds very many. What fails
        after the first of them leaves those committed: PartlyTakenError tells how many.
        """
        desk = Desk(self._normalizer, grant, self._clock.now(), tables=self._aliases)
        total: ImportReport | None = None
        request_id, reached = 0, Reading(asked.format)
        try:
            async for reading in self._readings(grant.source, asked, desk):
                reached = reading
                report, receipt = await self._settle(grant, asked, desk, reading, request_id)
                request_id = request_id or receipt.request_id
                total = report if total is None else total + report
        except Exception as error:
            if total is None or asked.dry_run:
                raise
            raise PartlyTakenError(counts_of(total), reached.place(reached.first_row), error) from error
        if total is None:
            raise RuntimeError("A body gives one reading at least.")
        return total

    async def _settle(
        self, grant: Grant, asked: Import, desk: Desk, reading: Reading, request_id: int
    ) -> tuple[ImportReport, Receipt]:
        """Have what was read committed, or rehearsed."""
        if asked.atomic and reading.bad:
            bad = [Quarantined.of(bad) for bad in reading.bad]
            return refuse_all(grant.source, reading, bad, dry_run=asked.dry_run), Receipt()
        submission = Submission(
            grant.source, asked.content_type, asked.body, desk.received_at, reading, True, asked.atomic, request_id,
            asked.wishes.file_name,
        )  # fmt: skip
        try:
            receipt = await (self._rehearsed(submission) if asked.dry_run else self._committer.submit(submission))
        except AtomicRefusedError as refused:
            return refuse_all(grant.source, reading, refused.quarantined, dry_run=asked.dry_run), Receipt()
        report = make_report(grant.source, reading, receipt, dry_run=asked.dry_run, atomic=asked.atomic)
        if asked.dry_run and reading.good:
            report = msgspec.structs.replace(report, forecast=await self._forecast(reading, receipt))
        return report, receipt

    async def _readings(self, source: str, asked: Import, desk: Desk) -> AsyncIterator[Reading]:
        """Yield what is read of a body: at once, or by and by."""
        reading = Reading(asked.format, first_row=asked.first_row)
        read_events = self._readers.events.get(asked.format)
        if read_events is not None:
            await read_all(read_events(asked.body, desk, reading))
            yield reading
            return
        table = self._table(source, asked.format)
        values = await self._readers.values[asked.format](asked.body, asked.wishes, table)
        at_once = _ROWS_AT_ONCE if asked.format in FORM_FORMATS and not asked.atomic else None
        rows: Iterator[Row] = iter(values.rows)
        while True:
            reading.locate, reading.complete_date = _in_whole(values.locate, asked), values.complete_date
            reading.line = values.line
            window = islice(rows, at_once)
            await read_all(read_values(window, desk, reading, table, apart=asked.wishes.apart))
            more = next(rows, None)
            if more is None:
                reading.remarks = values.remarks
                _relocate_remarks(reading, asked)
            yield reading
            if more is None:
                return
            rows = chain((more,), rows)
            reading = Reading(asked.format, first_row=reading.first_row + reading.rows)

    async def _rehearsed(self, submission: Submission) -> Receipt:
        async with self._rehearsing:
            return (await self._rehearse([submission])).receipts[0]

    async def _forecast(self, reading: Reading, receipt: Receipt) -> Forecast | None:
        """Return what the reports would change; a dry run without it is still worth its other answers."""
        if self._foresee is None:
            return None
        try:
            refused = {bad.row for bad in receipt.quarantined}
            return await self._foresee([draft.event for draft in reading.good if draft.row not in refused])
        except Exception as error:  # noqa: BLE001 - whatever happens to the forecast, the rows have been checked
            _log.warning("a dry run has no forecast", error=type(error).__name__)
            return None

    def _table(self, source: str, format_: PayloadFormat) -> AliasTable:
        table = self._aliases.get(source)
        if table is not None:
            return table
        if format_ in FORM_FORMATS:
            return AliasTable.empty(source)
        raise UnsupportedRequestError(
            f"The source {source!r} has no profile in the catalog: nothing says what its data elements mean."
        )
