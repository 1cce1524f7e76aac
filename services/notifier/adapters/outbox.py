"""The outbox in PostgreSQL: messages wait, are claimed by one sender, and end as sent or dead."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters import crowd_sql, outbox_sql
from services.notifier.adapters.material_store import read_material
from services.notifier.domain.delivery import XLSX, Attachment, Delivery, DeliveryStatus, Draft, Lanes, Result, Sent
from services.notifier.domain.ledger import DueEntry
from services.notifier.domain.material import Material
from services.notifier.domain.ports import Census, Crowd, Pace
from services.notifier.domain.retry import Backoff
from services.notifier.domain.summary import Amounts
from shared.contracts.vocabulary import Channel, NoticeKind

_encode = msgspec.json.Encoder().encode
_MAX_REPLY_CHARACTERS = 2_000
_NO_LANES = Lanes()
_LANES_LOOKED_AT = 64


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
    async def grouping(self, pace: Pace) -> AsyncIterator["SqlDueTransaction"]:
        """Begin a transaction that groups due entries; one replica at a time finds any."""
        async with self._engine.begin() as connection:
            is_alone = bool(await connection.scalar(text(outbox_sql.TRY_LOCK)))
            yield SqlDueTransaction(connection, pace, is_alone=is_alone)

    async def take(self, channel: Channel, limit: int, lanes: Lanes = _NO_LANES) -> list[Delivery]:
        """Claim up to `limit` deliveries that are due on a channel, from the lanes with the fewest under way first."""
        asked = {
            "channel": channel,
            "limit": limit,
            "sender": self._sender,
            "lease_seconds": self._lease_seconds,
            "per_lane": lanes.per_lane,
            "busy": list(lanes.busy),
            "counts": list(lanes.busy.values()),
            "after": lanes.after,
            # More than can be full: where anything may be taken, it is found.
            "most_lanes": limit + len(lanes.busy) + _LANES_LOOKED_AT,
        }
        async with self._single.connect() as connection:
            rows = (await connection.execute(text(outbox_sql.TAKE), asked)).mappings().all()
            reports = sorted({row["report_id"] for row in rows if row["report_id"] is not None})
            files = await _workbooks(connection, reports) if reports else {}
        return [
            msgspec.convert({**row, "attachments": files.get(row["report_id"], ())}, Delivery, strict=True)
            for row in rows
        ]

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

        def of(wanted: str) -> dict[str, int]:
            return {label: amount for (what, label), amount in counts.items() if what == wanted}

        return Census(
            alerts_open=of("alert"),
            deliveries=of("delivery"),
            entries_waiting=counts.get(("waiting", ""), 0),
            entries_held=of("held"),
            courses=of("course"),
            audit_unsealed_seconds=float(counts.get(("unsealed", ""), 0)),
        )


class SqlDueTransaction:
    """One transaction that turns due entries into deliveries."""

    def __init__(self, connection: AsyncConnection, pace: Pace, *, is_alone: bool) -> None:
        self._connection = connection
        self._pace = {"window_seconds": pace.window_seconds, "pause_seconds": pace.pause_seconds}
        self._is_alone = is_alone

    async def crowds(self, most: int) -> list[Crowd]:
        """Return the addresses of which more than `most` entries are due."""
        if not self._is_alone:
            return []
        rows = await self._rows(crowd_sql.CROWDS, most=most, **self._pace)
        return [Crowd(Channel(row["channel"]), row["address"]) for row in rows]

    async def take_crowd(self, crowd: Crowd, delivery_id: str) -> Amounts:
        """Put all that is due at an address into a delivery that is to be stored, and return how much of what it is."""
        place = {"channel": crowd.channel, "address": crowd.address, "delivery_id": delivery_id}
        window_seconds = self._pace["window_seconds"]
        rows = await self._rows(crowd_sql.TAKE_CROWD, window_seconds=window_seconds, **place)
        by_unit = {row["label"]: row["amount"] for row in rows if row["what"] == "unit"}
        by_node = {(NoticeKind(row["label"]), row["node"]): row["amount"] for row in rows if row["what"] == "kind"}
        return Amounts(sum(by_unit.values()), by_node, by_unit)

    async def first_of(self, delivery_id: str, most: int) -> list[DueEntry]:
        """Return up to `most` entries of a delivery, the ones worth telling first."""
        rows = await self._rows(crowd_sql.FIRST_OF_CROWD, delivery_id=delivery_id, most=most)
        return [msgspec.convert(dict(row), DueEntry) for row in rows]

    async def due(self, addresses: int, entries: int) -> list[DueEntry]:
        """Return what is due at up to so many addresses, with what follows there within the window."""
        if not self._is_alone:
            return []
        rows = await self._rows(outbox_sql.DUE, addresses=addresses, entries=entries, **self._pace)
        return [msgspec.convert(dict(row), DueEntry) for row in rows]

    async def material(self, entries: Sequence[DueEntry]) -> Material:
        """Return the alerts, roll-up changes, courses and earlier messages that the entries speak of."""
        return await read_material(self._connection, entries)

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
        failed = [draft.id for draft in drafts if draft.failure is not None]
        if failed:
            await self._connection.execute(text(crowd_sql.FAIL_CROWD), {"ids": failed})

    async def _rows(self, statement: str, **values: Any) -> Sequence[RowMapping]:
        return (await self._connection.execute(text(statement), values)).mappings().all()


async def _workbooks(connection: AsyncConnection, reports: Sequence[str]) -> dict[str, tuple[Attachment, ...]]:
    rows = await connection.execute(text(outbox_sql.WORKBOOKS), {"ids": reports})
    return {row.id: (Attachment(row.file_name, XLSX, bytes(row.workbook)),) for row in rows}


def printable(reply: str) -> str:
    """Return a server's reply as PostgreSQL can hold it, cut to a sensible length."""
    return reply.replace("\x00", " ").encode(errors="replace").decode()[:_MAX_REPLY_CHARACTERS]
