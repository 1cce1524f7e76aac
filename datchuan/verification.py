"""Verification: a full recompute from the journal against what the evaluator has stored, in one snapshot."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from datchuan.journal import drop_unplaced, newest_reports, not_applied
from services.evaluator.adapters import queries, sql_read
from services.evaluator.domain.compare import Difference, differing_facts, differing_rollups, differing_verdicts
from services.evaluator.domain.recompute import keep_newest, recompute
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import UnitLevel, VerdictStatus


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

    Reports whose message still waits in the mailbox are left out: the store does not claim to know them yet. Those of
    handled messages count as stored: the writer may still have their facts to write.
    """
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        async with connection.begin():
            return await _verify(connection, catalog)


async def _verify(connection: AsyncConnection, catalog: Catalog) -> Verification:
    state = await queries.writer_state(connection)
    left_out = await not_applied(connection)
    newest = await newest_reports(connection, catalog, left_out.all)
    stored = await sql_read.all_facts(connection)
    keep_newest(stored, await sql_read.kept_reports(connection))
    drop_unplaced(stored, catalog)
    verdicts = {key: verdict.finding for key, verdict in (await sql_read.verdicts(connection)).items()}
    counts = {
        (row["unit"], row["standard"], status): row[status]
        for row in await queries.rollups(connection)
        for status in VerdictStatus
    }
    differences = differing_facts(stored, newest.facts)
    if state is not None:
        expected = recompute(catalog, newest.facts, state[0])
        differences += differing_verdicts(verdicts, expected) + differing_rollups(counts, expected)
    known = catalog.unit_by_id
    communes = {unit for unit, _ in verdicts if unit in known and known[unit].level is UnitLevel.COMMUNE}
    return Verification(
        communes=len(communes),
        facts=len(stored),
        verdicts=len(verdicts),
        events=newest.events,
        waiting=len(left_out.waiting),
        buried=len(left_out.buried),
        differences=tuple(differences),
    )
