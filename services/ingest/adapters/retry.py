"""Reads quarantined rows again with the catalog of today; what is right now enters the journal."""

import datetime as dt
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.formats import cloudevents, native_body
from services.ingest.adapters.formats.kept import read_kept
from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.formats.value_set import ValueReader, Wishes
from services.ingest.adapters.intake import alias_tables, read_all
from services.ingest.adapters.journal import Journal
from services.ingest.adapters.quarantine import QuarantineRow, QuarantineStatus, SqlQuarantineStore, close_rows
from services.ingest.adapters.submission import Submission
from services.ingest.adapters.tokens import SqlTokenStore
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import IngestError
from services.ingest.domain.faults import Fault, Remedy
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import VALUE_FORMATS, BadRow, Desk, Draft, PayloadFormat, Reading
from services.ingest.domain.receipts import Receipt
from services.ingest.domain.values import DataValue, decode_values
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import QuarantineReason
from shared.runtime.clock import Clock
from shared.runtime.database import Driver

_ROWS_AT_ONCE: Final = 500
_KEPT_VALUES: Final[Mapping[PayloadFormat, ValueReader]] = {PayloadFormat.DATA_VALUES: read_kept}
_CONTRADICTED: Final = QuarantineReason.CONTRADICTED


class RetryReport(msgspec.Struct):
    """What became of the rows that were read again. `still_bad` says why not, by row id."""

    accepted: list[int] = msgspec.field(default_factory=list)
    duplicates: list[int] = msgspec.field(default_factory=list)
    still_bad: dict[int, Fault] = msgspec.field(default_factory=dict)


class QuarantineRetry:
    """Retries rows of the quarantine. The relay of a running ingest publishes what this commits."""

    def __init__(self, engine: AsyncEngine, catalog: Catalog, clock: Clock, partitions: int = 1) -> None:
        self._engine = engine
        self._store = SqlQuarantineStore(engine)
        self._tokens = SqlTokenStore(engine)
        self._normalizer = Normalizer(catalog)
        self._aliases = alias_tables(catalog)
        self._values = all_readers(catalog).values
        self._clock = clock
        self._partitions = partitions

    async def retry(self, ids: Sequence[int] | None = None) -> RetryReport:
        """Read the given rows again, or all open ones but those that contradict one another.

        Data values of one request are read together, as they were sent: with ids, those of the given rows. Of what
        contradicts one another the catalog cannot say which holds: who gives the ids of some of the rows does.
        """
        report = RetryReport()
        rows = await self._store.to_retry(ids, -1, _ROWS_AT_ONCE)
        while rows:
            await self._retry_rows([row for row in rows if ids is not None or not _waits(row, report)], report)
            rows = await self._store.to_retry(ids, rows[-1].request_id, _ROWS_AT_ONCE)
        return report

    async def _retry_rows(self, rows: Sequence[QuarantineRow], report: RetryReport) -> None:
        groups: dict[tuple[object, ...], list[QuarantineRow]] = {}
        for row in rows:
            groups.setdefault(_group_of(row), []).append(row)
        again = _Again()
        for group in groups.values():
            if PayloadFormat(group[0].format) in VALUE_FORMATS:
                await self._read_together(group, again)
            else:
                await self._read_alone(group[0], again)
        if again.bad:
            await self._store.explain(again.bad)
            report.still_bad |= again.bad
        await self._append(again, report)

    async def _append(self, again: "_Again", report: RetryReport) -> None:
        async def close(driver: Driver, receipts: Sequence[Receipt]) -> None:
            await close_rows(driver, sorted(again.ids - again.bad_after(receipts)), QuarantineStatus.RETRIED)

        if not again.ids:
            return
        # A journal of its own remembers nothing, so every batch has a transaction in which the rows are closed.
        journal = Journal(self._engine, self._partitions)
        committed = await journal.append(again.submissions, also=close)
        again.tell(committed.receipts, report)

    async def _read_alone(self, row: QuarantineRow, again: "_Again") -> None:
        """Read a row that has an id of its own, or that holds a CloudEvent."""
        reading = await read_row(PayloadFormat(row.format), row.raw, await self._desk(row), self._aliases, self._values)
        if reading.bad or not reading.good:
            again.bad[row.id] = reading.bad[0].fault if reading.bad else _known_fault(row)
            return
        reading.locate = lambda _: row.place
        again.take(_submission(row, row.raw, row.received_at, reading), {row.id})

    async def _read_together(self, group: Sequence[QuarantineRow], again: "_Again") -> None:
        """Read the data values of one request; a row is closed when all of its values are taken or known."""
        first = group[0]
        desk = await self._desk(first)
        table = self._aliases.get(first.source) or AliasTable.empty(first.source)
        values, owners = _values_of(group, again)
        reading = await _read_values(PayloadFormat(first.format), values, desk, table)
        for bad in reading.bad:
            for row in (bad.row, *bad.mates):
                again.bad.setdefault(owners[row].id, bad.fault)
        if reading.good:  # what is neither good nor bad repeats another row
            again.ids |= {row.id for row in owners}
        for draft in reading.good:
            sent = [draft.row, *draft.mates]
            for part in await self._at_their_moments(draft, [values[row] for row in sent], desk, table):
                rows = [sent[place] for place in (part.row, *part.mates)]
                alone = Reading(reading.format, rows=len(rows), good=[_renumbered(part)])
                alone.locate = _places([owners[row] for row in rows])
                submission = _submission(owners[rows[0]], part.raw, desk.received_at, alone)
                again.take(submission, {owners[row].id for row in rows})

    async def _at_their_moments(
        self, draft: Draft, values: Sequence[DataValue], desk: Desk, table: AliasTable
    ) -> list[Draft]:
        """Return a report as one for each moment of its values: meanwhile another may have come between two of them."""
        if len({value.observed_at for value in values}) == 1:
            return [_renumbered(draft)]
        apart = await _read_values(PayloadFormat.DATA_VALUES, values, desk, table, apart=True)
        return [_renumbered(draft)] if apart.bad else apart.good

    async def _desk(self, row: QuarantineRow) -> Desk:
        """Return the desk of a row: with the rights that its source has today."""
        grant = await self._tokens.grant_of_source(row.source)
        # A row that has no time of its own was last said when it was last seen.
        return Desk(self._normalizer, grant, self._clock.now(), row.last_seen_at, self._aliases)


