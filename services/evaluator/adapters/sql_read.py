"""Reads of the evaluator: what a new writer restores its engine from, and the history of single cells."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.adapters import sql_facts
from services.evaluator.domain.findings import finding
from services.evaluator.domain.outcome import FactKey, StoredVerdict
from services.evaluator.domain.partition import Partition
from services.evaluator.domain.ports import Stored
from services.evaluator.domain.recompute import keep_newest
from services.evaluator.domain.restoring import Newest
from shared.contracts.streams import INDICATOR_REPORTED, partition_stream
from shared.contracts.vocabulary import VerdictReason, VerdictStatus
from shared.contracts.wire import IndicatorReported, IndicatorReportedBatch, decode_indicator_reported
from shared.runtime import mailbox

_KEPT = text("SELECT payload FROM messaging.mailbox WHERE handled_at IS NOT NULL AND stream LIKE :stream")
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
    facts = Newest(windowed)
    pages: list[str] = []
    async for page in sql_facts.read(connection, units):
        facts.add(page)
        pages.append(page[0].unit)
    for batch in kept:
        facts.note(batch.events)
    # What a half or a deletion meets in the store is not to be seen in the newest period alone.
    history = await histories(connection, facts.special) if facts.special else []
    return Stored(
        facts=[*facts.reports(), *history],
        pages=pages,
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


async def histories(connection: AsyncConnection, wanted: Iterable[tuple[str, str, str]]) -> Sequence[IndicatorReported]:
    """Return every stored report of the given (unit, indicator, cell)."""
    cells = set(wanted)
    pages = sql_facts.read(connection, sorted({unit for unit, _, _ in cells}))
    return [r async for page in pages for r in page if (r.unit, r.indicator, r.cell) in cells]


async def unit_reports(connection: AsyncConnection, unit: str) -> list[IndicatorReported]:
    """Return the stored reports of a unit; there may be several of one fact."""
    return [report async for page in sql_facts.read(connection, [unit]) for report in page]


async def all_facts(connection: AsyncConnection) -> dict[FactKey, IndicatorReported]:
    """Return every stored fact; those of the kept reports may be newer."""
    facts: dict[FactKey, IndicatorReported] = {}
    async for page in sql_facts.read(connection):
        keep_newest(facts, page)
    return facts


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
