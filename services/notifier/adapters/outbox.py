"""The outbox in PostgreSQL: messages wait, are claimed by one sender, and end as sent or dead."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters import outbox_sql
from services.notifier.adapters.alert_rows import alert_of
from services.notifier.domain.delivery import Delivery, DeliveryStatus, Draft, Result, Sent
from services.notifier.domain.ledger import DueEntry
from services.notifier.domain.material import Material, RollupChange
from services.notifier.domain.ports import Census
from services.notifier.domain.retry import Backoff
from shared.contracts.vocabulary import Channel

_encode = msgspec.json.Encoder().encode
_MAX_REPLY_CHARACTERS = 2_000


class SqlOutbox:
    """Keeps deliveries in PostgreSQL. A claim that is not settled within `lease_seconds` may be taken by another."""

    def __init__(self, engine: AsyncEngine, sender: str, lease_seconds: float, backoff: Backoff) -> None:
        self._engine = engine
        # What is one statement needs no BEGIN and COMMIT around it, which would be two of three round trips.
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sender = sender
        self._lease_seconds = lease_seconds
        self._backoff = backoff

    @asynccontextmanager
    async def grouping(self) -> AsyncIterator["SqlDueTransaction"]:
        """Begin a transaction that groups due entries."""
        async with self._engine.begin() as connection:
            yield SqlDueTransaction(connection)

    async def take(self, channel: Channel, limit: int) -> list[Delivery]:
        """Claim up to `limit` deliveries that are due on a channel."""
        asked = {"channel": channel, "limit": limit, "sender": self._sender, "lease_seconds": self._lease_seconds}
        async with self._single.connect() as connection:
            rows = await connection.execute(text(outbox_sql.TAKE), asked)
            return [msgspec.convert(dict(row), Delivery) for row in rows.mappings()]

    async def settle(self, delivery: Delivery, result: Result) -> DeliveryStatus:
        """Record on a claimed delivery and its entries how the sending ended; return where it stands now."""
        values: dict[str, Any] = {"id": delivery.id, "reply": printable(result.reply)}
        if isinstance(result, Sent):
            status, statement = DeliveryStatus.SENT, outbox_sql.SENT
        else:
            values["attempts"] = delivery.attempts
            wait = None if result.permanent else self._backoff.wait_after(delivery.attempts)
            if wait is None:
                status, statement = DeliveryStatus.DEAD, outbox_sql.DEAD
            else:
                values["wait_seconds"] = wait
                status, statement = DeliveryStatus.RETRY, outbox_sql.RETRY
        async with self._single.connect() as connection:
            await connection.execute(text(statement), values)
        return status

    async def census(self) -> Census:
        """Count what is open and what waits."""
        async with self._single.connect() as connection:
            rows = (await connection.execute(text(outbox_sql.CENSUS))).mappings().all()
        counts = {(row["what"], row["label"]): row["amount"] for row in rows}
        return Census(
            alerts_open={label: amount for (what, label), amount in counts.items() if what == "alert"},
            deliveries={label: amount for (what, label), amount in counts.items() if what == "delivery"},
            entries_waiting=counts.get(("waiting", ""), 0),
        )


class SqlDueTransaction:
    """One transaction that turns due entries into deliveries."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def due(self, addresses: int, entries: int, window_seconds: float) -> list[DueEntry]:
        """Return what is due at up to so many addresses, with what follows there within the window.

        Empty when another replica is at it.
        """
        if not await self._connection.scalar(text(outbox_sql.TRY_LOCK)):
            return []
        rows = await self._connection.execute(
            text(outbox_sql.DUE), {"addresses": addresses, "entries": entries, "window_seconds": window_seconds}
        )
        return [msgspec.convert(dict(row), DueEntry) for row in rows.mappings()]

    async def material(self, entries: Sequence[DueEntry]) -> Material:
        """Return the alerts, roll-up changes and earlier messages that the entries speak of."""
        ids = sorted({entry.alert_id for entry in entries if entry.alert_id is not None})
        asked = sorted({entry.rollup for entry in entries if entry.alert_id is None})
        units, nodes, sequences = ([key[place] for key in asked] for place in range(3))
        addresses = sorted({entry.address for entry in entries})
        alerts = [alert_of(row) for row in await self._rows(outbox_sql.ALERTS, ids=ids)]
        found = await self._rows(outbox_sql.ROLLUPS, units=units, nodes=nodes, sequences=sequences)
        rollups = [_rollup_of(row) for row in found]
        consequences: dict[str, tuple[RollupChange, ...]] = {}
        for row in await self._rows(outbox_sql.CONSEQUENCES, ids=ids):
            consequences[row["alert_id"]] = (*consequences.get(row["alert_id"], ()), _rollup_of(row))
        threads: dict[tuple[str, str], tuple[str, ...]] = {}
        for row in await self._rows(outbox_sql.THREADS, ids=ids, addresses=addresses):
            key = (row["address"], row["alert_id"])
            threads[key] = (*threads.get(key, ()), row["message_id"])
        return Material(
            alerts={alert.id: alert for alert in alerts},
            rollups={(change.unit, change.node, change.sequence): change for change in rollups},
            consequences=consequences,
            threads=threads,
        )

    async def store(self, drafts: Sequence[Draft]) -> None:
        """Store the deliveries and mark their entries as grouped."""
        entries = [
            {"id": entry_id, "delivery_id": draft.id, "failed": draft.failure is not None}
            for draft in drafts
            for entry_id in draft.entry_ids
        ]
        for statement, rows in ((outbox_sql.SAVE_DELIVERIES, drafts), (outbox_sql.GROUP_ENTRIES, entries)):
            if rows:
                await self._connection.execute(text(statement), {"rows": _encode(rows).decode()})

    async def _rows(self, statement: str, **values: Any) -> Sequence[RowMapping]:
        return (await self._connection.execute(text(statement), values)).mappings().all()


def printable(reply: str) -> str:
    """Return a server's reply as PostgreSQL can hold it, cut to a sensible length."""
    return reply.replace("\x00", " ").encode(errors="replace").decode()[:_MAX_REPLY_CHARACTERS]


def _rollup_of(row: RowMapping) -> RollupChange:
    return msgspec.convert({name: row[name] for name in RollupChange.__dataclass_fields__}, RollupChange)
