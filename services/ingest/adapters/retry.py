"""Reads quarantined rows again with the catalog of today; what is right now enters the journal."""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
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
from services.ingest.domain.faults import Fault
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import VALUE_FORMATS, Desk, PayloadFormat, Reading
from services.ingest.domain.receipts import Receipt
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

        Of those the catalog cannot say which holds: who gives their ids does.
        """
        report = RetryReport()
        rows = await self._store.to_retry(ids, 0, _ROWS_AT_ONCE)
        while rows:
            await self._retry_rows([row for row in rows if ids is not None or not _waits(row, report)], report)
            rows = await self._store.to_retry(ids, rows[-1].id, _ROWS_AT_ONCE)
        return report

    async def _retry_rows(self, rows: Sequence[QuarantineRow], report: RetryReport) -> None:
        good: list[tuple[QuarantineRow, Submission]] = []
        bad: dict[int, Fault] = {}
        for row in rows:
            reading = await self._read(row)
            if reading.good and not reading.bad:
                content_type = f"quarantine {row.id}"
                good.append((row, Submission(row.source, content_type, row.raw, row.received_at, reading)))
            elif reading.bad:
                bad[row.id] = reading.bad[0].fault
        if bad:
            await self._store.explain(bad)
            report.still_bad |= bad
        if good:
            await self._append(good, report)

    async def _append(self, good: Sequence[tuple[QuarantineRow, Submission]], report: RetryReport) -> None:
        ids = [row.id for row, _ in good]

        async def close(driver: Driver, receipts: Sequence[Receipt]) -> None:
            taken = [row_id for row_id, receipt in zip(ids, receipts, strict=True) if not receipt.quarantined]
            await close_rows(driver, taken, QuarantineStatus.RETRIED)

        # A journal of its own remembers nothing, so every batch has a transaction in which the rows are closed.
        journal = Journal(self._engine, self._partitions)
        committed = await journal.append([submission for _, submission in good], also=close)
        for row_id, receipt in zip(ids, committed.receipts, strict=True):
            if receipt.quarantined:
                report.still_bad[row_id] = receipt.quarantined[0].fault
            elif receipt.accepted:
                report.accepted.append(row_id)
            else:
                report.duplicates.append(row_id)

    async def _read(self, row: QuarantineRow) -> Reading:
        """Return the row read with the rights that its source has today."""
        grant = await self._tokens.grant_of_source(row.source)
        # A row that has no time of its own was last said when it was last seen.
        desk = Desk(self._normalizer, grant, self._clock.now(), row.last_seen_at, self._aliases)
        return await read_row(PayloadFormat(row.format), row.raw, desk, self._aliases, self._values)


def _waits(row: QuarantineRow, report: RetryReport) -> bool:
    """Return whether a row waits for somebody's choice, and say so in the report: alone it would look good."""
    is_contradicted = row.reason == _CONTRADICTED.value
    if is_contradicted:
        report.still_bad[row.id] = Fault(_CONTRADICTED, row.field, row.value, row.detail)
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
