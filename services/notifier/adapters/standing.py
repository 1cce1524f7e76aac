"""How the notifier stands, in a few numbers: open alerts, courses, what is held back, silences, and the audit."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.domain.course import stalled_before

_OPEN = "SELECT kind AS label, count(*) AS amount FROM notifier.alert WHERE ended_at IS NULL GROUP BY kind"

_HELD = """
SELECT held_for AS label, count(*) AS amount FROM notifier.ledger
 WHERE status = 'waiting' AND held_for IS NOT NULL AND due_at > statement_timestamp() GROUP BY held_for
"""

_COURSES = """
SELECT count(*) FILTER (WHERE c.state = 'running') AS running,
       count(*) FILTER (WHERE c.state = 'acknowledged') AS acknowledged,
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM notifier.ledger AS l WHERE l.alert_id = c.alert_id AND l.kind = 'escalated')) AS escalated,
       count(*) FILTER (WHERE c.next_at < :stalled_before) AS stalled
  FROM notifier.course AS c JOIN notifier.alert AS a ON a.id = c.alert_id
 WHERE c.state <> 'ended' AND a.ended_at IS NULL
"""

_SILENCES = """
SELECT count(*) AS silences, min(ends_at) AS next_end FROM notifier.silence
 WHERE ended_at IS NULL AND starts_at <= :now AND ends_at > :now
"""

_BLOCK = "SELECT number, sealed_at, hash FROM notifier.audit_block ORDER BY number DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Courses:
    """The open alerts with deadlines: `running`, or `acknowledged`; of both, how many were escalated, or are late."""

    running: int
    acknowledged: int
    escalated: int
    stalled: int


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """The newest block of the audit."""

    number: int
    sealed_at: dt.datetime
    hash: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The notifier at one moment. `next_silence_end` is when the first of the silences that hold ends."""

    alerts_open: dict[str, int]
    entries_held: dict[str, int]
    courses: Courses
    silences: int
    next_silence_end: dt.datetime | None
    audit_block: SealedBlock | None


async def standing(engine: AsyncEngine, now: dt.datetime) -> Standing:
    """Return how the notifier stands at a moment of the product's clock."""
    async with engine.connect() as connection:
        courses = (await connection.execute(text(_COURSES), {"stalled_before": stalled_before(now)})).one()
        silences = (await connection.execute(text(_SILENCES), {"now": now})).one()
        block = (await connection.execute(text(_BLOCK))).one_or_none()
        return Standing(
            alerts_open=await _by_label(connection, _OPEN),
            entries_held=await _by_label(connection, _HELD),
            courses=Courses(*courses),
            silences=silences.silences,
            next_silence_end=silences.next_end,
            audit_block=None if block is None else SealedBlock(*block),
        )


async def _by_label(connection: AsyncConnection, statement: str) -> dict[str, int]:
    return {row.label: row.amount for row in await connection.execute(text(statement))}
