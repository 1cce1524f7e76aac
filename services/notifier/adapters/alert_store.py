"""Alerts and the ledger in PostgreSQL: a few set-based statements per batch, whatever its size."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters import alert_rows as rows
from services.notifier.adapters import alert_sql, copying
from services.notifier.domain.alerts import Alert, AlertAction, Step
from services.notifier.domain.book import NodeKey, Outcome
from services.notifier.domain.ledger import Entry, LedgerStatus
from services.notifier.domain.mark import Mark
from services.notifier.domain.planning import Plan
from services.notifier.domain.ports import ToldBeforeError
from services.notifier.domain.silences import Silence
from shared.contracts.vocabulary import AlertKind, NoticeKind
from shared.runtime import mailbox
from shared.runtime.copying import pieces
from shared.runtime.database import raw_connection


class SqlAlertStore:
    """Keeps alerts and ledger in PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._last_token: str | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["SqlAlertTransaction"]:
        """Begin a transaction; one replica at a time decides about alerts."""
        async with self._engine.begin() as connection:
            token, previous, now = await take_turn(connection)
            follows = previous is not None and previous == self._last_token
            yield SqlAlertTransaction(connection, await raw_connection(connection), now, follows_own=follows)
        self._last_token = token


async def take_turn(connection: AsyncConnection) -> tuple[str, str | None, dt.datetime]:
    """Wait until nobody else decides about alerts; return this turn's token, that of the last, and the time."""
    token = uuid.uuid4().hex
    row = (await connection.execute(text(alert_sql.TURN), {"token": token})).one()
    return token, row.previous, row.now


