"""Courses in PostgreSQL: what is due of them, how they go on, and who has acknowledged an alert."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters import alert_sql, audit_store, course_rows
from services.notifier.adapters.alert_rows import alert_of, as_json, entry_row
from services.notifier.adapters.alert_store import standing_silences
from services.notifier.domain.alerts import Alert
from services.notifier.domain.audit import AuditKind, AuditLine
from services.notifier.domain.course import (
    Course,
    CourseState,
    acknowledge,
    is_held,
    rewound,
    stalled_before,
    unacknowledge,
)
from services.notifier.domain.silences import Silence
from services.notifier.domain.urging import Urged
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.runtime.database import raw_connection

# The row that whoever decides about alerts holds: no alert ends while it is urged. Its token stays: nothing changes
# that a replica remembers of alerts. Single rows are found by their keys, as in TURN.
HOLD_TURN = """
SELECT token, set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true)
  FROM notifier.turn WHERE id = 1 FOR UPDATE
"""

# In the order of the index, so that it is read: most courses have ended, and a plan without statistics reads them all.
ANY_DUE = "SELECT true FROM notifier.course WHERE next_at <= $1 ORDER BY next_at LIMIT 1"

# SKIP LOCKED: what another replica is at is done by it.
DUE = f"{course_rows.SELECT_COURSES} WHERE c.next_at <= $1 ORDER BY c.next_at LIMIT $2 FOR UPDATE OF c SKIP LOCKED"

STANDING = f"{course_rows.SELECT_COURSES} WHERE c.alert_id = ANY($1::text[])"

ALERTS = """
SELECT unit, node, cell, occurrence, opened_as, kind, opened_at, opened_cause, revision, breaches, evidence, ended_at,
       end_reason, end_cause, openings, flapping
  FROM notifier.alert WHERE id = ANY($1::text[])
