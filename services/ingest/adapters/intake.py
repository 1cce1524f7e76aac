"""Takes a request in: reads its rows at a desk, and has the good and the bad ones committed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from services.ingest.adapters.formats.slices import LargeBody
from services.ingest.adapters.formats.value_set import Readers, Wishes
from services.ingest.adapters.submission import Committed, Submission
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import UnsupportedRequestError
from services.ingest.domain.forecast import Forecast, Foresee
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import FORM_FORMATS, Desk, PayloadFormat, Reading
from services.ingest.domain.receipts import AtomicRefusedError, Quarantined, Receipt
from services.ingest.domain.report import ImportReport, make_report, refuse_all
from services.ingest.domain.tokens import Grant
from shared.catalog.catalog import Catalog
from shared.catalog.profiles import SourceProfile
from shared.contracts.vocabulary import MeasureKind
from shared.runtime.clock import Clock

_log = structlog.get_logger(__name__)


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
        """Read a body in any format and have it committed, or rehearsed; return what became of every row."""
        desk = Desk(self._normalizer, grant, self._clock.now(), tables=self._aliases)
        reading = await self._read(grant.source, asked, desk)
        if asked.atomic and reading.bad:
            bad = [Quarantined.of(bad) for bad in reading.bad]
            return refuse_all(grant.source, reading, bad, dry_run=asked.dry_run)
        submission = Submission(
            grant.source, asked.content_type, asked.body, desk.received_at, reading, True, asked.atomic
        )
        try:
            receipt = await (self._rehearsed(submission) if asked.dry_run else self._committer.submit(submission))
        except AtomicRefusedError as refused:
            return refuse_all(grant.source, reading, refused.quarantined, dry_run=asked.dry_run)
        report = make_report(grant.source, reading, receipt, dry_run=asked.dry_run, atomic=asked.atomic)
        if asked.dry_run and reading.good:
            return msgspec.structs.replace(report, forecast=await self._forecast(reading, receipt))
        return report

    async def _read(self, source: str, asked: Import, desk: Desk) -> Reading:
        reading = Reading(asked.format, first_row=asked.first_row)
        read_events = self._readers.events.get(asked.format)
        if read_events is not None:
            await read_all(read_events(asked.body, desk, reading))
        else:
            table = self._table(source, asked.format)
            values = await self._readers.values[asked.format](asked.body, asked.wishes, table)
            reading.locate, reading.complete_date = _in_whole(values.locate, asked), values.complete_date
            reading.remarks = values.remarks
            await read_all(read_values(values.rows, desk, reading, table, apart=asked.wishes.apart))
            _relocate_remarks(reading, asked)
        return reading

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
