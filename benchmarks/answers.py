"""The answers of workload v1, read from the product's own tables: two hashes that leave no room for a wrong verdict."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.workload import NODE_ORDER, WORKLOAD_NAMES, Scale

_VERDICTS = text("SELECT unit, node, status FROM evaluator.verdict")
_ROLLUPS = text("SELECT unit, standard, total, met FROM evaluator.rollup")
_TRANSITIONS = text(
    "SELECT unit, event_ids[1] AS event_id, node, to_status = 'met' AS met FROM evaluator.transition "
    "WHERE (from_status = 'met') <> (to_status = 'met') AND node = ANY(CAST(:nodes AS text[])) ORDER BY id"
)
_QUARANTINED = text("SELECT coalesce(sum(seen), 0) FROM ingest.quarantine")
HASH_CHARACTERS = 16


@dataclass(frozen=True)
class Answers:
    """The hash of all verdicts and counts, that of the transitions commune by commune, and the rows set aside."""

    final_hash: str
    transitions_hash: str
    quarantined: int


async def read_answers(connection: AsyncConnection, scale: Scale) -> Answers:
    """Return the answers that the stored verdicts, roll-ups and transitions give."""
    rows = [*await _commune_rows(connection), *await _place_rows(connection, scale)]
    transitions = [
        f"{row.unit}|{row.event_id}|{WORKLOAD_NAMES[row.node]}|{int(row.met)}"
        for row in await connection.execute(_TRANSITIONS, {"nodes": list(NODE_ORDER)})
    ]
    return Answers(
        final_hash=_hash(sorted(rows)),
        transitions_hash=_hash(sorted(transitions, key=lambda line: line.split("|", 1)[0])),
        quarantined=int(await connection.scalar(_QUARANTINED) or 0),
    )


async def _commune_rows(connection: AsyncConnection) -> list[str]:
    met: dict[str, set[str]] = {}
    for row in await connection.execute(_VERDICTS):
        nodes = met.setdefault(row.unit, set())
        if row.status == "met":
            nodes.add(row.node)
    return [f"C|{unit}|" + "".join("01"[node in nodes] for node in NODE_ORDER) for unit, nodes in met.items()]


async def _place_rows(connection: AsyncConnection, scale: Scale) -> list[str]:
    """Return the rows of districts and provinces: communes in all, and those met of each standard."""
    found = {(row.unit, row.standard): (row.total, row.met) for row in await connection.execute(_ROLLUPS)}
    places = [f"D{d:03d}" for d in range(scale.districts)] + [f"P{p:02d}" for p in range(scale.provinces)]
    rows = []
    for place in places:
        (total, ntm), (_, nc) = found[place, "ntm"], found[place, "nc"]
        rows.append(f"{place[0]}|{place}|{total}|{ntm}|{nc}|{int(total == ntm)}|{int(total == nc)}")
    return rows


def _hash(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:HASH_CHARACTERS]
