"""Reading what the messages of due entries are made of: alerts, roll-up changes, courses and the messages before."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.adapters import outbox_sql
from services.notifier.adapters.alert_rows import alert_of, mark_of
from services.notifier.domain.course import Course, CourseStep
from services.notifier.domain.ledger import DueEntry
from services.notifier.domain.mark import Mark
from services.notifier.domain.material import Material, RollupChange
from services.notifier.domain.report_content import Report
from shared.contracts.vocabulary import NoticeKind

_decode_report = msgspec.json.Decoder(Report).decode
_decode_steps = msgspec.json.Decoder(tuple[CourseStep, ...]).decode


async def read_material(connection: AsyncConnection, entries: Sequence[DueEntry]) -> Material:
    """Return the alerts, roll-up changes and earlier messages that the entries speak of."""
    ids = sorted({entry.alert_id for entry in entries if entry.alert_id is not None})
    asked = sorted({entry.rollup for entry in entries if entry.kind is NoticeKind.ROLLUP})
    units, nodes, sequences = ([key[place] for key in asked] for place in range(3))
    addresses = sorted({entry.address for entry in entries})
    alerts = [alert_of(row) for row in await _rows(connection, outbox_sql.ALERTS, ids=ids)]
    found = await _rows(connection, outbox_sql.ROLLUPS, units=units, nodes=nodes, sequences=sequences)
    rollups = [_rollup_of(row) for row in found]
    consequences: dict[str, tuple[RollupChange, ...]] = {}
    for row in await _rows(connection, outbox_sql.CONSEQUENCES, ids=ids):
        consequences[row["alert_id"]] = (*consequences.get(row["alert_id"], ()), _rollup_of(row))
    threads: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in await _rows(connection, outbox_sql.THREADS, ids=ids, addresses=addresses):
        key = (row["address"], row["alert_id"])
        threads[key] = (*threads.get(key, ()), row["message_id"])
    dossiers = sorted({entry.unit for entry in entries if entry.kind is NoticeKind.DOSSIER})
    marks: dict[str, tuple[Mark, ...]] = {}
    for row in await _rows(connection, outbox_sql.MARKS, units=dossiers) if dossiers else ():
        marks[row["unit"]] = (*marks.get(row["unit"], ()), mark_of(row))
    return Material(
        alerts={alert.id: alert for alert in alerts},
        rollups={(change.unit, change.node, change.sequence): change for change in rollups},
        consequences=consequences,
        threads=threads,
        courses={row["alert_id"]: _course_of(row) for row in await _rows(connection, outbox_sql.COURSES, ids=ids)},
        marks=marks,
        reports=await _reports(connection, entries),
    )


async def _reports(connection: AsyncConnection, entries: Sequence[DueEntry]) -> dict[str, Report]:
    ids = sorted({entry.subject for entry in entries if entry.kind is NoticeKind.REPORT})
    rows = await _rows(connection, outbox_sql.REPORTS, ids=ids) if ids else ()
    return {row["id"]: _decode_report(row["content"]) for row in rows}


async def _rows(connection: AsyncConnection, statement: str, **values: Any) -> Sequence[RowMapping]:
    return (await connection.execute(text(statement), values)).mappings().all()


def _course_of(row: RowMapping) -> Course:
    return msgspec.convert({**row, "steps": _decode_steps(row["steps"])}, Course)


def _rollup_of(row: RowMapping) -> RollupChange:
    return msgspec.convert({name: row[name] for name in RollupChange.__dataclass_fields__}, RollupChange)
