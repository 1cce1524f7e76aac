"""Drills in PostgreSQL: entries that wait like any other, and what became of them."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters import alert_sql
from services.notifier.adapters.alert_rows import as_json, entry_row
from services.notifier.adapters.audit_store import insert_lines
from services.notifier.domain.audit import AuditKind, AuditLine
from services.notifier.domain.drills import Drill
from shared.contracts.vocabulary import Channel

# The subjects of one drill lie between its colon and the semicolon that comes next; the unique key finds them.
_RESULTS = text("""
SELECT l.responsible_unit, l.unit, l.dispatch, l.channel, l.address, l.status AS entry_status,
       d.server_reply, COALESCE(d.attempts, 0) AS attempts
  FROM notifier.ledger AS l LEFT JOIN notifier.delivery AS d ON d.id = l.delivery_id
 WHERE l.alert_id IS NULL AND l.subject >= :first AND l.subject < :last AND l.kind = 'drill'
 ORDER BY l.id
""")


class Reached(StrEnum):
    """What became of one line of a drill."""

    REACHED = "reached"
    REFUSED = "refused"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class DrillLine:
    """One unit at one address: whether its server took the test; `reply` is what it said last."""

    responsible_unit: str
    unit: str
    dispatch: str
    channel: Channel
    address: str
    outcome: Reached
    reply: str
    attempts: int


async def start_drill(engine: AsyncEngine, drill: Drill, actor: str) -> None:
    """Put a drill into the ledger, with its line in the audit, in one transaction; the notifier sends it."""
    details = {
        "drill": drill.id,
        "dispatch": drill.entries[0].dispatch if drill.entries else None,
        "addresses": sorted({entry.address for entry in drill.entries}),
        "unreachable": list(drill.unreachable),
    }
    line = AuditLine(AuditKind.DRILLED, msgspec.json.encode(details).decode(), actor=actor)
    async with engine.begin() as connection:
        rows = as_json([entry_row(entry) for entry in drill.entries])
        await connection.execute(text(alert_sql.SAVE_ENTRIES), {"rows": rows})
        await insert_lines(connection, [line])


async def drill_lines(engine: AsyncEngine, drill_id: str) -> list[DrillLine]:
    """Return how far every line of a drill has come."""
    span = {"first": f"drill:{drill_id}:", "last": f"drill:{drill_id};"}
    async with engine.connect() as connection:
        rows = (await connection.execute(_RESULTS, span)).mappings().all()
    return [
        DrillLine(
            responsible_unit=row["responsible_unit"],
            unit=row["unit"],
            dispatch=row["dispatch"],
            channel=Channel(row["channel"]),
            address=row["address"],
            outcome=_OUTCOMES.get(row["entry_status"], Reached.WAITING),
            reply=row["server_reply"] or "",
            attempts=row["attempts"],
        )
        for row in rows
    ]


_OUTCOMES = {"sent": Reached.REACHED, "dead": Reached.REFUSED, "discarded": Reached.REFUSED}
