"""Reads of the evaluator: what a new writer restores its engine from, and the history of single cells."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.domain.findings import finding
from services.evaluator.domain.outcome import StoredVerdict
from services.evaluator.domain.ports import Stored
from shared.contracts.vocabulary import Part, Stage, VerdictReason, VerdictStatus
from shared.contracts.wire import IndicatorReported

FACT_COLUMNS = (
    "unit, indicator, cell, period_end, period_start, part, seq, observed_at, event_id, source, "
    "numerator, denominator, value, deleted, stage, valid_until"
)

# Plain cells need only their newest period; where halves, deletions or windows play, every report counts.
_RESTORE = text(
    "WITH special AS (SELECT DISTINCT unit, indicator, cell FROM evaluator.fact "
    "WHERE deleted OR part IN ('numerator', 'denominator')), "
    f"newest AS (SELECT DISTINCT ON (unit, indicator, cell, part) {FACT_COLUMNS} FROM evaluator.fact "
    "ORDER BY unit, indicator, cell, part, period_end DESC, period_start DESC) "
    f"SELECT {FACT_COLUMNS} FROM evaluator.fact "
    "WHERE indicator = ANY(CAST(:windowed AS text[])) OR (unit, indicator, cell) IN (SELECT * FROM special) "
    f"UNION ALL SELECT {FACT_COLUMNS} FROM newest"
)
_HISTORIES = text(
    f"SELECT {FACT_COLUMNS} FROM evaluator.fact WHERE (unit, indicator, cell) IN "
    "(SELECT * FROM unnest(CAST(:units AS text[]), CAST(:indicators AS text[]), CAST(:cells AS text[])))"
)
_ALL_FACTS = text(f"SELECT {FACT_COLUMNS} FROM evaluator.fact")
VERDICT_COLUMNS = "unit, node, status, reason, cells, since, ruleset, transition"
_VERDICTS = text(f"SELECT {VERDICT_COLUMNS} FROM evaluator.verdict")
_LAST_TRANSITION = text("SELECT coalesce(max(id), 0) FROM evaluator.transition")
_ROLLUPS = text("SELECT unit, standard FROM evaluator.rollup WHERE total > 0")
_RULES = text("SELECT rules FROM evaluator.writer_state WHERE partition = :partition")


async def load(connection: AsyncConnection, partition: int, windowed: Iterable[str]) -> Stored:
    """Return what a new writer of a partition needs."""
    rows = await connection.execute(_RESTORE, {"windowed": sorted(windowed)})
    facts = [report_of(row) for row in rows]
    return Stored(
        facts=facts,
        verdicts=await verdicts(connection),
        rollups=[(row.unit, row.standard) for row in await connection.execute(_ROLLUPS)],
        last_transition=int(await connection.scalar(_LAST_TRANSITION) or 0),
        rules=await connection.scalar(_RULES, {"partition": partition}),
    )


async def histories(connection: AsyncConnection, wanted: Iterable[tuple[str, str, str]]) -> Sequence[IndicatorReported]:
    """Return every stored report of the given (unit, indicator, cell)."""
    keys = list(wanted)
    names = ("units", "indicators", "cells")
    rows = await connection.execute(_HISTORIES, {n: [key[i] for key in keys] for i, n in enumerate(names)})
    return [report_of(row) for row in rows]


async def all_facts(connection: AsyncConnection) -> Sequence[IndicatorReported]:
    """Return every stored fact."""
    return [report_of(row) for row in await connection.execute(_ALL_FACTS)]


async def verdicts(connection: AsyncConnection) -> dict[tuple[str, str], StoredVerdict]:
    """Return every stored verdict by (unit, node)."""
    rows = await connection.execute(_VERDICTS)
    return {(row.unit, row.node): verdict_of(row) for row in rows}


def verdict_of(row: Row[Any]) -> StoredVerdict:
    """Return a stored verdict from its row."""
    return StoredVerdict(
        finding=finding(VerdictStatus(row.status), VerdictReason(row.reason), cells_of(row.cells)),
        since=row.since,
        ruleset=row.ruleset,
        transition=row.transition,
    )


def cells_of(stored: str | None) -> tuple[str, ...]:
    """Return the cells at fault from their stored form: NULL is none, '' is the chỉ tiêu as a whole."""
    return () if stored is None else tuple(stored.split(","))


def report_of(row: Row[Any]) -> IndicatorReported:
    """Return a stored fact as the report it was."""
    return IndicatorReported(
        seq=row.seq,
        event_id=row.event_id,
        source=row.source,
        unit=row.unit,
        indicator=row.indicator,
        cell=row.cell,
        period_start=row.period_start,
        period_end=row.period_end,
        observed_at=row.observed_at,
        part=Part(row.part),
        numerator=row.numerator,
        denominator=row.denominator,
        value=row.value,
        deleted=row.deleted,
        stage=None if row.stage is None else Stage(row.stage),
        valid_until=row.valid_until,
    )
