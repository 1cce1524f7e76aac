"""The audit read back for one alert: its lines, the messages as sent, and the blocks that seal the lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters.alert_rows import alert_of
from services.notifier.adapters.audit_chain import HEAD
from services.notifier.adapters.audit_check import BLOCK, snapshot
from services.notifier.domain.alerts import Alert
from services.notifier.domain.audit_vi import Unsent
from services.notifier.domain.chain import Block, SealedLine
from services.notifier.domain.report_content import TrailLine

_ALERT = "SELECT * FROM notifier.alert WHERE id = :id"

# A line that names an alert is that alert's alone; one of a message only is told of all that the message told of.
_LINES = """
SELECT a.id, a.xid, a.at, a.kind, a.alert_id, a.delivery_id, a.actor, a.details, b.number
  FROM (SELECT * FROM notifier.audit WHERE alert_id = :id
        UNION ALL
        SELECT * FROM notifier.audit
         WHERE delivery_id IN (SELECT delivery_id FROM notifier.ledger WHERE alert_id = :id)
           AND alert_id IS NULL
        UNION ALL
        SELECT * FROM notifier.audit
         WHERE kind IN ('silenced', 'silence_ended') AND CAST(details AS jsonb) ->> 'silence' IN (
               SELECT s.id FROM notifier.silence AS s JOIN notifier.alert AS x ON x.id = :id
                WHERE (s.units IS NULL OR x.unit = ANY(s.units)) AND (s.nodes IS NULL OR x.node = ANY(s.nodes))
                  AND COALESCE(s.ended_at, s.ends_at) > x.opened_at
                  AND s.starts_at < COALESCE(x.ended_at, 'infinity'))) AS a
  LEFT JOIN LATERAL (
       SELECT number FROM notifier.audit_block AS b
        WHERE b.after_id < a.id AND (b.from_xid, b.first_id) <= (a.xid, a.id) AND (a.xid, a.id) <= (b.to_xid, b.last_id)
        ORDER BY b.after_id DESC, b.number LIMIT 1) AS b ON true
 ORDER BY a.id
"""
_MAILS = """
SELECT d.id, d.channel, d.address, d.message_id, d.subject, d.body, d.html, d.created_at, d.status, d.attempts,
       d.server_reply, d.settled_at
  FROM notifier.delivery AS d
 WHERE d.id IN (SELECT delivery_id FROM notifier.ledger WHERE alert_id = :id) ORDER BY d.created_at, d.id
"""
# What the audit says is to be told, and is not told, or not yet.
_UNSENT = """
SELECT kind, status, responsible_unit, role, address, dispatch, unit, held_for FROM notifier.ledger
 WHERE alert_id = :id AND status IN ('waiting', 'grouped', 'superseded') ORDER BY id
"""
_DIGESTS = "SELECT number, digests FROM notifier.audit_block WHERE number = ANY(CAST(:numbers AS bigint[]))"
_LINKS = f"SELECT number, {HEAD} AS head, hash FROM notifier.audit_block WHERE number >= :number ORDER BY number"


@dataclass(frozen=True, slots=True)
class Link:
    """A block as a link of the chain: its head as it is hashed, and its hash."""

    number: int
    head: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditStory:
    """Everything that is written down about an alert.

    `blocks` holds the number of the block of each sealed line, by the line's id; `digests` those of these blocks, by
    number; `links` are all blocks from the first of these to the newest. `unsent` is how the ledger stands now.
    """

    alert: Alert
    lines: tuple[SealedLine, ...]
    mails: tuple[dict[str, Any], ...]
    blocks: dict[int, int]
    digests: dict[int, bytes]
    links: tuple[Link, ...]
    unsent: tuple[Unsent, ...] = ()

    def trail(self) -> list[TrailLine]:
        """Return the lines as those of a report's trail: all of this alert."""
        return [
            TrailLine(
                line.id,
                line.at,
                line.kind,
                self.alert.id,
                line.delivery_id,
                line.actor,
                msgspec.json.decode(line.details),
            )
            for line in self.lines
        ]


async def story_of(engine: AsyncEngine, alert_id: str) -> AuditStory | None:
    """Return what is written down about an alert, None when there is no such alert."""
    async with snapshot(engine) as connection:
        found = await _rows(connection, _ALERT, id=alert_id)
        if not found:
            return None
        rows = await _rows(connection, _LINES, id=alert_id)
        mails = await _rows(connection, _MAILS, id=alert_id)
        unsent = await _rows(connection, _UNSENT, id=alert_id)
        blocks = {row["id"]: row["number"] for row in rows if row["number"] is not None}
        digests = await _rows(connection, _DIGESTS, numbers=sorted(set(blocks.values())))
        links = await _rows(connection, _LINKS, number=min(blocks.values())) if blocks else ()
    names = SealedLine.__dataclass_fields__
    return AuditStory(
        alert=alert_of(found[0]),
        lines=tuple(SealedLine(**{name: row[name] for name in names}) for row in rows),
        mails=tuple(dict(mail) for mail in mails),
        blocks=blocks,
        digests={row["number"]: bytes(row["digests"]) for row in digests},
        links=tuple(Link(**link) for link in links),
        unsent=tuple(msgspec.convert(dict(row), Unsent) for row in unsent),
    )


async def newest_block(engine: AsyncEngine) -> Block | None:
    """Return the newest block, None before the first."""
    statement = f"SELECT {BLOCK} FROM notifier.audit_block ORDER BY number DESC LIMIT 1"
    async with engine.connect() as connection:
        rows = await _rows(connection, statement)
    return Block(**rows[0]) if rows else None


async def _rows(connection: AsyncConnection, statement: str, **values: Any) -> Sequence[RowMapping]:
    return (await connection.execute(text(statement), values)).mappings().all()
