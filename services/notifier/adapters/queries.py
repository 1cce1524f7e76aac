"""Reading alerts, the ledger and deliveries, for the command line and the demo's board."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.alert_rows import alert_of
from services.notifier.domain.alerts import Alert
from services.notifier.domain.delivery import DeliveryStatus

_COLUMNS = """unit, node, cell, occurrence, opened_as, kind, opened_at, opened_cause, revision, breaches,
       evidence, ended_at, end_reason, end_cause, openings, flapping"""


@dataclass(frozen=True, slots=True)
class LedgerCounts:
    """The ledger in numbers. Everything that was ever to be told is in one of these.

    `held` are those of `waiting` that a digest, office hours, a silence or an alert that calms down still holds back.
    """

    alerts: int
    alerts_open: int
    waiting: int
    held: int
    grouped: int
    sent: int
    dead: int
    superseded: int
    unroutable: int
    recorded: int
    discarded: int
    mails_sent: int
    messages_sent: int
    messages_unfinished: int
    messages_dead: int

    @property
    def under_way(self) -> int:
        """How many entries and messages somebody is at: what is held back is not among them."""
        return self.waiting - self.held + self.grouped + self.messages_unfinished


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One notification of an alert, with what became of it."""

    kind: str
    responsible_unit: str
    role: str
    channel: str
    address: str
    dispatch: str | None
    clauses: tuple[str, ...]
    cause: str
    status: str
    reason: str | None
    created_at: dt.datetime
    settled_at: dt.datetime | None
    message_id: str | None
    subject: str | None
    attempts: int | None
    server_reply: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """An alert with everything that was told of it, oldest first."""

    alert: Alert
    lines: tuple[LedgerLine, ...]


@dataclass(frozen=True, slots=True)
class DeadDelivery:
    """A message that was given up, with the server's last reply; `discarded` when an operator has closed it."""

    id: str
    status: str
    channel: str
    address: str
    subject: str
    attempts: int
    server_reply: str | None
    settled_at: dt.datetime | None


async def open_alerts(engine: AsyncEngine, unit: str | None = None, limit: int = 1_000) -> list[Alert]:
    """Return the open alerts, of all units or of one, in the order in which they opened."""
    statement = f"""
    SELECT {_COLUMNS} FROM notifier.alert
     WHERE ended_at IS NULL AND (CAST(:unit AS text) IS NULL OR unit = :unit)
     ORDER BY opened_at, id LIMIT :limit
    """
    return [alert_of(row) for row in await _rows(engine, statement, unit=unit, limit=limit)]


async def ledger_counts(engine: AsyncEngine) -> LedgerCounts:
    """Return the ledger in numbers."""
    statement = """
    SELECT (SELECT count(*) FROM notifier.alert) AS alerts,
           (SELECT count(*) FROM notifier.alert WHERE ended_at IS NULL) AS alerts_open,
           l.*, d.*
      FROM (SELECT count(*) FILTER (WHERE status = 'waiting') AS waiting,
                   count(*) FILTER (WHERE status = 'waiting' AND held_for IS NOT NULL
                                      AND due_at > statement_timestamp()) AS held,
                   count(*) FILTER (WHERE status = 'grouped') AS grouped,
                   count(*) FILTER (WHERE status = 'sent') AS sent,
                   count(*) FILTER (WHERE status = 'dead') AS dead,
                   count(*) FILTER (WHERE status = 'superseded') AS superseded,
                   count(*) FILTER (WHERE status = 'unroutable') AS unroutable,
                   count(*) FILTER (WHERE status = 'recorded') AS recorded,
                   count(*) FILTER (WHERE status = 'discarded') AS discarded
              FROM notifier.ledger) AS l,
           (SELECT count(*) FILTER (WHERE status = 'sent' AND channel = 'mail') AS mails_sent,
                   count(*) FILTER (WHERE status = 'sent') AS messages_sent,
                   count(*) FILTER (WHERE status IN ('pending', 'retry', 'sending')) AS messages_unfinished,
                   count(*) FILTER (WHERE status = 'dead') AS messages_dead
              FROM notifier.delivery) AS d
    """
    (row,) = await _rows(engine, statement)
    return LedgerCounts(**row)


async def story(engine: AsyncEngine, alert_id: str) -> Story | None:
    """Return the story of an alert, or None when there is no such alert."""
    found = await _rows(engine, f"SELECT {_COLUMNS} FROM notifier.alert WHERE id = :id", id=alert_id)
    if not found:
        return None
    statement = """
    SELECT l.kind, l.responsible_unit, l.role, l.channel, l.address, l.dispatch, l.clauses, l.cause, l.status, l.reason,
           l.created_at, l.settled_at, d.message_id, d.subject, d.attempts, d.server_reply
      FROM notifier.ledger AS l LEFT JOIN notifier.delivery AS d ON d.id = l.delivery_id
     WHERE l.alert_id = :id ORDER BY l.id
    """
    lines = await _rows(engine, statement, id=alert_id)
    return Story(
        alert=alert_of(found[0]),
        lines=tuple(LedgerLine(**{**line, "clauses": tuple(line["clauses"])}) for line in lines),
    )


async def dead_deliveries(
    engine: AsyncEngine, limit: int = 100, status: DeliveryStatus = DeliveryStatus.DEAD
) -> list[DeadDelivery]:
    """Return the newest messages that were given up, or those that an operator has discarded."""
    statement = """
    SELECT id, status, channel, address, subject, attempts, server_reply, settled_at FROM notifier.delivery
     WHERE status = :status ORDER BY settled_at DESC NULLS FIRST LIMIT :limit
    """
    return [DeadDelivery(**row) for row in await _rows(engine, statement, limit=limit, status=status)]


async def _rows(engine: AsyncEngine, statement: str, **values: Any) -> list[RowMapping]:
    async with engine.connect() as connection:
        return list((await connection.execute(text(statement), values)).mappings().all())
