"""Consolidated reports in PostgreSQL: what they are made of, and those that were made."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters import alert_rows, audit_chain, outbox_sql
from services.notifier.adapters.alert_sql import SAVE_ENTRIES
from services.notifier.adapters.audit_store import insert_lines
from services.notifier.adapters.course_rows import course_of
from services.notifier.domain.audit import AuditLine
from services.notifier.domain.consolidated import ReportMaterial
from services.notifier.domain.ledger import Entry
from services.notifier.domain.material import RollupChange
from services.notifier.domain.report_content import MadeReport, Report, TrailLine
from services.notifier.domain.report_periods import Span

_MOST_ALERTS = 50_000
_MOST_TRAIL = 20_000

# The id of an alert begins with its unit; a semicolon comes after a colon.
_ALERTS = """
SELECT a.unit, a.node, a.cell, a.occurrence, a.opened_as, a.kind, a.opened_at, a.opened_cause, a.revision, a.breaches,
       a.evidence, a.ended_at, a.end_reason, a.end_cause, a.openings, a.flapping
  FROM unnest(CAST(:units AS text[])) AS k (unit)
  JOIN notifier.alert AS a ON a.id >= k.unit || ':' AND a.id < k.unit || ';'
 WHERE a.opened_at < :ends AND (a.ended_at IS NULL OR a.ended_at >= :begins)
 ORDER BY a.id LIMIT :most
"""
_ROLLUPS = """
SELECT r.sequence, r.unit, r.node, r.node_kind, r.from_status, r.to_status, r.to_reason, r.cause, r.occurred_at
  FROM notifier.rollup_change AS r
 WHERE r.unit = ANY(CAST(:units AS text[])) AND r.occurred_at >= :begins AND r.occurred_at < :ends
 ORDER BY r.occurred_at, r.unit, r.sequence LIMIT :most
"""
_OPEN_UNITS = "SELECT DISTINCT unit FROM notifier.alert WHERE ended_at IS NULL ORDER BY unit"
# Since when anything is known: nobody reports of a time in which the product did not run.
_KNOWN_SINCE = """
SELECT least((SELECT min(opened_at) FROM notifier.alert), (SELECT min(occurred_at) FROM notifier.rollup_change),
             (SELECT min(occurred_at) FROM notifier.node_mark))
"""
_STANDING = """
SELECT id FROM notifier.report WHERE id = ANY(CAST(:ids AS text[]))
"""
_LAST_END = """
SELECT max(period_end) FROM notifier.report
 WHERE dispatch = :dispatch AND unit = :unit AND period = :period AND period_end <= :start
"""
_SAVE = """
INSERT INTO notifier.report (id, dispatch, unit, period, period_start, period_end, content, file_name, workbook,
                             audit_head)
VALUES (:id, :dispatch, :unit, :period, :period_start, :period_end, :content, :file_name, :workbook, :audit_head)
    ON CONFLICT DO NOTHING RETURNING id
"""
_SAVE_NEW_ENTRIES = f"{SAVE_ENTRIES} RETURNING subject"

# What happened to alerts, and to the messages that told of them, in the order in which it was written down.
_TRAIL = """
SELECT l.id, l.at, l.kind, l.alert_id, l.delivery_id, l.actor, l.details
  FROM (SELECT a.id, a.at, a.kind, a.alert_id, a.delivery_id, a.actor, a.details FROM notifier.audit AS a
         WHERE a.alert_id = ANY(CAST(:ids AS text[]))
        UNION
        SELECT a.id, a.at, a.kind, d.alert_id, a.delivery_id, a.actor, a.details
          FROM (SELECT DISTINCT alert_id, delivery_id FROM notifier.ledger
                 WHERE alert_id = ANY(CAST(:ids AS text[])) AND delivery_id IS NOT NULL) AS d
          JOIN notifier.audit AS a ON a.delivery_id = d.delivery_id AND a.alert_id IS NULL) AS l
 ORDER BY l.alert_id, l.id LIMIT :most
"""
_LIST = """
SELECT id, dispatch, unit, period, period_start, period_end, created_at, file_name, audit_head,
       octet_length(workbook) AS size
  FROM notifier.report ORDER BY created_at DESC, id LIMIT :most
