"""Alerts and the ledger in PostgreSQL: a few set-based statements per batch, whatever its size."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters import alert_rows as rows
from services.notifier.adapters import alert_sql, audit_store, copying, course_rows
from services.notifier.domain.alerts import Alert, AlertAction, Step
from services.notifier.domain.book import NodeKey, Outcome
from services.notifier.domain.course import Course
from services.notifier.domain.flapping import before_them, superseded_by
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
        self._silences: tuple[int, Sequence[Silence]] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["SqlAlertTransaction"]:
        """Begin a transaction; one replica at a time decides about alerts."""
        async with self._engine.begin() as connection:
            turn = await take_turn(connection)
            follows = turn.previous is not None and turn.previous == self._last_token
            if self._silences is None or self._silences[0] != turn.silence_changes:
                self._silences = turn.silence_changes, await standing_silences(connection)
            yield SqlAlertTransaction(
                connection,
                await raw_connection(connection),
                turn.now,
                follows_own=follows,
                silences=self._silences[1],
            )
        self._last_token = turn.token


class Turn(NamedTuple):
    """A turn at deciding about alerts: its token, that of the last, how often silences have changed, and the time."""

    token: str
    previous: str | None
    silence_changes: int
    now: dt.datetime


async def take_turn(connection: AsyncConnection) -> Turn:
    """Wait until nobody else decides about alerts; return the turn, which ends with the transaction."""
    token = uuid.uuid4().hex
    row = (await connection.execute(text(alert_sql.TURN), {"token": token})).one()
    return Turn(token, row.previous, row.silence_changes, row.now)


async def standing_silences(connection: AsyncConnection) -> list[Silence]:
    """Return the silences that nobody has ended; some may not have begun, or be over."""
    rows = (await connection.execute(text(alert_sql.SILENCES))).mappings()
    return [msgspec.convert(dict(row), Silence) for row in rows]


class SqlAlertTransaction:
    """One transaction over alerts and ledger. `follows_own`: nobody else has decided since the store's last one.

    `silences` are those that nobody has ended.

    Rows are written in the order of their keys: neighbours in an index are found at a tenth less.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        driver: "asyncpg.Connection[asyncpg.Record]",
        now: dt.datetime,
        *,
        follows_own: bool,
        silences: Sequence[Silence] = (),
    ) -> None:
        self._connection = connection
        self._driver = driver
        self._now = now
        self.follows_own = follows_own
        self.silences = silences

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

    async def urged(self, alert_ids: Sequence[str]) -> list[Course]:
        """Return the courses of alerts of which something was told already."""
        statement = f"{course_rows.SELECT_COURSES} WHERE c.alert_id = ANY($1::text[]) AND c.position > 0"
        if not alert_ids:
            return []
        return [course_rows.course_of(row) for row in await self._driver.fetch(statement, list(alert_ids))]

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
            await audit_store.copy_lines(self._driver, plan.audit)
            await course_rows.copy_courses(self._driver, plan.courses)
        except asyncpg.UniqueViolationError as error:
            raise ToldBeforeError(str(error)) from error
        await self._settle(outcome.steps, plan)

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
        await audit_store.insert_lines(self._connection, plan.audit, unless_there=True)
        await course_rows.write_courses(self._driver, plan.courses, course_rows.INSERT_COURSES)
        await self._settle(outcome.steps, plan)

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

    async def _settle(self, steps: Sequence[Step], plan: Plan) -> None:
        closed, back, gaps = set(), set(), set()
        ended = sorted({step.alert.id for step in steps if not step.alert.is_open})
        urged = await self._driver.fetch(course_rows.END_COURSES, ended) if ended else []
        for step in steps:
            alert = step.alert
            if step.action is AlertAction.CLOSED:
                closed.add(alert.id)
            elif step.action is AlertAction.DATA_BACK:
                back.add(alert.id)
            elif step.action is AlertAction.RESOLVED:
                if alert.revision > _OPENED_AND_ENDED:  # else nothing was told between the opening and the end
                    back.add(alert.id)
                if alert.opened_as is AlertKind.DATA_GAP and not step.was_flapping:
                    gaps.add(alert.id)
        told, calmed = _told_ends(plan.entries), {step.alert.id for step in steps if step.is_held_for_calm}
        await self._settle_pairs(alert_sql.SUPERSEDE_FLIPS, superseded_by(steps))
        for statement, ids in (
            (alert_sql.SUPERSEDE_URGED, [row["alert_id"] for row in urged]),
            (alert_sql.SUPERSEDE_CLOSED, closed),
            (alert_sql.RECORD_CLOSED, closed),
            (alert_sql.SUPERSEDE_DATA_LOST, back),
            (alert_sql.SUPERSEDE_GAPS, gaps),
            (alert_sql.TELL_TOGETHER, told - calmed),
            (alert_sql.CALM_TOGETHER, told & calmed - gaps),
            (alert_sql.SUPERSEDE_UNHEARD, plan.unheard),
        ):
            if ids:
                await self._driver.execute(statement, sorted(ids))
        await self._settle_pairs(alert_sql.TELL_IN_ORDER, before_them(steps))

    async def _settle_pairs(self, statement: str, newest: Mapping[str, str]) -> None:
        if newest:
            await self._driver.execute(statement, list(newest), list(newest.values()))


def _told_ends(entries: Sequence[Entry]) -> set[str]:
    """Return the alerts whose end somebody is told of."""
    return {
        entry.alert_id
        for entry in entries
        if entry.kind is NoticeKind.RESOLVED and entry.status is LedgerStatus.WAITING and entry.alert_id
    }


_OPENED_AND_ENDED = 2
