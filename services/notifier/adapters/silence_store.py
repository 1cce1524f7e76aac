"""Silences in PostgreSQL: they begin and end in the turn in which alerts are decided about, so that none slips past."""

import asyncio
import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters import alert_sql
from services.notifier.adapters.alert_store import standing_silences, take_turn
from services.notifier.adapters.audit_store import insert_lines
from services.notifier.domain.audit import AuditKind, AuditLine
from services.notifier.domain.holding import Holding, Retimed, WaitingEntry
from services.notifier.domain.ledger import HeldFor
from services.notifier.domain.silence_requests import WantedSilence
from services.notifier.domain.silences import NEVER_SILENCED
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import NoticeKind, Role
from shared.runtime.clock import Clock
from shared.runtime.database import raw_connection

_INSERT = """
INSERT INTO notifier.silence (id, roots, units, nodes, responsible_units, author, reason, created_at, starts_at,
                              ends_at)
SELECT id, roots, units, nodes, responsible_units, author, reason, :now, starts_at, ends_at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       id text, roots text[], units text[], nodes text[], responsible_units text[], author text, reason text,
       starts_at timestamptz, ends_at timestamptz)
"""

_BEGIN = """
UPDATE notifier.silence SET began_at = :now
 WHERE ended_at IS NULL AND began_at IS NULL AND starts_at <= :now
RETURNING id, roots, nodes, responsible_units, author, reason, starts_at, ends_at
"""

_END = """
UPDATE notifier.silence SET ended_at = :now, ended_by = :by, end_reason = :reason
 WHERE id = :id AND ended_at IS NULL AND ends_at > :now
RETURNING id
"""

_EXPIRE = """
UPDATE notifier.silence SET ended_at = ends_at WHERE ended_at IS NULL AND ends_at <= :now RETURNING id, author, ends_at
"""

# What is to be done: `silence_active` holds the few that nobody has ended.
_IS_DUE = """
SELECT EXISTS (SELECT FROM notifier.silence
                WHERE ended_at IS NULL AND (ends_at <= :now OR (began_at IS NULL AND starts_at <= :now)))
"""

# With all roles in which the same news goes to one place: it leaves as soon as in any of them.
# Waits for what is being put into a message at this moment; that has left then.
_WAITING = """
SELECT l.id, l.kind, l.unit, l.node, l.responsible_unit, same.roles, l.dispatch, same.unowned, l.held_for,
       CAST(extract(epoch FROM l.due_at - statement_timestamp()) AS double precision) AS due_in,
       CAST(extract(epoch FROM l.own_due_at - statement_timestamp()) AS double precision) AS own_due_in
  FROM notifier.ledger AS l
 CROSS JOIN LATERAL (
       SELECT array_agg(role) AS roles, bool_or(gap_vi IS NOT NULL) AS unowned
         FROM (SELECT o.role, o.gap_vi FROM notifier.ledger AS o
                WHERE o.alert_id = l.alert_id AND o.subject = l.subject AND o.kind = l.kind
                  AND o.channel = l.channel AND o.address = l.address
               UNION ALL
               SELECT l.role, l.gap_vi WHERE l.alert_id IS NULL) AS told) AS same
 WHERE l.status = 'waiting' AND l.kind <> ALL ($3::text[])
   AND (NOT $2 OR l.held_for = 'silence')
   AND EXISTS (SELECT FROM notifier.silence AS s
                WHERE s.id = $1 AND (s.units IS NULL OR l.unit = ANY (s.units))
                  AND (s.nodes IS NULL OR l.node = ANY (s.nodes))
                  AND (s.responsible_units IS NULL OR l.responsible_unit = ANY (s.responsible_units)))
   FOR UPDATE OF l
"""

_RETIME = """
UPDATE notifier.ledger AS l
   SET due_at = statement_timestamp() + make_interval(secs => r.due_in), held_for = r.held_for,
       own_due_at = statement_timestamp() + make_interval(secs => r.own_due_in)
  FROM unnest($1::bigint[], $2::double precision[], $3::text[], $4::double precision[])
       AS r (id, due_in, held_for, own_due_in)
 WHERE l.id = r.id AND l.status = 'waiting'
"""