@dataclass(slots=True)
class _Again:
    """What the rows of some requests are now: those read (`ids`), what is wrong with some, and what is to be stored."""

    ids: set[int] = field(default_factory=set)
    bad: dict[int, Fault] = field(default_factory=dict)
    submissions: list[Submission] = field(default_factory=list)
    rows_of: list[set[int]] = field(default_factory=list)

    def take(self, submission: Submission, row_ids: set[int]) -> None:
        """Note one report that is right now, and the rows that it is made of."""
        self.ids |= row_ids
        self.submissions.append(submission)
        self.rows_of.append(row_ids)

    def bad_after(self, receipts: Sequence[Receipt]) -> set[int]:
        """Return the rows of which not everything was taken."""
        return set(self.bad).union(
            *(rows for rows, receipt in zip(self.rows_of, receipts, strict=True) if receipt.quarantined)
        )

    def tell(self, receipts: Sequence[Receipt], report: RetryReport) -> None:
        """Add to the report what became of each row; one whose values were all known already is a duplicate."""
        new: set[int] = set()
        for rows, receipt in zip(self.rows_of, receipts, strict=True):
            new |= rows if receipt.accepted else set()
            for row_id in rows if receipt.quarantined else ():
                report.still_bad.setdefault(row_id, receipt.quarantined[0].fault)
        closed = self.ids - self.bad_after(receipts)
        report.accepted += sorted(closed & new)
        report.duplicates += sorted(closed - new)


class _Rereading(Reading):
    """A reading of rows that are in the quarantine already, however many of them stay there."""

    def set_aside(self, bad: BadRow) -> None:
        """Add a bad row."""
        self.bad.append(bad)


def _group_of(row: QuarantineRow) -> tuple[object, ...]:
    """Return what the rows that are read together have in common; a row with an id of its own is read alone."""
    if PayloadFormat(row.format) in VALUE_FORMATS:
        return row.source, row.format, row.request_id, row.last_seen_at
    return (row.id,)


def _values_of(group: Sequence[QuarantineRow], again: _Again) -> tuple[list[DataValue], list[QuarantineRow]]:
    """Return the values of some rows, and beside them the row of each; what was no data value at all is none now."""
    values: list[DataValue] = []
    owners: list[QuarantineRow] = []
    for row in group:
        try:
            own = decode_values(row.raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            own = []
        if not own:
            again.bad[row.id] = _known_fault(row)
        values += own
        owners += [row] * len(own)
    return values, owners


async def _read_values(
    format_: PayloadFormat, values: Sequence[DataValue], desk: Desk, table: AliasTable, *, apart: bool = False
) -> Reading:
    reading = _Rereading(format_)
    await read_all(read_values(values, desk, reading, table, apart=apart))
    return reading


def _renumbered(draft: Draft) -> Draft:
    """Return the draft as one whose raw text holds nothing but its own values."""
    return msgspec.structs.replace(draft, row=0, mates=tuple(range(1, len(draft.mates) + 1)))


def _places(owners: Sequence[QuarantineRow]) -> Callable[[int], str]:
    return lambda row: owners[row].place


def _submission(row: QuarantineRow, body: bytes, received_at: dt.datetime, reading: Reading) -> Submission:
    return Submission(row.source, f"quarantine {row.id}", body, received_at, reading, file_name=row.file_name)


def _known_fault(row: QuarantineRow) -> Fault:
    """Return what is known to be wrong with a row."""
    remedy = Remedy(row.remedy, row.remedy_vi) if row.remedy else None
    return Fault(QuarantineReason(row.reason), row.field, row.value, row.detail, remedy)


def _waits(row: QuarantineRow, report: RetryReport) -> bool:
    """Return whether a row waits for somebody's choice, and say so in the report: alone it would look good."""
    is_contradicted = row.reason == _CONTRADICTED.value
    if is_contradicted:
        report.still_bad[row.id] = _known_fault(row)
    return is_contradicted


async def read_row(
    format_: PayloadFormat,
    raw: bytes,
    desk: Desk,
    aliases: Mapping[str, AliasTable],
    values: Mapping[PayloadFormat, ValueReader] = _KEPT_VALUES,
) -> Reading:
    """Return the reading of one quarantined row; a row that cannot be read as a whole gives an empty one.

    `values` are the readers for a CloudEvent that was set aside as a whole, with the document that it carries.
    """
    reading = Reading(format_)
    rows: Iterator[Awaitable[None] | None]
    try:
        if format_ in VALUE_FORMATS:
            table = aliases.get(desk.grant.source) or AliasTable.empty(desk.grant.source)
            rows = read_values((await read_kept(raw, Wishes(), table)).rows, desk, reading, table)
        elif format_ is PayloadFormat.CLOUDEVENTS:
            rows = cloudevents.CloudEventReader(values).read_structured(raw, desk, reading)
        elif format_ is PayloadFormat.NDJSON:
            rows = native_body.read_ndjson(raw, desk, reading)
        else:
            rows = native_body.read_json(raw, desk, reading)
        await read_all(rows)
    except IngestError:
        return Reading(format_)
    return reading
