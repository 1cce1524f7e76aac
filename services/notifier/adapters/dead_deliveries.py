"""What an operator does with a delivery that was given up: try its news again, or discard it."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters import alert_sql
from services.notifier.adapters.alert_rows import as_json, entry_row
from services.notifier.adapters.alert_store import take_turn
from services.notifier.adapters.audit_store import insert_lines
from services.notifier.adapters.outbox_sql import DUE_COLUMNS
from services.notifier.domain.audit import OPERATOR, AuditKind, AuditLine
from services.notifier.domain.ledger import DueEntry
from services.notifier.domain.reviving import DeadEntry, Revival, revive
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import AlertKind, Channel

_DEAD = "SELECT channel FROM notifier.delivery WHERE id = :id AND status = 'dead' FOR UPDATE"

_ENTRIES = f"""
SELECT {DUE_COLUMNS},
       a.ended_at IS NOT NULL AS alert_ended, a.kind AS alert_kind
  FROM notifier.ledger AS l LEFT JOIN notifier.alert AS a ON a.id = l.alert_id
 WHERE l.delivery_id = :id AND l.status = 'dead' ORDER BY l.id FOR UPDATE OF l
"""

_WAIT = """
UPDATE notifier.ledger SET status = 'waiting', due_at = clock_timestamp(), settled_at = NULL
 WHERE id = ANY(CAST(:ids AS bigint[]))
"""

_SUPERSEDE = """
UPDATE notifier.ledger SET status = 'superseded', settled_at = clock_timestamp()
 WHERE id = ANY(CAST(:ids AS bigint[]))
"""

# The unique key again: who was told at that place already, or is about to be, is not told twice. An entry that an
# earlier move left behind there was never told.
_MOVE = f"""{alert_sql.INSERT_ENTRIES} DO UPDATE
   SET status = 'waiting', due_at = excluded.due_at, settled_at = NULL WHERE ledger.status = 'superseded'
RETURNING address
"""

_REPLACED = "UPDATE notifier.delivery SET status = 'replaced' WHERE id = :id"

_DISCARD = """
WITH done AS (
    UPDATE notifier.delivery SET status = 'discarded' WHERE id = :id AND status = 'dead' RETURNING id),
entries AS (
    UPDATE notifier.ledger AS l SET status = 'discarded', settled_at = clock_timestamp()
      FROM done WHERE l.delivery_id = done.id AND l.status = 'dead'),
told AS (
    INSERT INTO notifier.audit (kind, delivery_id, actor, details) SELECT 'discarded', id, :actor, '{}' FROM done)
SELECT count(*) FROM done
"""


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the entries of a dead delivery: how many wait again, where, how many are over, who has no place.

    The delivery is replaced by new ones, unless a responsible unit has no address: then it stays dead for those.
    """

    waiting: int
    addresses: tuple[str, ...]
    superseded: int
    unreachable: tuple[str, ...]


class NotAMailError(Exception):
    """A webhook, or another service, cannot be sent to a mail address."""


async def retry_delivery(
    engine: AsyncEngine, catalog: Catalog, delivery_id: str, actor: str = OPERATOR, to: str | None = None
) -> Retried | None:
    """Let the entries of a dead delivery wait again, at the addresses of `catalog`; None: there is no such delivery.

    With `to` they wait at that mail address instead; raise NotAMailError when it is none.
    """
    async with engine.begin() as connection:
        # No alert changes meanwhile: what is over by now is not told as if it lasted.
        await take_turn(connection)
        channel = await connection.scalar(text(_DEAD), {"id": delivery_id})
        if channel is None:
            return None
        if to is not None and channel != Channel.MAIL:
            raise NotAMailError(f"{delivery_id} goes by {channel}: its address can only be corrected in addresses.yaml")
        rows = (await connection.execute(text(_ENTRIES), {"id": delivery_id})).mappings().all()
        dead = [_dead_of(row) for row in rows]
        revival = revive(catalog, dead, to)
        moved_to = await _write(connection, revival)
        if not revival.unreachable:
            await connection.execute(text(_REPLACED), {"id": delivery_id})
        stayed = [each.entry.address for each in dead if each.entry.id in revival.waiting]
        retried = Retried(
            waiting=len(stayed) + len(moved_to),
            addresses=tuple(sorted({*stayed, *moved_to})),
            superseded=len(revival.superseded),
            unreachable=revival.unreachable,
        )
        details = msgspec.json.encode(retried).decode()
        await insert_lines(connection, [AuditLine(AuditKind.REPLAYED, details, None, delivery_id, actor)])
    return retried


async def discard_delivery(engine: AsyncEngine, delivery_id: str, actor: str = OPERATOR) -> bool:
    """Close a dead delivery and its entries for good; they stay readable. Return whether there was such a delivery."""
    async with engine.begin() as connection:
        return bool(await connection.scalar(text(_DISCARD), {"id": delivery_id, "actor": actor}))


async def _write(connection: AsyncConnection, revival: Revival) -> Sequence[str]:
    """Write a revival; return the address of every entry that waits at a new place."""
    for statement, ids in ((_WAIT, revival.waiting), (_SUPERSEDE, revival.superseded)):
        if ids:
            await connection.execute(text(statement), {"ids": list(ids)})
    if not revival.moved:
        return []
    rows = as_json([entry_row(entry) for entry in revival.moved])
    return (await connection.execute(text(_MOVE), {"rows": rows})).scalars().all()


def _dead_of(row: RowMapping) -> DeadEntry:
    return DeadEntry(
        entry=msgspec.convert({name: row[name] for name in DueEntry.__dataclass_fields__}, DueEntry),
        alert_ended=row["alert_ended"],
        alert_kind=None if row["alert_kind"] is None else AlertKind(row["alert_kind"]),
    )
