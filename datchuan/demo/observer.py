"""Looks at the running stack: verdicts, transitions, alerts, mails, and whether anything is still under way."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from datchuan.demo.mails import MailFolder
from datchuan.demo.snapshot import Change, Snapshot
from services.evaluator.adapters import queries
from services.notifier.adapters.queries import ledger_counts
from services.notifier.domain.course import CourseState
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import NodeKind, UnitLevel, VerdictReason, VerdictStatus

_KEPT_CHANGES = 50
_VERDICTS = text(
    "SELECT unit, status, count(*) AS nodes FROM evaluator.verdict WHERE node = ANY(CAST(:nodes AS text[])) "
    "GROUP BY unit, status"
)
_ONE_VERDICT = text("SELECT status, reason FROM evaluator.verdict WHERE unit = :unit AND node = :node")
_WAITS = text(
    "SELECT EXISTS (SELECT FROM notifier.ledger WHERE kind = 'opened' AND status = 'waiting' AND held_for = 'digest' "
    "AND address = :address AND unit = :unit AND node = :node AND due_at > statement_timestamp())"
)
_COURSES = text(
    "SELECT a.id, c.state, c.next_at FROM notifier.alert AS a JOIN notifier.course AS c ON c.alert_id = a.id "
    "WHERE a.unit = :unit AND a.node = :node AND a.ended_at IS NULL"
)
_MAILBOX = text("SELECT count(*) FROM messaging.mailbox WHERE handled_at IS NULL")


@dataclass(frozen=True)
class Course:
    """Where reminders and escalation of an open alert stand, and when something is to be done of them next."""

    alert: str
    state: CourseState
    next_at: dt.datetime | None


class Observer:
    """Reads what the board shows; never writes."""

    def __init__(self, engine: AsyncEngine, catalog: Catalog, mails: MailFolder) -> None:
        self._engine = engine
        self._catalog = catalog
        self._mails = mails
        self._changes: tuple[Change, ...] = ()
        self._last_transitions: dict[int, int] = {}

    async def snapshot(self) -> Snapshot:
        """Return the present state."""
        async with self._engine.connect() as connection:
            await self._follow(connection)
            transitions = await queries.transition_count(connection)
            verdicts = await self._verdicts(connection)
            # The mailbox before the ledger: what leaves the one is in the other by then, so nothing is overlooked.
            messages = int(await connection.scalar(_MAILBOX) or 0)
        ledger = await ledger_counts(self._engine)
        return Snapshot(
            verdicts=verdicts,
            changes=self._changes,
            mails=self._mails.mails(),
            transitions=transitions,
            alerts=ledger.alerts,
            waiting=messages + ledger.under_way,
            held=ledger.held,
        )

    async def verdict(self, unit: str, node: str) -> tuple[VerdictStatus, VerdictReason] | None:
        """Return status and reason of one verdict, None before there is one."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(_ONE_VERDICT, {"unit": unit, "node": node})).one_or_none()
        return None if row is None else (VerdictStatus(row.status), VerdictReason(row.reason))

    async def waits_for_digest(self, address: str, unit: str, node: str) -> bool:
        """Return whether an alert of a chỉ tiêu waits for the digest of an address."""
        asked = {"address": address, "unit": unit, "node": node}
        async with self._engine.connect() as connection:
            return bool(await connection.scalar(_WAITS, asked))

    async def courses(self, unit: str, node: str) -> list[Course]:
        """Return how reminders and escalation of the open alerts of a chỉ tiêu stand."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_COURSES, {"unit": unit, "node": node})
            return [Course(row.id, CourseState(row.state), row.next_at) for row in rows]

    async def _follow(self, connection: AsyncConnection) -> None:
        while rows := await queries.transitions_after(connection, self._last_transitions):
            for row in rows:
                known = self._last_transitions.get(row["partition"], 0)
                self._last_transitions[row["partition"]] = max(known, row["id"])
            shown = [self._change(row) for row in rows if row["node_kind"] == NodeKind.INDICATOR]
            self._changes = (*self._changes, *shown)[-_KEPT_CHANGES:]

    def _change(self, row: dict[str, str]) -> Change:
        return Change(
            commune_vi=self._catalog.unit_by_id[row["unit"]].name_vi,
            node=row["node"],
            from_status=VerdictStatus(row["from_status"]),
            to_status=VerdictStatus(row["to_status"]),
            to_reason=VerdictReason(row["to_reason"]),
        )

    async def _verdicts(self, connection: AsyncConnection) -> dict[str, dict[VerdictStatus, int]]:
        counts: dict[str, Counter[VerdictStatus]] = {}
        nodes = sorted({rule.node for rule in self._catalog.rules})
        for row in await connection.execute(_VERDICTS, {"nodes": nodes}):
            unit = self._catalog.unit_by_id[row.unit]
            above = self._catalog.unit_by_id.get(unit.parent or "")
            if above is not None and unit.level is UnitLevel.COMMUNE:
                counts.setdefault(above.name_vi, Counter())[VerdictStatus(row.status)] += row.nodes
        return {name: dict(counts[name]) for name in sorted(counts)}
