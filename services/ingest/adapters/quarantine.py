"""The quarantine as operators see it: list, show, discard."""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.driver import Statement
from services.ingest.adapters.set_aside import storable
from services.ingest.domain.faults import Fault
from shared.runtime.database import Driver


class QuarantineStatus(StrEnum):
    """What became of a row that was set aside."""

    OPEN = "open"
    RETRIED = "retried"
    DISCARDED = "discarded"


class QuarantineRow(msgspec.Struct, frozen=True):
    """One row that was set aside, with its raw text."""

    id: int
    source: str
    request_id: int
    row: int
    place: str
    format: str
    event_id: str | None
    reason: str
    field: str
    value: str
    detail: str
    raw: bytes
    received_at: dt.datetime
    last_seen_at: dt.datetime
    seen: int
    status: str


Rows = list[QuarantineRow]
Ids = list[int]

_COLUMNS: Final = ", ".join(QuarantineRow.__struct_fields__)
_LIST: Final = text(
    f"SELECT {_COLUMNS} FROM ingest.quarantine "
    "WHERE (CAST(:status AS text) IS NULL OR status = :status) AND (CAST(:reason AS text) IS NULL OR reason = :reason) "
    "AND (CAST(:source AS text) IS NULL OR source = :source) "
    "ORDER BY last_seen_at DESC, request_id DESC, row LIMIT :limit"
)
_BY_ID: Final = text(f"SELECT {_COLUMNS} FROM ingest.quarantine WHERE id = :id")
_OPEN: Final = text(
    f"SELECT {_COLUMNS} FROM ingest.quarantine WHERE status <> 'retried' AND id > :after "
    "AND (status = 'open' OR CAST(:ids AS bigint[]) IS NOT NULL) "
    "AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(CAST(:ids AS bigint[]))) ORDER BY id LIMIT :limit"
)
_SET_STATUS: Final = Statement("UPDATE ingest.quarantine SET status = :status WHERE id = ANY(CAST(:ids AS bigint[]))")
_DISCARD: Final = text(
    "UPDATE ingest.quarantine SET status = 'discarded' WHERE status = 'open' AND id = ANY(CAST(:ids AS bigint[])) "
    "RETURNING id"
)
_EXPLAIN: Final = text(
    "UPDATE ingest.quarantine AS known SET reason = given.reason, field = given.field, value = given.value, "
    "detail = given.detail FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[]), CAST(:fields AS text[]), "
    "CAST(:values AS text[]), CAST(:details AS text[])) AS given (id, reason, field, value, detail) "
    "WHERE known.id = given.id"
)
_COUNT: Final = text("SELECT reason, count(*) AS count FROM ingest.quarantine WHERE status = 'open' GROUP BY reason")


class SqlQuarantineStore:
    """Reads the quarantine and closes rows of it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def list(
        self,
        status: QuarantineStatus | None = QuarantineStatus.OPEN,
        reason: str | None = None,
        source: str | None = None,
        limit: int = 100,
    ) -> Rows:
        """Return rows: the request seen last first, its rows in their order."""
        parameters = {"status": status and status.value, "reason": reason, "source": source, "limit": limit}
        async with self._engine.connect() as connection:
            return _rows(await connection.execute(_LIST, parameters))

    async def show(self, row_id: int) -> QuarantineRow | None:
        """Return one row, or None."""
        async with self._engine.connect() as connection:
            return next(iter(_rows(await connection.execute(_BY_ID, {"id": row_id}))), None)

    async def discard(self, ids: Sequence[int]) -> Ids:
        """Close open rows that will never be right; return those closed."""
        async with self._engine.begin() as connection:
            return sorted((await connection.execute(_DISCARD, {"ids": list(ids)})).scalars())

    async def count_open(self) -> dict[str, int]:
        """Return how many rows are open, by reason."""
        async with self._engine.connect() as connection:
            return {row.reason: int(row[1]) for row in await connection.execute(_COUNT)}

    async def to_retry(self, ids: Sequence[int] | None, after: int, limit: int) -> Rows:
        """Return the next open rows, or those of the given ids that were not taken yet."""
        parameters = {"ids": None if ids is None else list(ids), "after": after, "limit": limit}
        async with self._engine.connect() as connection:
            return _rows(await connection.execute(_OPEN, parameters))

    async def explain(self, faults: dict[int, Fault]) -> None:
        """Record what is wrong with rows now, which may differ from before."""
        parameters = {
            "ids": list(faults),
            "reasons": [fault.reason.value for fault in faults.values()],
            "fields": [storable(fault.field) for fault in faults.values()],
            "values": [storable(fault.value) for fault in faults.values()],
            "details": [storable(fault.detail) for fault in faults.values()],
        }
        async with self._engine.begin() as connection:
            await connection.execute(_EXPLAIN, parameters)


async def close_rows(driver: Driver, ids: Sequence[int], status: QuarantineStatus) -> None:
    """Set the status of rows inside the caller's transaction."""
    await _SET_STATUS.run(driver, {"ids": list(ids), "status": status.value})


def _rows(result: Any) -> Rows:
    return [QuarantineRow(*row) for row in result]
