"""The journal: appends a micro-batch of requests in one transaction, whole or not at all."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import asyncpg
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ingest.adapters.arrivals import complete_arrivals
from services.ingest.adapters.fresh import Entry, Fresh, is_same_report
from services.ingest.adapters.known_ids import KnownIds
from services.ingest.adapters.numbers import NumberBlock
from services.ingest.adapters.rows import JOURNAL_COLUMNS, NumberedRows, copy_source, number_rows
from services.ingest.adapters.set_aside import set_aside
from services.ingest.adapters.submission import Committed, Submission
from services.ingest.adapters.tables import JOURNAL_SEQUENCE, REQUEST_SEQUENCE
from services.ingest.domain.receipts import Receipt
from shared.contracts.streams import MAX_EVENTS_PER_MESSAGE
from shared.runtime import mailbox
from shared.runtime.database import raw_connection

# A unique violation means that another process has just written the same ids: looking again settles it.
_MAX_ATTEMPTS: Final = 5

_STORE_REQUESTS: Final = text(
    "INSERT INTO ingest.request (id, source, received_at, format, content_type, rows, body) "
    "SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:sources AS text[]), CAST(:received AS timestamptz[]), "
    "CAST(:formats AS text[]), CAST(:types AS text[]), CAST(:rows AS integer[]), CAST(:bodies AS bytea[]))"
)
_EXISTING: Final = text(
    "SELECT journal.source, journal.event_id, journal.event FROM ingest.journal "
    "JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS asked (source, event_id) "
    "ON journal.source = asked.source AND journal.event_id = asked.event_id"
)


Also = Callable[[AsyncConnection, Sequence[Receipt]], Awaitable[None]]


class Journal:
    """Appends requests to the journal. For one caller at a time."""

    def __init__(self, engine: AsyncEngine, stream: str, partition: int = 0) -> None:
        self._engine = engine
        self._stream = stream
        self._partition = partition
        self._known = KnownIds()
        self._sequences = NumberBlock(JOURNAL_SEQUENCE)
        self._requests = NumberBlock(REQUEST_SEQUENCE)
        # A process that has just started remembers no id: it looks before it writes until nothing is found.
        self._looks_first = True

    async def append(self, batch: Sequence[Submission], also: Also | None = None) -> Committed:
        """Store raw requests, reports, bad rows and outgoing messages; return once they are committed.

        `also` may write in the same transaction, when there is one: a batch of known replays needs none.
        """
        return await self._write(batch, commit=True, also=also)

    async def rehearse(self, batch: Sequence[Submission]) -> Committed:
        """Do what `append` would do and undo it: a dry run that knows duplicates and reused ids."""
        return await self._write(batch, commit=False)

    async def _write(self, batch: Sequence[Submission], *, commit: bool, also: Also | None = None) -> Committed:
        for _ in range(_MAX_ATTEMPTS):
            fresh = Fresh(self._known, batch)
            if fresh.is_settled:
                return Committed(fresh.receipts, [])
            try:
                async with self._engine.connect() as connection:
                    messages = await self._write_in(connection, fresh)
                    if also is not None:
                        await also(connection, fresh.receipts)
                    await (connection.commit() if commit else connection.rollback())
            except (asyncpg.UniqueViolationError, exc.IntegrityError):
                self._looks_first = True
                continue
            if commit:
                self._known.remember(fresh.marks)
            return Committed(fresh.receipts, messages)
        raise TimeoutError("Other writers kept taking the same ids.")

    async def _write_in(self, connection: AsyncConnection, fresh: Fresh) -> list[mailbox.Outgoing]:
        if fresh.has_arrivals:
            await complete_arrivals(connection, fresh)
        if self._looks_first:
            self._looks_first = await self._drop_existing(connection, fresh)
        fresh.count()
        await self._store_requests(connection, fresh)
        messages = await self._store_reports(connection, fresh.entries)
        await set_aside(connection, fresh.batch, fresh.receipts)
        return messages

    async def _drop_existing(self, connection: AsyncConnection, fresh: Fresh) -> bool:
        """Take out what the journal already has; return whether there was any."""
        keys = fresh.keys()
        if not keys:
            return True
        parameters = {"sources": [key[0] for key in keys], "ids": [key[1] for key in keys]}
        found = (await connection.execute(_EXISTING, parameters)).all()
        for source, event_id, event in found:
            entry = fresh.drop((source, event_id))
            if is_same_report(event, entry.draft.event):
                entry.receipt.count_duplicate(entry.draft)
                self._known.remember({(source, event_id): entry.mark})
            else:
                entry.receipt.set_aside_reused(entry.draft)
        return bool(found)

    async def _store_requests(self, connection: AsyncConnection, fresh: Fresh) -> None:
        """Keep the raw body of every request that brought something new."""
        kept = [(s, r) for s, r in zip(fresh.batch, fresh.receipts, strict=True) if r.accepted or r.quarantined]
        for _, receipt in kept:
            receipt.request_id = await self._requests.take(connection, 1)
        if not kept:
            return
        parameters = {
            "ids": [receipt.request_id for _, receipt in kept],
            "sources": [submission.source for submission, _ in kept],
            "received": [submission.received_at for submission, _ in kept],
            "formats": [submission.reading.format.value for submission, _ in kept],
            "types": [submission.content_type for submission, _ in kept],
            "rows": [submission.reading.rows for submission, _ in kept],
            "bodies": [submission.body for submission, _ in kept],
        }
        await connection.execute(_STORE_REQUESTS, parameters)

    async def _store_reports(self, connection: AsyncConnection, entries: list[Entry]) -> list[mailbox.Outgoing]:
        numbered: list[NumberedRows] = []
        for start in range(0, len(entries), MAX_EVENTS_PER_MESSAGE):
            part = entries[start : start + MAX_EVENTS_PER_MESSAGE]
            first = await self._sequences.take(connection, len(part))
            numbered.append(number_rows(part, first, self._stream, self._partition))
        if not numbered:
            return []
        driver = await raw_connection(connection)
        await driver.copy_to_table(
            "journal", schema_name="ingest", columns=JOURNAL_COLUMNS, source=copy_source(numbered)
        )
        messages = [rows.message for rows in numbered]
        await mailbox.put(connection, messages)
        return messages
