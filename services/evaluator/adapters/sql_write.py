"""Set-based writes of the evaluator: one statement a table and batch, sorted by key, never a row at a time."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.domain.outcome import Outcome, RollupCounts, StoredVerdict, Transition
from shared.contracts.vocabulary import VerdictStatus
from shared.contracts.wire import IndicatorReported
from shared.runtime.database import raw_connection

_FACT_COLUMNS = {
    "unit": "text",
    "indicator": "text",
    "cell": "text",
    "period_end": "date",
    "period_start": "date",
    "part": "text",
    "seq": "bigint",
    "observed_at": "timestamptz",
    "event_id": "text",
    "source": "text",
    "numerator": "bigint",
    "denominator": "bigint",
    "value": "double precision",
    "deleted": "boolean",
    "stage": "text",
    "valid_until": "date",
}
_FACT_KEY = ("unit", "indicator", "cell", "period_end", "period_start", "part")


def _unnest(columns: dict[str, str]) -> str:
    return ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in columns.items())


_SAVE_FACTS = text(
    f"INSERT INTO evaluator.fact AS known ({', '.join(_FACT_COLUMNS)}) SELECT * FROM unnest({_unnest(_FACT_COLUMNS)}) "
    f"ON CONFLICT ({', '.join(_FACT_KEY)}) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _FACT_COLUMNS if name not in _FACT_KEY)
    + " WHERE (excluded.observed_at, excluded.seq) > (known.observed_at, known.seq)"
)

_VERDICT_COLUMNS = {
    "unit": "text",
    "node": "text",
    "status": "text",
    "reason": "text",
    "cells": "text",
    "since": "timestamptz",
    "ruleset": "text",
    "transition": "bigint",
}
_SAVE_VERDICTS = text(
    f"INSERT INTO evaluator.verdict AS known ({', '.join(_VERDICT_COLUMNS)}) "
    f"SELECT * FROM unnest({_unnest(_VERDICT_COLUMNS)}) ON CONFLICT (unit, node) DO UPDATE SET "
    "status = excluded.status, reason = excluded.reason, cells = excluded.cells, ruleset = excluded.ruleset, "
    "since = CASE WHEN known.status = excluded.status THEN known.since ELSE excluded.since END, "
    "transition = greatest(known.transition, excluded.transition)"
)

_ROLLUP_COLUMNS = {"unit": "text", "standard": "text", "total": "integer"} | dict.fromkeys(VerdictStatus, "integer")
_SAVE_ROLLUPS = text(
    f"INSERT INTO evaluator.rollup ({', '.join(_ROLLUP_COLUMNS)}) SELECT * FROM unnest({_unnest(_ROLLUP_COLUMNS)}) "
    "ON CONFLICT (unit, standard) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in ("total", *VerdictStatus))
)

_TRANSITION_COLUMNS = (
    *("id", "unit", "node", "node_kind", "from_status", "to_status", "from_reason", "to_reason", "cause"),
    *("event_ids", "ruleset", "catalog", "occurred_at", "as_of", "observed_at", "before", "after"),
)


async def save(connection: AsyncConnection, outcome: Outcome) -> None:
    """Write everything an outcome holds inside the caller's transaction."""
    if outcome.facts:
        await _save_facts(connection, outcome.facts.values())
    if outcome.verdicts:
        await _save_verdicts(connection, outcome.verdicts)
    if outcome.transitions:
        await _save_transitions(connection, outcome.transitions)
    if outcome.rollups:
        await _save_rollups(connection, outcome.rollups)


async def _save_facts(connection: AsyncConnection, facts: Iterable[IndicatorReported]) -> None:
    ordered = sorted(facts, key=lambda f: (f.unit, f.indicator, f.cell, f.period_end, f.period_start, f.part))
    await connection.execute(_SAVE_FACTS, {name: [getattr(f, name) for f in ordered] for name in _FACT_COLUMNS})


async def _save_verdicts(connection: AsyncConnection, verdicts: dict[tuple[str, str], StoredVerdict]) -> None:
    ordered = sorted(verdicts)
    stored = [verdicts[key] for key in ordered]
    await connection.execute(
        _SAVE_VERDICTS,
        {
            "unit": [unit for unit, _ in ordered],
            "node": [node for _, node in ordered],
            "status": [v.finding.status for v in stored],
            "reason": [v.finding.reason for v in stored],
            "cells": [",".join(v.finding.cells) if v.finding.cells else None for v in stored],
            "since": [v.since for v in stored],
            "ruleset": [v.ruleset for v in stored],
            "transition": [v.transition for v in stored],
        },
    )


async def _save_transitions(connection: AsyncConnection, transitions: Sequence[Transition]) -> None:
    encode = msgspec.json.encode
    records = [
        (
            *(c.sequence, c.unit, c.node, c.node_kind, c.from_status, c.to_status, c.from_reason, c.to_reason, c.cause),
            *(list(c.event_ids), c.ruleset, c.catalog, c.occurred_at, c.as_of, c.observed_at),
            encode(transition.before).decode() if transition.before else None,
            encode(c.cells).decode() if c.cells else None,
        )
        for transition in transitions
        for c in (transition.change,)
    ]
    driver = await raw_connection(connection)
    await driver.copy_records_to_table(
        "transition", schema_name="evaluator", columns=_TRANSITION_COLUMNS, records=records
    )


async def _save_rollups(connection: AsyncConnection, rollups: dict[tuple[str, str], RollupCounts]) -> None:
    ordered = sorted(rollups)
    rows: dict[str, list[object]] = {
        "unit": [unit for unit, _ in ordered],
        "standard": [standard for _, standard in ordered],
        "total": [rollups[key].total for key in ordered],
    }
    for status in VerdictStatus:
        rows[status] = [rollups[key].counts[status] for key in ordered]
    await connection.execute(_SAVE_ROLLUPS, rows)
