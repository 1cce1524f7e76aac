"""What an operator does with news that is held back: let it go now. Each alert that it is about keeps a line of it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters.course_store import HOLD_TURN
from services.notifier.domain.audit import OPERATOR
from services.notifier.domain.ledger import HeldFor

# What a person has silenced is let go only when that is asked for by name.
RELEASED_UNASKED: Final = frozenset(HeldFor) - {HeldFor.SILENCE}

_HELD = """
 status = 'waiting' AND held_for IS NOT NULL AND due_at > statement_timestamp()
 AND (CAST(:address AS text) IS NULL OR lower(address) = lower(CAST(:address AS text)))"""

# Nothing holds it from then on: no silence that ends later times it anew.
_RELEASE = f"""
WITH held AS (
    SELECT id, held_for FROM notifier.ledger
     WHERE {_HELD} AND held_for = ANY(CAST(:held_for AS text[])) ORDER BY id FOR UPDATE),
released AS (
    UPDATE notifier.ledger AS l SET due_at = statement_timestamp(), held_for = NULL, own_due_at = NULL
      FROM held WHERE l.id = held.id
    RETURNING l.alert_id, l.channel, l.address, held.held_for),
told AS (
    INSERT INTO notifier.audit (kind, alert_id, actor, details)
    SELECT 'released', alert_id, :actor, CAST(json_build_object(
           'entries', count(*), 'held_for', array_agg(DISTINCT held_for),
           'addresses', array_agg(DISTINCT address)) AS text)
      FROM released GROUP BY alert_id)
SELECT count(*) AS entries, count(DISTINCT (channel, address)) AS addresses FROM released
"""

_STILL_HELD = f"SELECT held_for, count(*) AS amount FROM notifier.ledger WHERE {_HELD} GROUP BY held_for"


@dataclass(frozen=True, slots=True)
class Released:
    """How many entries were let go, for how many addresses, and how many of the place are `still_held`, by reason."""

    entries: int
    addresses: int
    still_held: dict[HeldFor, int]


async def release(
    engine: AsyncEngine,
    address: str | None = None,
    held_for: Collection[HeldFor] = RELEASED_UNASKED,
    by: str = OPERATOR,
) -> Released:
    """Let go what is held back for these reasons, at one address or at all; a running notifier sends it at once."""
    async with engine.begin() as connection:
        await connection.execute(text(HOLD_TURN))
        asked = {"address": address, "held_for": sorted(held_for), "actor": by}
        done = (await connection.execute(text(_RELEASE), asked)).one()
        return Released(done.entries, done.addresses, await _still_held(connection, address))


async def _still_held(connection: AsyncConnection, address: str | None) -> dict[HeldFor, int]:
    rows = await connection.execute(text(_STILL_HELD), {"address": address})
    return {HeldFor(row.held_for): row.amount for row in rows}