"""


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """One report that was made, without its content; `size` is that of its workbook in bytes."""

    id: str
    dispatch: str
    unit: str
    period: str
    period_start: dt.date
    period_end: dt.date
    created_at: dt.datetime
    file_name: str
    audit_head: str | None
    size: int


class SqlReportStore:
    """Keeps reports in PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def known_since(self) -> dt.datetime | None:
        """Return the earliest moment of which anything is known, None when nothing is."""
        async with self._engine.connect() as connection:
            found: dt.datetime | None = await connection.scalar(text(_KNOWN_SINCE))
            return found

    async def standing(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of the reports that are made already."""
        async with self._engine.connect() as connection:
            return frozenset((await connection.execute(text(_STANDING), {"ids": list(ids)})).scalars())

    async def last_end(self, dispatch: str, unit: str, period: str, start: dt.date) -> dt.date | None:
        """Return the day on which the last report of a kind before `start` ended; None when there is none."""
        asked = {"dispatch": dispatch, "unit": unit, "period": period, "start": start}
        async with self._engine.connect() as connection:
            found: dt.date | None = await connection.scalar(text(_LAST_END), asked)
            return found

    async def material(self, units: Sequence[str], span: Span) -> ReportMaterial:
        """Return what is known of units in a period."""
        asked = {"units": list(units), "begins": span.begins, "ends": span.ends, "most": _MOST_ALERTS}
        async with self._engine.connect() as connection:
            alerts = [alert_rows.alert_of(row) for row in await _rows(connection, _ALERTS, **asked)]
            ids = [alert.id for alert in alerts]
            courses = [course_of(row) for row in await _rows(connection, outbox_sql.COURSES, ids=ids)]
            rollups = await _rows(connection, _ROLLUPS, **asked)
            elsewhere = (await connection.execute(text(_OPEN_UNITS))).scalars().all()
            return ReportMaterial(
                alerts=alerts,
                courses={course.alert_id: course for course in courses},
                rollups=[msgspec.convert(dict(row), RollupChange) for row in rollups],
                open_elsewhere=elsewhere,
                audit_head=await audit_chain.head(connection),
            )

    async def trail(self, alert_ids: Sequence[str]) -> list[TrailLine]:
        """Return the audit of alerts and of the messages about them, alert by alert, at most 20,000 lines."""
        async with self._engine.connect() as connection:
            rows = await _rows(connection, _TRAIL, ids=list(alert_ids), most=_MOST_TRAIL)
        return [TrailLine(**{**row, "details": msgspec.json.decode(row["details"])}) for row in rows]

    async def save(self, made: MadeReport, entries: Sequence[Entry], audit: Sequence[AuditLine]) -> bool:
        """Store a report with its ledger entries and its audit; return whether it was not there yet."""
        report = made.report
        values = {
            "id": made.id,
            "dispatch": report.dispatch,
            "unit": made.unit,
            "period": report.period,
            "period_start": report.start,
            "period_end": report.end,
            "content": msgspec.json.encode(report).decode(),
            "file_name": made.file_name,
            "workbook": made.workbook,
            "audit_head": report.audit_head,
        }
        async with self._engine.begin() as connection:
            if await connection.scalar(text(_SAVE), values) is None:
                return False
            rows = alert_rows.as_json([alert_rows.entry_row(entry) for entry in entries])
            await connection.execute(text(SAVE_ENTRIES), {"rows": rows})
            await insert_lines(connection, audit)
        return True

    async def remind(self, entries: Sequence[Entry], audit: Sequence[AuditLine]) -> bool:
        """Store ledger entries of a duty with its audit; return whether any was not there yet."""
        rows = alert_rows.as_json([alert_rows.entry_row(entry) for entry in entries])
        async with self._engine.begin() as connection:
            new = (await connection.execute(text(_SAVE_NEW_ENTRIES), {"rows": rows})).all()
            if new:
                await insert_lines(connection, audit)
        return bool(new)

    async def report(self, report_id: str) -> tuple[Report, bytes] | None:
        """Return a report that was made, as its message tells it, with its workbook; None when there is none such."""
        statement = text("SELECT content, workbook FROM notifier.report WHERE id = :id")
        async with self._engine.connect() as connection:
            row = (await connection.execute(statement, {"id": report_id})).one_or_none()
        return None if row is None else (msgspec.json.decode(row.content, type=Report), bytes(row.workbook))

    async def reports(self, most: int = 100) -> list[ReportSummary]:
        """Return the newest reports."""
        async with self._engine.connect() as connection:
            return [ReportSummary(**row) for row in await _rows(connection, _LIST, most=most)]


async def _rows(connection: AsyncConnection, statement: str, **values: Any) -> Sequence[RowMapping]:
    return (await connection.execute(text(statement), values)).mappings().all()
