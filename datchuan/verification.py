"""Verification: a full recompute from the journal against what the evaluator has stored, in one snapshot."""

from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.evaluator.adapters import queries, sql_read
from services.evaluator.domain.compare import Difference, differing_facts, differing_rollups, differing_verdicts
from services.evaluator.domain.outcome import FactKey
from services.evaluator.domain.recompute import keep_newest, recompute
from services.evaluator.domain.slots import SlotTable, slot_table
from shared.catalog.catalog import Catalog
from shared.contracts.streams import INDICATOR_REPORTED
from shared.contracts.vocabulary import UnitLevel, VerdictStatus
from shared.contracts.wire import IndicatorReported, decode_indicator_reported

_JOURNAL = text("SELECT event FROM ingest.journal")
_WAITING = text("SELECT payload FROM messaging.mailbox WHERE handled_at IS NULL AND stream LIKE :stream")
_BURIED = text("SELECT payload FROM messaging.dead_letter WHERE stream LIKE :stream")
ROWS_AT_ONCE = 20_000
_decode = msgspec.json.Decoder(IndicatorReported).decode


@dataclass(frozen=True)
class Verification:
    """What was compared, and every difference found. `waiting` and `buried` reports are not applied yet."""

    communes: int
    facts: int
    verdicts: int
    events: int
    waiting: int
    buried: int
    differences: tuple[Difference, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the result for `--json`: counts, and the differences as a number and in detail."""
        counts = {key: value for key, value in asdict(self).items() if key != "differences"}
        return counts | {
            "differences": len(self.differences),
            "details": [asdict(difference) for difference in self.differences],
        }


async def verify(engine: AsyncEngine, catalog: Catalog) -> Verification:
    """Recompute everything from the journal and compare it with the store, in one consistent snapshot.

    Reports whose message still waits in the mailbox are left out: the store does not claim to know them yet.
    """
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        async with connection.begin():
            return await _verify(connection, catalog)


async def _verify(connection: AsyncConnection, catalog: Catalog) -> Verification:
    state = await queries.writer_state(connection)
    waiting = await _sequences(connection, _WAITING)
    buried = await _sequences(connection, _BURIED)
    facts, events = await _journal_facts(connection, catalog, waiting | buried)
    slots = slot_table(catalog)
    stored = {_key(fact): fact for fact in await sql_read.all_facts(connection) if _has_place(fact, catalog, slots)}
    verdicts = {key: verdict.finding for key, verdict in (await sql_read.verdicts(connection)).items()}
    counts = {
        (row["unit"], row["standard"], status): row[status]
        for row in await queries.rollups(connection)
        for status in VerdictStatus
    }
    differences = differing_facts(stored, facts)
    if state is not None:
        expected = recompute(catalog, facts, state[0])
        differences += differing_verdicts(verdicts, expected) + differing_rollups(counts, expected)
    known = catalog.unit_by_id
    communes = {unit for unit, _ in verdicts if unit in known and known[unit].level is UnitLevel.COMMUNE}
    return Verification(
        communes=len(communes),
        facts=len(stored),
        verdicts=len(verdicts),
        events=events,
        waiting=len(waiting),
        buried=len(buried),
        differences=tuple(differences),
    )


async def _journal_facts(
    connection: AsyncConnection, catalog: Catalog, not_applied: set[int]
) -> tuple[dict[FactKey, IndicatorReported], int]:
    """Return the newest report of every fact and the number of journaled reports, a page at a time."""
    slots = slot_table(catalog)
    facts: dict[FactKey, IndicatorReported] = {}
    events = 0
    result = await connection.stream(_JOURNAL, execution_options={"yield_per": ROWS_AT_ONCE})
    async for page in result.scalars().partitions():
        reports = [_decode(event) for event in page]
        events += len(reports)
        keep_newest(
            facts,
            (report for report in reports if report.seq not in not_applied and _has_place(report, catalog, slots)),
        )
    return facts, events


def _has_place(report: IndicatorReported, catalog: Catalog, slots: SlotTable) -> bool:
    """Return whether the catalog judges anything by this report; what it does not know waits for one that does."""
    return report.unit in catalog.unit_by_id and slots.number(report) is not None


async def _sequences(connection: AsyncConnection, query: Any) -> set[int]:
    payloads = await connection.scalars(query, {"stream": f"{INDICATOR_REPORTED}%"})
    return {report.seq for payload in payloads for report in decode_indicator_reported(payload).events}


def _key(fact: IndicatorReported) -> FactKey:
    return fact.unit, fact.indicator, fact.cell, (fact.period_end, fact.period_start), fact.part
