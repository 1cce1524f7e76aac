"""Rejudging: what a rule change would do. The whole journal judged by a candidate catalog, beside the stored verdicts.

Nothing is written. The verdicts are those of the full recompute, which `datchuan verify` trusts as well.
"""

import datetime as dt
import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from datchuan.journal import newest_reports, not_applied
from services.evaluator.adapters import queries, sql_read
from services.evaluator.domain.findings import Finding
from services.evaluator.domain.recompute import Recomputed, recompute
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import VerdictStatus

NOT_JUDGED = "not_judged"
"""In place of a status: the stored verdicts, or the candidate rules, have no such node for the unit."""


@dataclass(frozen=True, slots=True)
class Change:
    """One verdict that the candidate catalog would make another; None where one side has no verdict."""

    unit: str
    node: str
    before: Finding | None
    after: Finding | None

    @property
    def direction(self) -> tuple[str, str]:
        """From which status to which."""
        return _status(self.before), _status(self.after)

    def as_json(self) -> dict[str, Any]:
        """Return the change for `--json`."""
        return {
            "unit": self.unit,
            "node": self.node,
            "from_status": _status(self.before),
            "from_reason": None if self.before is None else self.before.reason.value,
            "to_status": _status(self.after),
            "to_reason": None if self.after is None else self.after.reason.value,
        }


@dataclass(frozen=True)
class Rejudgement:
    """What was read and judged, and every verdict that would be another, by node and unit.

    `judged` are the verdicts and roll-ups of the candidate catalog.
    """

    catalog: str
    stored_catalog: str | None
    as_of: dt.date
    events: int
    facts: int
    not_applied: int
    judged: Recomputed
    changes: tuple[Change, ...]

    @property
    def by_direction(self) -> dict[tuple[str, str, str], int]:
        """How many units change, by node, former status and new status."""
        counts = Counter((change.node, *change.direction) for change in self.changes)
        return {key: counts[key] for key in sorted(counts)}

    def as_json(self, limit: int) -> dict[str, Any]:
        """Return the result for `--json`: counts, and the first `limit` changes in detail."""
        return {
            "catalog": self.catalog,
            "stored_catalog": self.stored_catalog,
            "as_of": self.as_of.isoformat(),
            "events": self.events,
            "facts": self.facts,
            "not_applied": self.not_applied,
            "verdicts": len(self.judged.findings),
            "changes": len(self.changes),
            "by_node": [
                {"node": node, "from_status": before, "to_status": after, "units": units}
                for (node, before, after), units in self.by_direction.items()
            ],
            "details": [change.as_json() for change in self.changes[:limit]],
        }


async def rejudge(engine: AsyncEngine, catalog: Catalog, as_of: dt.date) -> Rejudgement:
    """Judge the journal by a catalog as of a day and compare with what is stored, in one consistent snapshot.

    Reports whose message still waits in the mailbox are left out: the stored verdicts do not know them either.
    """
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        async with connection.begin():
            with _no_collection():
                return await _rejudge(connection, catalog, as_of)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Look for no cycles meanwhile: millions of reports hold none, and looking took a quarter of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


async def _rejudge(connection: AsyncConnection, catalog: Catalog, as_of: dt.date) -> Rejudgement:
    state = await queries.writer_state(connection)
    left_out = (await not_applied(connection)).all
    newest = await newest_reports(connection, catalog, left_out)
    stored = {key: verdict.finding for key, verdict in (await sql_read.verdicts(connection)).items()}
    judged = recompute(catalog, newest.facts, as_of)
    return Rejudgement(
        catalog=catalog.digest,
        stored_catalog=None if state is None else state[1],
        as_of=as_of,
        events=newest.events,
        facts=len(newest.facts),
        not_applied=len(left_out),
        judged=judged,
        changes=_changes(stored, judged.findings),
    )


def _changes(stored: dict[tuple[str, str], Finding], judged: dict[tuple[str, str], Finding]) -> tuple[Change, ...]:
    """Return what differs; a stored verdict that has ended already is not ended again."""
    found = []
    for unit, node in stored.keys() | judged.keys():
        before, after = stored.get((unit, node)), judged.get((unit, node))
        ended = after is None and before is not None and before.status is VerdictStatus.NOT_APPLICABLE
        if before is not after and not ended:
            found.append(Change(unit, node, before, after))
    return tuple(sorted(found, key=lambda change: (change.node, change.unit)))


def _status(found: Finding | None) -> str:
    return NOT_JUDGED if found is None else found.status.value
