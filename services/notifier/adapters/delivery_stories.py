"""One message with everything about it: what it says, whom it tells of what, every try and every correction."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_DELIVERY = text("""
SELECT id, status, channel, address, message_id, subject, attempts, server_reply, created_at, settled_at, body
  FROM notifier.delivery WHERE id = :id
""")

_ENTRIES = text("""
SELECT responsible_unit, role, kind, COALESCE(alert_id, unit || ' ' || node) AS about, status
  FROM notifier.ledger WHERE delivery_id = :id ORDER BY id LIMIT 1000
""")

_TRIES = text("""
SELECT at, kind, actor, details FROM notifier.audit WHERE delivery_id = :id AND alert_id IS NULL ORDER BY id LIMIT 1000
""")


@dataclass(frozen=True, slots=True)
class ToldEntry:
    """One entry of the ledger that a message carries; `about` is its alert, or the unit and node of a roll-up."""

    responsible_unit: str
    role: str
    kind: str
    about: str
    status: str


@dataclass(frozen=True, slots=True)
class AuditedTry:
    """One line of the audit about a message; `details` is a JSON object."""

    at: dt.datetime
    kind: str
    actor: str
    details: str


@dataclass(frozen=True, slots=True)
class DeliveryStory:
    """A message, the first thousand entries of the ledger that it carries, and its lines in the audit."""

    id: str
    status: str
    channel: str
    address: str
    message_id: str
    subject: str
    attempts: int
    server_reply: str | None
    created_at: dt.datetime
    settled_at: dt.datetime | None
    body: str
    entries: tuple[ToldEntry, ...]
    tries: tuple[AuditedTry, ...]


async def delivery_story(engine: AsyncEngine, delivery_id: str) -> DeliveryStory | None:
    """Return the story of a message, or None when there is no such message."""
    async with engine.connect() as connection:
        found = (await connection.execute(_DELIVERY, {"id": delivery_id})).mappings().one_or_none()
        if found is None:
            return None
        entries = (await connection.execute(_ENTRIES, {"id": delivery_id})).mappings().all()
        tries = (await connection.execute(_TRIES, {"id": delivery_id})).mappings().all()
    return DeliveryStory(
        **found,
        entries=tuple(ToldEntry(**row) for row in entries),
        tries=tuple(AuditedTry(**row) for row in tries),
    )