# What an addressee reads last is how it stands: an end leaves no later than the news that its cell has begun again.
_IN_ORDER = """
UPDATE notifier.ledger AS r SET due_at = o.due_at, held_for = o.held_for
  FROM notifier.ledger AS o
 WHERE r.id = ANY ($1::bigint[]) AND r.kind = 'resolved' AND r.status = 'waiting'
   AND o.alert_id > regexp_replace(r.alert_id, ':[0-9]+$', ':')
   AND o.alert_id < regexp_replace(r.alert_id, ':[0-9]+$', ';')
   AND o.kind IN ('opened', 'ruleset_change', 'flapping') AND o.status = 'waiting'
   AND o.id > r.id AND r.due_at - o.due_at > interval '0'
   AND o.responsible_unit = r.responsible_unit AND o.role = r.role
   AND o.channel = r.channel AND o.address || '' = r.address || ''
"""

_LIST = """
SELECT id, roots, nodes, responsible_units, author, reason, created_at, starts_at, ends_at, ended_at, ended_by,
       end_reason
  FROM notifier.silence
 WHERE (:all OR (ended_at IS NULL AND ends_at > :now))
   AND (CAST(:unit AS text) IS NULL OR units IS NULL OR :unit = ANY (units))
   AND (CAST(:id AS text) IS NULL OR id = :id)
 ORDER BY created_at DESC, id LIMIT :limit
"""
_TOLD = ("reason", "starts_at", "ends_at", "roots", "nodes", "responsible_units")
_encode = msgspec.json.Encoder().encode
_ENTRIES_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class SilenceLine:
    """A silence as it is shown: `roots` are the units that it was asked for, with all below them; None stands for all.

    `ended_by` is who ended it before its end.
    """

    id: str
    roots: tuple[str, ...] | None
    nodes: tuple[str, ...] | None
    responsible_units: tuple[str, ...] | None
    author: str
    reason: str
    created_at: dt.datetime
    starts_at: dt.datetime
    ends_at: dt.datetime
    ended_at: dt.datetime | None
    ended_by: str | None
    end_reason: str | None

    def state(self, now: dt.datetime) -> str:
        """Return "pending", "active" or "ended" at a moment."""
        if self.ended_at is not None or self.ends_at <= now:
            return "ended"
        return "active" if self.starts_at <= now else "pending"


def new_silence_id() -> str:
    """Return an id that can be read out on the telephone and that no other silence has."""
    return f"im-lang-{secrets.token_hex(5)}"


