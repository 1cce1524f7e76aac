"""Alerts and the ledger in PostgreSQL: a few set-based statements per batch, whatever its size."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters import alert_sql
from services.notifier.domain.alerts import Alert, AlertAction, AlertKey, AlertKind, EndReason, Evidence, Step
from services.notifier.domain.book import Outcome
from services.notifier.domain.ledger import Entry
from services.notifier.domain.mark import Mark
from shared.contracts.vocabulary import Cause, NodeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import VerdictChanged
from shared.runtime import mailbox

_encode = msgspec.json.Encoder().encode


class SqlAlertStore:
    """Keeps alerts and ledger in PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["SqlAlertTransaction"]:
        """Begin a transaction; an advisory lock lets one replica at a time decide about alerts."""
        async with self._engine.begin() as connection:
            # Taken before any row: replicas that share a message then wait for each other and never deadlock.
            await connection.execute(text(alert_sql.LOCK))
            yield SqlAlertTransaction(connection)


class SqlAlertTransaction:
    """One transaction over alerts and ledger."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, message_ids: Sequence[str]) -> frozenset[str]:
        """Take the messages out of the mailbox; return those that were still there."""
        return await mailbox.claim(self._connection, message_ids)

    async def standing(self, changes: Sequence[VerdictChanged]) -> tuple[list[Alert], list[Mark]]:
        """Return the newest occurrences and the marks of all nodes that the changes name."""
        keys = sorted({(change.unit, change.node) for change in changes})
        asked = {"units": [unit for unit, _ in keys], "nodes": [node for _, node in keys]}
        alerts = await self._connection.execute(text(alert_sql.ALERTS), asked)
        marks = await self._connection.execute(text(alert_sql.MARKS), asked)
        return [alert_of(row) for row in alerts.mappings()], [_mark_of(row) for row in marks.mappings()]

    async def save(self, outcome: Outcome, entries: Sequence[Entry]) -> None:
        """Write alerts, marks, roll-up changes and ledger entries, and settle entries that are no longer to be sent."""
        await self._write(alert_sql.SAVE_ALERTS, [_alert_row(outcome.alerts[key]) for key in sorted(outcome.alerts)])
        await self._write(alert_sql.SAVE_MARKS, [msgspec.to_builtins(outcome.marks[k]) for k in sorted(outcome.marks)])
        await self._write(alert_sql.SAVE_ROLLUPS, [_rollup_row(change) for change in outcome.rollups])
        await self._write(alert_sql.SAVE_ENTRIES, [entry_row(entry) for entry in entries])
        await self._settle(outcome.steps)

    async def _write(self, statement: str, rows: Sequence[Any]) -> None:
        if rows:
            await self._connection.execute(text(statement), {"rows": _encode(rows).decode()})

    async def _settle(self, steps: Sequence[Step]) -> None:
        resolved = [step.alert for step in steps if step.action is AlertAction.RESOLVED]
        for statement, ids in (
            (alert_sql.SUPERSEDE_CLOSED, _ids(step.alert for step in steps if step.action is AlertAction.CLOSED)),
            (alert_sql.RECORD_CLOSED, _ids(step.alert for step in steps if step.action is AlertAction.CLOSED)),
            (alert_sql.SUPERSEDE_DATA_LOST, _ids(step.alert for step in steps if step.action in _DATA_IS_BACK)),
            (alert_sql.SUPERSEDE_GAPS, _ids(alert for alert in resolved if alert.opened_as is AlertKind.DATA_GAP)),
            (alert_sql.TELL_TOGETHER, _ids(alert for alert in resolved if alert.opened_as is AlertKind.BREACH)),
        ):
            if ids:
                await self._connection.execute(text(statement), {"ids": ids})


_DATA_IS_BACK = (AlertAction.DATA_BACK, AlertAction.RESOLVED)


def _ids(alerts: Iterable[Alert]) -> list[str]:
    return sorted({alert.id for alert in alerts})


def alert_of(row: RowMapping) -> Alert:
    """Return the alert that a row holds."""
    return Alert(
        key=AlertKey(row["unit"], row["node"], row["cell"]),
        occurrence=row["occurrence"],
        opened_as=AlertKind(row["opened_as"]),
        kind=AlertKind(row["kind"]),
        opened_at=row["opened_at"],
        opened_cause=Cause(row["opened_cause"]),
        evidence=msgspec.json.decode(row["evidence"], type=Evidence),
        revision=row["revision"],
        breaches=row["breaches"],
        ended_at=row["ended_at"],
        end_reason=None if row["end_reason"] is None else EndReason(row["end_reason"]),
        end_cause=None if row["end_cause"] is None else Cause(row["end_cause"]),
    )


def _alert_row(alert: Alert) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(alert)
    key: dict[str, Any] = row.pop("key")
    return {"id": alert.id} | key | row


def _mark_of(row: RowMapping) -> Mark:
    return Mark(
        unit=row["unit"],
        node=row["node"],
        node_kind=NodeKind(row["node_kind"]),
        status=VerdictStatus(row["status"]),
        reason=VerdictReason(row["reason"]),
        sequence=row["sequence"],
        occurred_at=row["occurred_at"],
    )


def _rollup_row(change: VerdictChanged) -> dict[str, Any]:
    return {
        "sequence": change.sequence,
        "unit": change.unit,
        "node": change.node,
        "node_kind": change.node_kind,
        "from_status": change.from_status,
        "to_status": change.to_status,
        "to_reason": change.to_reason,
        "cause": change.cause,
        "occurred_at": change.occurred_at,
    }


def entry_row(entry: Entry) -> dict[str, Any]:
    """Return the row that an entry is written as."""
    row: dict[str, Any] = msgspec.to_builtins(entry)
    return row | {"channel": row["channel"] or ""}
