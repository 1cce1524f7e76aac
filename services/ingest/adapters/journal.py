"""The journal: appends a micro-batch of requests in one transaction, whole or not at all."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.arrivals import complete_arrivals
from services.ingest.adapters.driver import Statement, lent_driver
from services.ingest.adapters.fresh import Fresh, Run, is_same_report
from services.ingest.adapters.known_ids import KnownIds
from services.ingest.adapters.newest import tell_newest
from services.ingest.adapters.numbers import NumberBlock
from services.ingest.adapters.rows import (
    JOURNAL_COLUMNS,
    NumberedRows,
    deal,
    in_messages,
    journal_parameters,
    number_rows,
)
from services.ingest.adapters.set_aside import set_aside, storable
from services.ingest.adapters.submission import Committed, Submission
from services.ingest.adapters.tables import JOURNAL_SEQUENCE, REQUEST_SEQUENCE
from services.ingest.domain.reading import Key
from services.ingest.domain.receipts import AtomicRefusedError, Receipt
from shared.runtime import mailbox
from shared.runtime.copying import pieces
from shared.runtime.database import Driver
from shared.runtime.faults import fault_point

# A unique violation means that another process has just written the same ids: looking again settles it. So it does when
# another writes the same ids in another order, and this one gave way to it in a deadlock.
_MAX_ATTEMPTS: Final = 5

_REQUESTS: Final = (
    "INSERT INTO ingest.request (id, source, received_at, format, content_type, file_name, rows, body) "
    "SELECT * FROM unnest(CAST(:request_ids AS bigint[]), CAST(:request_sources AS text[]), "
    "CAST(:received AS timestamptz[]), CAST(:formats AS text[]), CAST(:types AS text[]), CAST(:files AS text[]), "
    "CAST(:rows AS integer[]), CAST(:bodies AS bytea[]))"
)
_REPORTS: Final = (
    "INSERT INTO ingest.journal (seq, source, event_id, request_id, row, event) "
    "SELECT * FROM unnest(CAST(:seqs AS bigint[]), CAST(:sources AS text[]), CAST(:event_ids AS text[]), "
    "CAST(:request_of AS bigint[]), CAST(:row_of AS integer[]), CAST(:events AS text[]))"
)
_STORE_REQUESTS: Final = Statement(_REQUESTS)
_STORE_MESSAGES: Final = Statement(mailbox.PUT)
_STORE_ALL: Final = Statement(f"WITH requests AS ({_REQUESTS}), reports AS ({_REPORTS}) {mailbox.PUT}")
# Up to here one statement for everything is cheaper than a transaction with a COPY.
_FEW_REPORTS: Final = 100
_EXISTING: Final = Statement(
    "SELECT journal.source, journal.event_id, journal.event FROM ingest.journal "
    "JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS asked (source, event_id) "
    "ON journal.source = asked.source AND journal.event_id = asked.event_id"
)


Also = Callable[[Driver, Sequence[Receipt]], Awaitable[None]]


class Journal:
    """Appends requests to the journal. For one caller at a time."""

    def __init__(self, engine: AsyncEngine, partitions: int = 1) -> None:
        self._engine = engine
        self._partitions = partitions
        self._known = KnownIds()
        self._sequences = NumberBlock(JOURNAL_SEQUENCE)
        self._requests = NumberBlock(REQUEST_SEQUENCE)

    def forget(self) -> None:
        """Forget which rows and numbers the server holds: one that takes over after it may lack the last of them."""
        self._known = KnownIds()
        self._sequences.forget()
        self._requests.forget()

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
                async with lent_driver(self._engine) as driver:
                    if fresh.known is not self._known:
                        continue  # the session is a new one: what was known of the last one's server is void
                    if commit and also is None and fresh.known.trusted and fresh.is_plain(_FEW_REPORTS):
                        messages = await self._write_at_once(driver, fresh)
                    else:
                        messages = await self._transact(driver, fresh, also, commit=commit)
            except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
                fresh.known.trusted = False
                continue
            except AtomicRefusedError:
                raise
            except BaseException:
                self.forget()
                raise
            if commit:
                fault_point("ingest.after_commit")
                fresh.known.remember(fresh.marks)
            return Committed(fresh.receipts, messages)
        raise TimeoutError("Other writers kept taking the same ids.")

    async def _write_at_once(self, driver: Driver, fresh: Fresh) -> list[mailbox.Outgoing]:
        """Write a few new reports, of which nothing else has to be asked, by one statement: one round trip."""
        fresh.count()
        requests = await self._number_requests(driver, fresh)
        numbered = await self._number_reports(driver, fresh.runs)
        messages = [rows.message for rows in numbered]
        fault_point("ingest.before_commit")
        parameters = {**requests, **journal_parameters(numbered), **mailbox.put_parameters(messages)}
        await _STORE_ALL.run(driver, parameters)
        return messages

    async def _transact(
        self, driver: Driver, fresh: Fresh, also: Also | None, *, commit: bool
    ) -> list[mailbox.Outgoing]:
        transaction = driver.transaction()
        await transaction.start()
        try:
            messages = await self._write_in(driver, fresh)
            if also is not None:
                await also(driver, fresh.receipts)
            fault_point("ingest.before_commit")
        except Exception:
            if not driver.is_closed():
                await transaction.rollback()
            raise
        await (transaction.commit() if commit else transaction.rollback())
        return messages if commit else []

    async def _write_in(self, driver: Driver, fresh: Fresh) -> list[mailbox.Outgoing]:
        if fresh.has_arrivals:
            await complete_arrivals(driver, fresh)
        if not fresh.known.trusted:
            await self._drop_existing(driver, fresh)
        fresh.count()
        await tell_newest(driver, fresh)
        requests = await self._number_requests(driver, fresh)
        if requests["request_ids"]:
            await _STORE_REQUESTS.run(driver, requests)
        messages = await self._store_reports(driver, fresh.runs)
        await set_aside(driver, fresh.batch, fresh.receipts)
        return messages

    async def _drop_existing(self, driver: Driver, fresh: Fresh) -> None:
        """Take out what the journal already has; once it has nothing of a batch, the memory is enough."""
        if not fresh.marks:
            return
        parameters = {"sources": [key[0] for key in fresh.marks], "ids": [key[1] for key in fresh.marks]}
        found = await _EXISTING.run(driver, parameters)
        stored: dict[Key, str] = {(source, event_id): event for source, event_id, event in found}
        for receipt, draft, mark in fresh.drop(stored):
            if is_same_report(stored[draft.key], draft.event):
                receipt.count_duplicate(draft)
                fresh.known.remember({draft.key: mark})
            else:
                receipt.set_aside_reused(draft)
        fresh.known.trusted = not stored

    async def _number_requests(self, driver: Driver, fresh: Fresh) -> dict[str, list[Any]]:
        """Number the requests that brought something new and return their rows, column by column."""
        kept = [(s, r) for s, r in zip(fresh.batch, fresh.receipts, strict=True) if r.accepted or r.quarantined]
        for submission, receipt in kept:
            receipt.request_id = submission.request_id or await self._requests.take(driver, 1)
        kept = [(submission, receipt) for submission, receipt in kept if not submission.request_id]
        return {
            "request_ids": [receipt.request_id for _, receipt in kept],
            "request_sources": [submission.source for submission, _ in kept],
            "received": [submission.received_at for submission, _ in kept],
            "formats": [submission.reading.format.value for submission, _ in kept],
            "types": [submission.content_type for submission, _ in kept],
            "files": [storable(submission.file_name) for submission, _ in kept],
            "rows": [submission.reading.rows for submission, _ in kept],
            "bodies": [submission.body for submission, _ in kept],
        }

    async def _number_reports(self, driver: Driver, runs: Sequence[Run]) -> list[NumberedRows]:
        numbered: list[NumberedRows] = []
        for partition, own in deal(runs, self._partitions).items():
            for part in in_messages(own):
                first = await self._sequences.take(driver, sum(len(run.drafts) for run in part))
                numbered.append(number_rows(part, first, partition))
        return numbered

    async def _store_reports(self, driver: Driver, runs: Sequence[Run]) -> list[mailbox.Outgoing]:
        numbered = await self._number_reports(driver, runs)
        if not numbered:
            return []
        await driver.copy_to_table(
            "journal", schema_name="ingest", columns=JOURNAL_COLUMNS, source=pieces(rows.lines for rows in numbered)
        )
        messages = [rows.message for rows in numbered]
        await _STORE_MESSAGES.run(driver, mailbox.put_parameters(messages))
        return messages