class SqlSilences:
    """Keeps silences, holds back what waits when one begins, and lets it go when one ends."""

    def __init__(self, engine: AsyncEngine, catalog: Catalog, clock: Clock) -> None:
        self._engine = engine
        self._holding = Holding(catalog)
        self._clock = clock

    async def add(self, wanted: Sequence[WantedSilence]) -> None:
        """Store silences, all or none; those that begin now take hold of what waits."""
        if not wanted:
            return
        now = self._clock.now()
        async with self._engine.begin() as connection:
            await take_turn(connection)
            rows = [msgspec.to_builtins(each.silence) | {"roots": each.roots} for each in wanted]
            await connection.execute(text(_INSERT), {"rows": _encode(rows).decode(), "now": now})
            await self._begin(connection, now)
            await connection.execute(text(alert_sql.SILENCE_CHANGED))

    async def end(self, silence_id: str, by: str, reason: str) -> bool:
        """End a silence before its time and let go what no other holds; False when there is none such that lasts."""
        now = self._clock.now()
        async with self._engine.begin() as connection:
            await take_turn(connection)
            asked = {"id": silence_id, "now": now, "by": by, "reason": reason or None}
            if (await connection.execute(text(_END), asked)).one_or_none() is None:
                return False
            released = await self._retime(connection, silence_id, now, held=True)
            details = {"silence": silence_id, "reason": reason, "released": released}
            await insert_lines(connection, [_line(AuditKind.SILENCE_ENDED, by, details)])
            await connection.execute(text(alert_sql.SILENCE_CHANGED))
        return True

    async def follow(self) -> int:
        """Let silences begin and end whose time has come; return how many. What one held is due by itself then."""
        now = self._clock.now()
        async with self._engine.connect() as connection:
            if not await connection.scalar(text(_IS_DUE), {"now": now}):
                return 0
        async with self._engine.begin() as connection:
            await take_turn(connection)
            ended = (await connection.execute(text(_EXPIRE), {"now": now})).mappings().all()
            lines = [
                _line(AuditKind.SILENCE_ENDED, "datchuan", {"silence": row["id"], "ends_at": row["ends_at"]})
                for row in ended
            ]
            await insert_lines(connection, lines)
            begun = await self._begin(connection, now)
            await connection.execute(text(alert_sql.SILENCE_CHANGED))
        return len(ended) + begun

    async def _begin(self, connection: AsyncConnection, now: dt.datetime) -> int:
        begun = (await connection.execute(text(_BEGIN), {"now": now})).mappings().all()
        for row in begun:
            details = {"silence": row["id"], **{name: row[name] for name in _TOLD}}
            details["held"] = await self._retime(connection, row["id"], now, held=False)
            await insert_lines(connection, [_line(AuditKind.SILENCED, row["author"], details)])
        return len(begun)

    async def _retime(self, connection: AsyncConnection, silence_id: str, now: dt.datetime, *, held: bool) -> int:
        """Time anew what waits and the silence covers; with `held` only what a silence holds. Return how many."""
        driver = await raw_connection(connection)
        rows = await driver.fetch(_WAITING, silence_id, held, sorted(NEVER_SILENCED))
        standing = await standing_silences(connection)
        changed: list[Retimed] = []
        for start in range(0, len(rows), _ENTRIES_AT_ONCE):
            entries = map(_entry_of, rows[start : start + _ENTRIES_AT_ONCE])
            changed += self._holding.retimed(entries, standing, now)
            await asyncio.sleep(0)  # messages are sent meanwhile
        if changed:
            await driver.execute(
                _RETIME,
                [each.id for each in changed],
                [each.due_in for each in changed],
                [each.held_for for each in changed],
                [each.own_due_in for each in changed],
            )
            await driver.execute(_IN_ORDER, [each.id for each in changed])
        return len(changed)


async def silences(
    engine: AsyncEngine, now: dt.datetime, *, unit: str | None = None, ended: bool = False, limit: int = 1_000
) -> list[SilenceLine]:
    """Return the silences, the newest first: those that last or are to come, with `ended` also the others."""
    return await _lines(engine, {"all": ended, "now": now, "unit": unit, "id": None, "limit": limit})


async def silence_with(engine: AsyncEngine, silence_id: str, now: dt.datetime) -> SilenceLine | None:
    """Return one silence, whatever its state, or None."""
    found = await _lines(engine, {"all": True, "now": now, "unit": None, "id": silence_id, "limit": 1})
    return found[0] if found else None


async def _lines(engine: AsyncEngine, asked: dict[str, Any]) -> list[SilenceLine]:
    async with engine.connect() as connection:
        rows = (await connection.execute(text(_LIST), asked)).mappings().all()
    return [msgspec.convert(dict(row), SilenceLine) for row in rows]


def _entry_of(row: "asyncpg.Record") -> WaitingEntry:
    return WaitingEntry(
        row["id"],
        NoticeKind(row["kind"]),
        row["unit"],
        row["node"],
        row["responsible_unit"],
        tuple(map(Role, row["roles"])),
        row["dispatch"],
        row["unowned"],
        None if row["held_for"] is None else HeldFor(row["held_for"]),
        row["due_in"],
        row["own_due_in"],
    )


def _line(kind: AuditKind, actor: str, details: dict[str, Any]) -> AuditLine:
    return AuditLine(kind=kind, actor=actor, details=_encode(details).decode())
