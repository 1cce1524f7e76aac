"""Reads quarantined rows again with the catalog of today; what is right now enters the journal."""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.formats import cloudevents, native_body
from services.ingest.adapters.formats.kept import read_kept
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.adapters.intake import alias_tables, read_all
from services.ingest.adapters.journal import Journal
from services.ingest.adapters.quarantine import QuarantineRow, QuarantineStatus, SqlQuarantineStore, close_rows
from services.ingest.adapters.submission import Submission
from services.ingest.adapters.tokens import SqlTokenStore
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError
from services.ingest.domain.faults import Fault
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import VALUE_FORMATS, Desk, PayloadFormat, Reading
from services.ingest.domain.receipts import Receipt
from shared.catalog.catalog import Catalog
from shared.runtime.clock import Clock
from shared.runtime.database import Driver

_ROWS_AT_ONCE: Final = 500


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
        self._clock = clock
        self._partitions = partitions

    async def retry(self, ids: Sequence[int] | None = None) -> RetryReport:
        """Read the given rows again, or all open ones."""
        report = RetryReport()
        rows = await self._store.to_retry(ids, 0, _ROWS_AT_ONCE)
        while rows:
            await self._retry_rows(rows, report)
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
        desk = Desk(self._normalizer, grant, self._clock.now(), row.received_at, self._aliases)
        return await read_row(PayloadFormat(row.format), row.raw, desk, self._aliases)


async def read_row(format_: PayloadFormat, raw: bytes, desk: Desk, aliases: Mapping[str, AliasTable]) -> Reading:
    """Return the reading of one quarantined row; a row that cannot be read as a whole gives an empty one."""
    reading = Reading(format_)
    rows: Iterator[Awaitable[None] | None]
    try:
        if format_ in VALUE_FORMATS:
            table = aliases.get(desk.grant.source) or AliasTable.empty(desk.grant.source)
            rows = read_values((await read_kept(raw, Wishes(), table)).rows, desk, reading, table)
        elif format_ is PayloadFormat.CLOUDEVENTS:
            rows = cloudevents.CloudEventReader({PayloadFormat.DATA_VALUES: read_kept}).read_structured(
                raw, desk, reading
            )
        elif format_ is PayloadFormat.NDJSON:
            rows = native_body.read_ndjson(raw, desk, reading)
        else:
            rows = native_body.read_json(raw, desk, reading)
        await read_all(rows)
    except (MalformedBodyError, PatientLevelDataError):
        return Reading(format_)
    return reading