class SqlAlertTransaction:
    """One transaction over alerts and ledger. `follows_own`: nobody else has decided since the store's last one.

    Rows are written in the order of their keys: neighbours in an index are found at a tenth less.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        driver: "asyncpg.Connection[asyncpg.Record]",
        now: dt.datetime,
        *,
        follows_own: bool,
    ) -> None:
        self._connection = connection
        self._driver = driver
        self._now = now
        self.follows_own = follows_own

    async def claim(self, message_ids: Sequence[str]) -> frozenset[str]:
        """Take the messages out of the mailbox; return those that were still there."""
        return await mailbox.claim(self._connection, message_ids)

    async def standing(self, keys: Sequence[NodeKey]) -> tuple[list[Alert], list[Mark]]:
        """Return the newest occurrences and the marks of chỉ tiêu of units."""
        if not keys:
            return [], []
        marks = await self._driver.fetch(alert_sql.MARKS, [unit for unit, _ in keys], [node for _, node in keys])
        if not marks:  # whatever has an alert has a mark
            return [], []
        asked = [row["unit"] for row in marks], [row["node"] for row in marks]
        alerts = await self._driver.fetch(alert_sql.ALERTS, *asked)
        return [rows.alert_of(row) for row in alerts], [rows.mark_of(row) for row in marks]

    @property
    def silences(self) -> Sequence[Silence]:
        """The silences that have not ended."""
        return ()

    async def save(self, outcome: Outcome, plan: Plan) -> None:
        """Write the outcome and what is planned of it, and settle entries that are no longer to be sent.

        Raise ToldBeforeError when some of it was told before: then all of it is to be saved by `save_again`.
        """
        try:
            await self._save_alerts(outcome)
            await self._save_marks(outcome)
            await self._copy(
                "rollup_change", copying.ROLLUP_COLUMNS, [copying.rollup_line(each) for each in outcome.rollups]
            )
            await self._copy("ledger", copying.ENTRY_COLUMNS, self._entry_lines(plan.entries))
        except asyncpg.UniqueViolationError as error:
            raise ToldBeforeError(str(error)) from error
        await self._settle(outcome.steps, plan.entries)

    async def save_again(self, outcome: Outcome, plan: Plan) -> None:
        """Do what `save` does, whatever of it is stored already: that is kept, and nobody is told twice."""
        for statement, found in (
            (alert_sql.SAVE_ALERTS, [rows.alert_row(outcome.alerts[key]) for key in sorted(outcome.alerts)]),
            (alert_sql.SAVE_MARKS, [msgspec.to_builtins(outcome.marks[key]) for key in sorted(outcome.marks)]),
            (alert_sql.SAVE_ROLLUPS, [msgspec.to_builtins(change) for change in outcome.rollups]),
            (alert_sql.SAVE_ENTRIES, [rows.entry_row(entry) for entry in plan.entries]),
        ):
            if found:
                await self._connection.execute(text(statement), {"rows": rows.as_json(found)})
        await self._settle(outcome.steps, plan.entries)

    async def _save_alerts(self, outcome: Outcome) -> None:
        new: list[str] = []
        changed: list[tuple[str, ...]] = []
        for key, alert in sorted(outcome.alerts.items()):
            if key in outcome.opened:
                new.append(copying.alert_line(alert))
            else:
                changed.append(rows.alert_update(alert))
        await self._copy("alert", copying.ALERT_COLUMNS, new)
        await self._update(alert_sql.UPDATE_ALERTS, changed)

    async def _save_marks(self, outcome: Outcome) -> None:
        new: list[str] = []
        changed: list[tuple[str, ...]] = []
        for key, mark in sorted(outcome.marks.items()):
            if key in outcome.first_marks:
                new.append(copying.mark_line(mark))
            else:
                changed.append(rows.mark_update(mark))
        await self._copy("node_mark", copying.MARK_COLUMNS, new)
        await self._update(alert_sql.UPDATE_MARKS, changed)

    def _entry_lines(self, entries: Sequence[Entry]) -> list[str]:
        waits = {entry.wait_seconds for entry in entries}
        due = {seconds: (self._now + dt.timedelta(seconds=seconds)).isoformat() for seconds in waits}
        ordered = sorted(entries, key=lambda entry: entry.alert_id or entry.subject)
        return [copying.entry_line(entry, due[entry.wait_seconds]) for entry in ordered]

    async def _copy(self, table: str, columns: Sequence[str], lines: Sequence[str]) -> None:
        if lines:
            await self._driver.copy_to_table(
                table,
                schema_name="notifier",
                columns=columns,
                source=pieces([copying.escaped(lines)]),
                delimiter=copying.DELIMITER,
                null=copying.NULL,
            )

    async def _update(self, statement: str, records: Sequence[tuple[str, ...]]) -> None:
        columns = rows.joined(records)
        if columns:
            await self._driver.execute(statement, *columns)

    async def _settle(self, steps: Sequence[Step], entries: Sequence[Entry]) -> None:
        closed, back, gaps = set(), set(), set()
        for step in steps:
            alert = step.alert
            if step.action is AlertAction.CLOSED:
                closed.add(alert.id)
            elif step.action is AlertAction.DATA_BACK:
                back.add(alert.id)
            elif step.action is AlertAction.RESOLVED:
                if alert.revision > _OPENED_AND_ENDED:  # else nothing was told between the opening and the end
                    back.add(alert.id)
                if alert.opened_as is AlertKind.DATA_GAP:
                    gaps.add(alert.id)
        told = {
            entry.alert_id
            for entry in entries
            if entry.kind is NoticeKind.RESOLVED and entry.status is LedgerStatus.WAITING and entry.alert_id
        }
        for statement, ids in (
            (alert_sql.SUPERSEDE_CLOSED, closed),
            (alert_sql.RECORD_CLOSED, closed),
            (alert_sql.SUPERSEDE_DATA_LOST, back),
            (alert_sql.SUPERSEDE_GAPS, gaps),
            (alert_sql.TELL_TOGETHER, told - gaps),
        ):
            if ids:
                await self._driver.execute(statement, sorted(ids))


_OPENED_AND_ENDED = 2