"""

STALLED = "SELECT count(*) FROM notifier.course WHERE next_at < $1"

_encode = msgspec.json.Encoder(order="sorted").encode


class SqlCourses:
    """Keeps courses in PostgreSQL. Moments are those of the product's clock, never the database's."""

    def __init__(self, engine: AsyncEngine, calendar: WorkingCalendar) -> None:
        self._engine = engine
        self._calendar = calendar

    async def any_due(self, now: dt.datetime) -> bool:
        """Return whether something is to be done by a moment, without waiting for anybody."""
        async with self._engine.connect() as connection:
            driver = await raw_connection(connection)
            return bool(await driver.fetchval(ANY_DUE, now))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["SqlCourseTransaction"]:
        """Begin a transaction in which nobody else decides about alerts or courses."""
        async with self._engine.begin() as connection:
            await connection.execute(text(HOLD_TURN))
            yield SqlCourseTransaction(
                connection, await raw_connection(connection), await standing_silences(connection)
            )

    async def acknowledge(self, alert_ids: Sequence[str], by: str, via: str, at: dt.datetime) -> list[Course]:
        """Stop reminders and escalation of the alerts that are open; return their courses, held.

        What waits of them is not sent. An alert without a course, or one that has ended, is left out.
        """
        async with self._engine.begin() as connection:
            await connection.execute(text(HOLD_TURN))
            return await acknowledge_courses(connection, self._calendar, alert_ids, by=by, via=via, at=at)

    async def unacknowledge(self, alert_ids: Sequence[str], by: str, via: str, at: dt.datetime) -> list[Course]:
        """Take acknowledgements back; return the courses that go on."""
        async with self._engine.begin() as connection:
            await connection.execute(text(HOLD_TURN))
            return await unacknowledge_courses(connection, self._calendar, alert_ids, by=by, via=via, at=at)

    async def standing(self, alert_ids: Sequence[str]) -> dict[str, Course]:
        """Return the courses of alerts, by alert id."""
        async with self._engine.connect() as connection:
            return await standing_courses(connection, alert_ids)

    async def stalled(self, now: dt.datetime) -> int:
        """Count the courses that should have gone on more than an hour before a moment."""
        async with self._engine.connect() as connection:
            driver = await raw_connection(connection)
            return int(await driver.fetchval(STALLED, stalled_before(now)))


class SqlCourseTransaction:
    """One transaction over courses and what is told of them. `silences` are those that nobody has ended."""

    def __init__(
        self,
        connection: AsyncConnection,
        driver: "asyncpg.Connection[asyncpg.Record]",
        silences: Sequence[Silence],
    ) -> None:
        self._connection = connection
        self._driver = driver
        self.silences = silences

    async def due(self, now: dt.datetime, limit: int) -> list[Course]:
        """Return up to `limit` courses of which something is to be done by a moment, the oldest first."""
        return [course_rows.course_of(row) for row in await self._driver.fetch(DUE, now, limit)]

    async def alerts(self, ids: Sequence[str]) -> Mapping[str, Alert]:
        """Return the alerts of courses, by id."""
        found = (alert_of(row) for row in await self._driver.fetch(ALERTS, list(ids)))
        return {alert.id: alert for alert in found}

    async def save(self, urged: Urged) -> None:
        """Write how courses go on, what is told of it, and the lines of the audit; what was told is not told again."""
        await course_rows.write_courses(self._driver, urged.courses, course_rows.UPDATE_COURSES)
        if urged.entries:
            rows = as_json([entry_row(entry) for entry in urged.entries])
            await self._connection.execute(text(alert_sql.SAVE_URGED), {"rows": rows})
        await audit_store.insert_lines(self._connection, urged.audit)


async def standing_courses(connection: AsyncConnection, alert_ids: Sequence[str]) -> dict[str, Course]:
    """Return the courses of alerts, by alert id, as a running transaction sees them."""
    driver = await raw_connection(connection)
    found = (course_rows.course_of(row) for row in await driver.fetch(STANDING, list(alert_ids)))
    return {course.alert_id: course for course in found}


async def acknowledge_courses(
    connection: AsyncConnection,
    calendar: WorkingCalendar,
    alert_ids: Sequence[str],
    *,
    by: str,
    via: str,
    at: dt.datetime,
    delivery_id: str | None = None,
    note: str = "",
) -> list[Course]:
    """Do what `SqlCourses.acknowledge` does in a running transaction, which holds the turn."""
    standing = await standing_courses(connection, alert_ids)
    running = [course for course in standing.values() if course.state is not CourseState.ENDED]
    driver = await raw_connection(connection)
    rows = await driver.fetch(alert_sql.TAKE_BACK_URGED, [course.alert_id for course in running])
    untold = {row["subject"] for row in rows}
    held = [acknowledge(rewound(course, untold), by, at, calendar) for course in running]
    firsts = [course if is_held(course, at) else None for course in running]
    lines = [_line(*both, by, via, at, delivery_id, note) for both in zip(held, firsts, strict=True)]
    await _write_moved(connection, held, lines)
    return held


async def unacknowledge_courses(
    connection: AsyncConnection,
    calendar: WorkingCalendar,
    alert_ids: Sequence[str],
    *,
    by: str,
    via: str,
    at: dt.datetime,
    note: str = "",
) -> list[Course]:
    """Do what `SqlCourses.unacknowledge` does in a running transaction, which holds the turn."""
    standing = await standing_courses(connection, alert_ids)
    freed = [
        unacknowledge(course, at, calendar) for course in standing.values() if course.state is CourseState.ACKNOWLEDGED
    ]
    await _write_moved(connection, freed, [_line(course, None, by, via, at, None, note) for course in freed])
    return freed


async def _write_moved(connection: AsyncConnection, courses: Sequence[Course], lines: Sequence[AuditLine]) -> None:
    driver = await raw_connection(connection)
    await course_rows.write_courses(driver, courses, course_rows.UPDATE_COURSES)
    await audit_store.insert_lines(connection, lines)


def _line(
    course: Course, first: Course | None, by: str, via: str, at: dt.datetime, delivery_id: str | None, note: str
) -> AuditLine:
    """Return the line of who did what; with `first`, whose acknowledgement stands and is confirmed by it."""
    held = course.state is CourseState.ACKNOWLEDGED
    until = course.acknowledged_until
    details = {
        "policy": course.policy,
        "at": at.isoformat(),
        "via": via,
        **({"note": note} if note else {}),
        **({} if first is None else _stands(first)),
        "until": None if until is None else until.isoformat(),
        "next_at": None if course.next_at is None else course.next_at.isoformat(),
    }
    kind = AuditKind.ACKNOWLEDGED if held else AuditKind.ACKNOWLEDGEMENT_WITHDRAWN
    return AuditLine(kind, _encode(details).decode(), course.alert_id, delivery_id, by)


def _stands(course: Course) -> dict[str, str | None]:
    at = course.acknowledged_at
    return {"acknowledged_by": course.acknowledged_by, "acknowledged_at": None if at is None else at.isoformat()}
