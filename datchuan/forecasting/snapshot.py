"""What is stored of some units, read in one read-only transaction: facts, verdicts, waiting messages and alerts."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from datchuan.forecasting.alerting import Standing
from datchuan.forecasting.judging import Known
from datchuan.forecasting.portion import Bounds
from services.evaluator.adapters import queries, sql_facts, sql_read
from services.evaluator.domain.outcome import FactKey
from services.evaluator.domain.recompute import keep_newest
from services.notifier.adapters.alert_store import SqlAlertTransaction
from services.notifier.domain.book import NodeKey
from shared.contracts.streams import INDICATOR_REPORTED, VERDICT_CHANGED
from shared.contracts.wire import (
    IndicatorReported,
    VerdictChanged,
    decode_indicator_reported,
    decode_verdict_changed,
)
from shared.runtime.database import raw_connection

_LIMIT = text("SELECT set_config('statement_timeout', :milliseconds, true)")
# The length of what is stored out of line is known without reading it.
_WAITING_BYTES = text(
    "SELECT coalesce(sum(octet_length(payload)), 0) FROM messaging.mailbox "
    "WHERE handled_at IS NULL AND (stream LIKE :reported OR stream LIKE :changed)"
)
_STREAMS = {"reported": f"{INDICATOR_REPORTED}%", "changed": f"{VERDICT_CHANGED}%"}
_REPORTED = text(
    "SELECT payload, handled_at IS NULL AS is_waiting FROM messaging.mailbox "
    "WHERE stream LIKE :stream AND (handled_at IS NOT NULL OR :with_waiting)"
)
_CHANGED = text(
    "SELECT payload FROM messaging.mailbox WHERE stream LIKE :stream AND handled_at IS NULL ORDER BY created_at"
)
_VERDICTS = text(f"SELECT {sql_read.VERDICT_COLUMNS} FROM evaluator.verdict WHERE unit = ANY(CAST(:units AS text[]))")

_UNSENT = text(
    "SELECT DISTINCT alert_id FROM notifier.ledger WHERE alert_id = ANY(CAST(:ids AS text[])) "
    "AND kind IN ('opened', 'ruleset_change') AND status = 'waiting'"
)


@dataclass(slots=True)
class Mail:
    """What messages hold of some units: judged reports whose facts may be unwritten, waiting reports, untold changes.

    `is_whole` is false when too much waits to be read: then the last two are empty.
    """

    kept: dict[FactKey, IndicatorReported] = field(default_factory=dict)
    waiting: list[IndicatorReported] = field(default_factory=list)
    untold: list[VerdictChanged] = field(default_factory=list)
    is_whole: bool = True


class Snapshot:
    """One consistent view of the store; nothing can be written through it."""

    def __init__(self, connection: AsyncConnection, bounds: Bounds) -> None:
        self._connection = connection
        self._bounds = bounds

    async def is_judged(self) -> bool:
        """Tell whether a writer has ever judged anything: before that there is no verdict to compare with."""
        return await queries.writer_state(self._connection) is not None

    async def mail(self, units: Collection[str]) -> Mail:
        """Return what the messages under way hold of `units`, reading one message after the other."""
        found = Mail()
        waiting_bytes = int(await self._connection.scalar(_WAITING_BYTES, _STREAMS) or 0)
        found.is_whole = waiting_bytes <= self._bounds.waiting_bytes
        asked = {"stream": _STREAMS["reported"], "with_waiting": found.is_whole}
        async with self._connection.stream(_REPORTED, asked) as rows:
            async for row in rows:
                _sort_in(found, row.payload, units, is_waiting=row.is_waiting)
                await asyncio.sleep(0)  # several rows come at once, and each takes a millisecond to decode
        found.waiting.sort(key=lambda report: report.seq)
        if found.is_whole:
            async with self._connection.stream(_CHANGED, {"stream": _STREAMS["changed"]}) as rows:
                async for row in rows:
                    found.untold += [change for change in _changes(row.payload) if change.unit in units]
        return found

    async def known(self, units: Sequence[str], mail: Mail) -> Known:
        """Return what is committed of `units`, of whose messages `mail` holds all."""
        judged = [report for report in mail.kept.values() if report.unit in units]
        async for page in sql_facts.read(self._connection, units):
            judged += page
            await asyncio.sleep(0)
        rows = await self._connection.execute(_VERDICTS, {"units": units})
        return Known(
            judged=judged,
            verdicts={(row.unit, row.node): sql_read.verdict_of(row) for row in rows},
            waiting=[report for report in mail.waiting if report.unit in units],
            untold=[change for change in mail.untold if change.unit in units],
        )

    async def standing(self, keys: Sequence[NodeKey], now: dt.datetime) -> Standing:
        """Return what the notifier has stored of chỉ tiêu of units."""
        driver = await raw_connection(self._connection)
        alerts, marks = await SqlAlertTransaction(self._connection, driver, now, follows_own=False).standing(keys)
        ids = [alert.id for alert in alerts if alert.is_open]
        unsent = await self._connection.scalars(_UNSENT, {"ids": ids}) if ids else ()
        return Standing(keys, alerts, marks, frozenset(unsent))


def _sort_in(mail: Mail, payload: bytes, units: Collection[str], *, is_waiting: bool) -> None:
    reports = [report for report in _reports(payload) if report.unit in units]
    if is_waiting:
        mail.waiting += reports
    else:
        keep_newest(mail.kept, reports)


# What nobody can read is set aside by whoever has to handle it, and changes nothing.


def _reports(payload: bytes) -> tuple[IndicatorReported, ...]:
    try:
        return decode_indicator_reported(payload).events
    except msgspec.DecodeError:
        return ()


def _changes(payload: bytes) -> tuple[VerdictChanged, ...]:
    try:
        return decode_verdict_changed(payload).changes
    except msgspec.DecodeError:
        return ()


@asynccontextmanager
async def snapshot(engine: AsyncEngine, bounds: Bounds) -> AsyncIterator[Snapshot]:
    """Yield a view of the store as of one moment, in a transaction that may not write and is rolled back."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        async with connection.begin() as transaction:
            await connection.execute(_LIMIT, {"milliseconds": str(round(bounds.statement_seconds * 1000))})
            yield Snapshot(connection, bounds)
            await transaction.rollback()
