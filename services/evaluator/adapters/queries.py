"""What operators ask the evaluator's tables: status, history and the numbers behind a verdict. Read only."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.adapters import sql_read
from services.evaluator.domain.facts import Measure
from services.evaluator.domain.findings import Finding
from services.evaluator.domain.outcome import FactKey, StoredVerdict
from services.evaluator.domain.plan import Node, PlanKey, compile_plan
from services.evaluator.domain.recompute import histories_of, keep_newest, state_of
from services.evaluator.domain.slots import slot_table
from services.evaluator.domain.state import UnitState
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, IndicatorReported

_UNIT_VERDICTS = text(f"SELECT {sql_read.VERDICT_COLUMNS} FROM evaluator.verdict WHERE unit = :unit")
_TRANSITIONS = text(
    "SELECT id, from_status, to_status, from_reason, to_reason, cause, event_ids, ruleset, catalog, occurred_at, "
    "as_of, observed_at, before, after FROM evaluator.transition "
    "WHERE unit = :unit AND node = :node ORDER BY id DESC LIMIT :n"
)
_LATEST = text(
    "SELECT latest.* FROM evaluator.writer_state AS writer, LATERAL (SELECT partition, id, unit, node, node_kind, "
    "from_status, to_status, to_reason, cause, occurred_at FROM evaluator.transition "
    "WHERE partition = writer.partition "
    "AND id > coalesce(CAST(CAST(:after AS jsonb) ->> CAST(writer.partition AS text) AS bigint), 0) "
    "ORDER BY id LIMIT :n) AS latest ORDER BY occurred_at, id, partition"
)
_ROLLUPS = text(
    "SELECT unit, standard, sum(total)::int AS total, sum(met)::int AS met, sum(not_met)::int AS not_met, "
    "sum(not_evaluable)::int AS not_evaluable, sum(not_applicable)::int AS not_applicable FROM evaluator.rollup "
    "GROUP BY unit, standard HAVING sum(total) > 0 ORDER BY unit, standard"
)
_BY_NODE = text("SELECT node, status, count(*) AS communes FROM evaluator.verdict GROUP BY node, status")
_STATE = text("SELECT as_of, catalog FROM evaluator.writer_state ORDER BY as_of, partition LIMIT 1")
_COUNT = text("SELECT count(*) FROM evaluator.transition")
_decode_cells = msgspec.json.Decoder(tuple[CellFinding, ...]).decode


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One verdict of a unit with the numbers behind it; `cells` is empty for tiêu chí and standards.

    `measures` are those that the cells tell, with their periods, in the same order.
    """

    node: Node
    finding: Finding
    since: dt.datetime | None
    ruleset: str
    cells: tuple[CellFinding, ...]
    measures: tuple[Measure | None, ...] = ()


@dataclass(frozen=True, slots=True)
class TransitionRow:
    """One line of the history of a verdict."""

    id: int
    from_status: str
    to_status: str
    from_reason: str
    to_reason: str
    cause: str
    event_ids: tuple[str, ...]
    ruleset: str
    catalog: str
    occurred_at: dt.datetime
    as_of: dt.date
    observed_at: dt.datetime | None
    before: tuple[CellFinding, ...]
    after: tuple[CellFinding, ...]


async def unit_facts(connection: AsyncConnection, unit: str) -> list[IndicatorReported]:
    """Return every fact of a unit, stored or still to be written, newest period first within a cell."""
    facts: dict[FactKey, IndicatorReported] = {}
    keep_newest(facts, await sql_read.unit_reports(connection, unit))
    keep_newest(facts, (report for report in await sql_read.kept_reports(connection) if report.unit == unit))
    return sorted(facts.values(), key=_shown_order)


def _shown_order(fact: IndicatorReported) -> tuple[str, str, int, int, str]:
    return fact.indicator, fact.cell, -fact.period_end.toordinal(), -fact.period_start.toordinal(), fact.part


async def unit_status(connection: AsyncConnection, catalog: Catalog, unit: str, as_of: dt.date) -> list[NodeStatus]:
    """Return the stored verdicts of a unit, in the order of its rules, with the measures they rest on."""
    rows = await connection.execute(_UNIT_VERDICTS, {"unit": unit})
    stored = {row.node: sql_read.verdict_of(row) for row in rows}
    facts = await unit_facts(connection, unit)
    place, slots = catalog.unit_by_id[unit], slot_table(catalog)
    if not place.in_force(as_of):
        return []
    plan = compile_plan(catalog, slots, PlanKey.of(place), as_of)
    state = state_of(place, catalog, plan, slots, histories_of(facts, slots).get(unit, {}))
    return [_node_status(state, node, stored.get(node.name), as_of) for node in plan.nodes]


def _node_status(state: UnitState, node: Node, stored: StoredVerdict | None, as_of: dt.date) -> NodeStatus:
    finding = stored.finding if stored else Finding(VerdictStatus.NOT_EVALUABLE, VerdictReason.NO_DATA)
    return NodeStatus(
        node=node,
        finding=finding,
        since=stored.since if stored else None,
        ruleset=stored.ruleset if stored else node.ruleset,
        cells=state.explain(node, as_of),
        measures=state.told_measures(node, as_of),
    )


async def history(connection: AsyncConnection, unit: str, node: str, limit: int = 50) -> list[TransitionRow]:
    """Return the transitions of one verdict, newest first."""
    rows = await connection.execute(_TRANSITIONS, {"unit": unit, "node": node, "n": limit})
    return [
        TransitionRow(
            id=row.id,
            from_status=row.from_status,
            to_status=row.to_status,
            from_reason=row.from_reason,
            to_reason=row.to_reason,
            cause=row.cause,
            event_ids=tuple(row.event_ids),
            ruleset=row.ruleset,
            catalog=row.catalog,
            occurred_at=row.occurred_at,
            as_of=row.as_of,
            observed_at=row.observed_at,
            before=_cells(row.before),
            after=_cells(row.after),
        )
        for row in rows
    ]


def _cells(stored: str | None) -> tuple[CellFinding, ...]:
    return () if stored is None else _decode_cells(stored)


async def transitions_after(
    connection: AsyncConnection, after: Mapping[int, int], limit: int = 200
) -> list[dict[str, Any]]:
    """Return the next transitions after the last id known of each partition: what a live board follows.

    There are at most `limit` of each partition, all together in the order in which they happened.
    """
    known = json.dumps({str(partition): last for partition, last in after.items()})
    rows = await connection.execute(_LATEST, {"after": known, "n": limit})
    return [dict(row) for row in rows.mappings()]


async def rollups(connection: AsyncConnection) -> list[dict[str, Any]]:
    """Return how many communes of every district and province stand where."""
    return [dict(row) for row in (await connection.execute(_ROLLUPS)).mappings()]


async def communes_by_node(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """Return the number of units by (node, status)."""
    return {(row.node, row.status): row.communes for row in await connection.execute(_BY_NODE)}


async def transition_count(connection: AsyncConnection) -> int:
    """Return how many transitions there have been."""
    return int(await connection.scalar(_COUNT) or 0)


async def writer_state(connection: AsyncConnection) -> tuple[dt.date, str] | None:
    """Return the day and the catalog that the stored verdicts belong to, or None before the first writer.

    Of several partitions it is the one that is furthest behind.
    """
    row = (await connection.execute(_STATE)).one_or_none()
    return None if row is None else (row.as_of, row.catalog)
