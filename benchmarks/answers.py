"""The answers of workload v1, read from the product's own tables: two hashes that leave no room for a wrong verdict."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.figures import differing
from benchmarks.hashes import commune_row, final_hash, place_row, transition_line, transitions_hash
from benchmarks.oracle import OracleRun
from benchmarks.workload import NODE_ORDER, WORKLOAD_NAMES, Scale

_VERDICTS = text("SELECT unit, node, status FROM evaluator.verdict")
# Roll-ups are kept by partition; readers add them up.
_ROLLUPS = text("SELECT unit, standard, sum(total) AS total, sum(met) AS met FROM evaluator.rollup GROUP BY 1, 2")
_TRANSITIONS = text(
    "SELECT unit, event_ids[1] AS event_id, node, to_status = 'met' AS met FROM evaluator.transition "
    "WHERE (from_status = 'met') <> (to_status = 'met') AND node = ANY(CAST(:nodes AS text[])) ORDER BY id"
)
_QUARANTINED = text("SELECT coalesce(sum(seen), 0) FROM ingest.quarantine")


@dataclass(frozen=True)
class Answers:
    """The hash of all verdicts and counts, that of the transitions commune by commune, and the rows set aside."""

    final_hash: str
    transitions_hash: str
    quarantined: int


def wrong_answers(oracle: OracleRun, rows: int, answers: Answers) -> tuple[str, ...]:
    """Return a sentence for everything in which a run differs from the oracle's."""
    expected = {"rows": oracle.events, "final_hash": oracle.final_hash, "transitions_hash": oracle.transitions_hash}
    got = {"rows": rows, "final_hash": answers.final_hash, "transitions_hash": answers.transitions_hash}
    return differing(expected, got)


async def read_answers(connection: AsyncConnection, scale: Scale) -> Answers:
    """Return the answers that the stored verdicts, roll-ups and transitions give."""
    lines = [
        transition_line(row.unit, row.event_id, WORKLOAD_NAMES[row.node], met=row.met)
        for row in await connection.execute(_TRANSITIONS, {"nodes": list(NODE_ORDER)})
    ]
    return Answers(
        final_hash=final_hash([*await _commune_rows(connection), *await _place_rows(connection, scale)]),
        transitions_hash=transitions_hash(lines),
        quarantined=int(await connection.scalar(_QUARANTINED) or 0),
    )


async def _commune_rows(connection: AsyncConnection) -> list[str]:
    met: dict[str, set[str]] = {}
    for row in await connection.execute(_VERDICTS):
        nodes = met.setdefault(row.unit, set())
        if row.status == "met":
            nodes.add(row.node)
    return [commune_row(unit, (node in nodes for node in NODE_ORDER)) for unit, nodes in met.items()]


async def _place_rows(connection: AsyncConnection, scale: Scale) -> list[str]:
    """Return the rows of districts and provinces: communes in all, and those met of each standard."""
    found = {(row.unit, row.standard): (row.total, row.met) for row in await connection.execute(_ROLLUPS)}
    rows = []
    for place in scale.places:
        (total, ntm), (_, nc) = found[place, "ntm"], found[place, "nc"]
        rows.append(place_row(place, total, ntm, nc))
    return rows
