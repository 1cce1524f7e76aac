"""Reads of the evaluator: what a new writer restores its engine from, and the history of single cells."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.domain.facts import is_plain
from services.evaluator.domain.findings import finding
from services.evaluator.domain.outcome import StoredVerdict
from services.evaluator.domain.partition import Partition
from services.evaluator.domain.ports import Stored
from shared.contracts.streams import INDICATOR_REPORTED, partition_stream
from shared.contracts.vocabulary import Part, Stage, VerdictReason, VerdictStatus
from shared.contracts.wire import IndicatorReported, IndicatorReportedBatch, decode_indicator_reported
from shared.runtime import mailbox

FACT_COLUMNS = (
    "unit, indicator, cell, period_end, period_start, part, seq, observed_at, event_id, source, "
    "numerator, denominator, value, deleted, stage, valid_until"
)

# Plain cells need only their newest period; where halves, deletions or windows play, every report counts.
_RESTORE = text(
    "WITH special AS (SELECT DISTINCT unit, indicator, cell FROM evaluator.fact "
    "WHERE (deleted OR part IN ('numerator', 'denominator')) AND unit = ANY(CAST(:units AS text[]))), "
    f"newest AS (SELECT DISTINCT ON (unit, indicator, cell, part) {FACT_COLUMNS} FROM evaluator.fact "
    "WHERE unit = ANY(CAST(:units AS text[])) "
    "ORDER BY unit, indicator, cell, part, period_end DESC, period_start DESC) "
    f"SELECT {FACT_COLUMNS} FROM evaluator.fact "
    "WHERE unit = ANY(CAST(:units AS text[])) "
    "AND (indicator = ANY(CAST(:windowed AS text[])) OR (unit, indicator, cell) IN (SELECT * FROM special)) "
    f"UNION ALL SELECT {FACT_COLUMNS} FROM newest"
)
_HISTORIES = text(
    f"SELECT {FACT_COLUMNS} FROM evaluator.fact WHERE (unit, indicator, cell) IN "
    "(SELECT * FROM unnest(CAST(:units AS text[]), CAST(:indicators AS text[]), CAST(:cells AS text[])))"
)
_KEPT = text("SELECT payload FROM messaging.mailbox WHERE handled_at IS NOT NULL AND stream LIKE :stream")
_ALL_FACTS = text(f"SELECT {FACT_COLUMNS} FROM evaluator.fact")
VERDICT_COLUMNS = "unit, node, status, reason, cells, since, ruleset, transition"
_VERDICTS = text(f"SELECT {VERDICT_COLUMNS} FROM evaluator.verdict")
# The highest of all partitions, so that the ids of a unit go on rising should it come from another one.
_LAST_TRANSITION = text(
    "SELECT coalesce(max(last.id), 0) FROM generate_series(0, 255) AS each (partition), "
    "LATERAL (SELECT max(id) AS id FROM evaluator.transition WHERE partition = each.partition) AS last"
)
_ROLLUPS = text("SELECT unit, standard FROM evaluator.rollup WHERE partition = :partition AND total > 0")
_RULES = text("SELECT rules FROM evaluator.writer_state WHERE partition = :partition")


async def load(
    connection: AsyncConnection, partition: Partition, units: Sequence[str], windowed: Iterable[str]
) -> Stored:
    """Return what a new writer of a partition and its `units` needs."""
    kept = await kept_messages(connection, partition.number)
    rows = await connection.execute(_RESTORE, {"windowed": sorted(windowed), "units": units})
    facts = [report_of(row) for row in rows]
    # What a kept half or deletion meets in the store is not to be seen in the store alone.
    special = {_cell(report) for batch in kept for report in batch.events if not is_plain(report)}
    if special:
        facts += await histories(connection, sorted(special))
    return Stored(
        facts=facts,
        kept=kept,
        verdicts={key: known for key, known in (await verdicts(connection)).items() if partition.owns(key[0])},
        rollups=[(r.unit, r.standard) for r in await connection.execute(_ROLLUPS, {"partition": partition.number})],
        last_transition=int(await connection.scalar(_LAST_TRANSITION) or 0),
        rules=await connection.scalar(_RULES, {"partition": partition.number}),
    )


async def kept_messages(connection: AsyncConnection, partition: int) -> list[IndicatorReportedBatch]:
    """Return the messages of a partition that are handled while some of their facts may not be written yet."""
    payloads = await mailbox.handled(connection, partition_stream(INDICATOR_REPORTED, partition))
    return [decode_indicator_reported(payload) for payload in payloads]


async def kept_reports(connection: AsyncConnection) -> list[IndicatorReported]:
    """Return the reports of the handled messages of all partitions: with the stored facts, all that is judged."""
    payloads = await connection.scalars(_KEPT, {"stream": f"{INDICATOR_REPORTED}%"})
    return [report for payload in payloads for report in decode_indicator_reported(payload).events]


def _cell(report: IndicatorReported) -> tuple[str, str, str]:
    return report.unit, report.indicator, report.cell


async def histories(connection: AsyncConnection, wanted: Iterable[tuple[str, str, str]]) -> Sequence[IndicatorReported]:
    """Return every stored report of the given (unit, indicator, cell)."""
    keys = list(wanted)
    names = ("units", "indicators", "cells")
    rows = await connection.execute(_HISTORIES, {n: [key[i] for key in keys] for i, n in enumerate(names)})
    return [report_of(row) for row in rows]


async def all_facts(connection: AsyncConnection) -> list[IndicatorReported]:
    """Return every stored fact; those of the kept reports may be newer."""
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
