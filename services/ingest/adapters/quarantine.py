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
    """One row that was set aside, with its raw text; `file_name` and `place` say where it was last seen.

    `remedy` is "" when that of the reason holds.
    """

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
    remedy: str
    remedy_vi: str
    raw: bytes
    received_at: dt.datetime
    last_seen_at: dt.datetime
    seen: int
    status: str
    file_name: str


Rows = list[QuarantineRow]
Ids = list[int]

_COLUMNS: Final = ", ".join(f"quarantine.{name}" for name in QuarantineRow.__struct_fields__ if name != "file_name")
_ROWS: Final = (
    f"SELECT {_COLUMNS}, coalesce(request.file_name, '') FROM ingest.quarantine "
    "LEFT JOIN ingest.request ON request.id = quarantine.request_id "
)
_CHOSEN: Final = (
    "(CAST(:reason AS text) IS NULL OR quarantine.reason = :reason) "
    "AND (CAST(:source AS text) IS NULL OR quarantine.source = :source) "
)
_LIST: Final = text(
    f"{_ROWS} WHERE (CAST(:status AS text) IS NULL OR status = :status) AND {_CHOSEN} "
    "ORDER BY last_seen_at DESC, request_id DESC, row LIMIT :limit"
)
_BY_ID: Final = text(f"{_ROWS} WHERE quarantine.id = :id")
_WANTED: Final = (
    "status <> 'retried' AND request_id > :after AND (status = 'open' OR CAST(:ids AS bigint[]) IS NOT NULL) "
    "AND (CAST(:ids AS bigint[]) IS NULL OR quarantine.id = ANY(CAST(:ids AS bigint[])))"
)
# Whole requests, because the rows of one may explain one another.
_OPEN: Final = text(
    f"{_ROWS} WHERE {_WANTED} AND request_id <= (SELECT max(request_id) FROM (SELECT request_id FROM ingest.quarantine "
    f"WHERE {_WANTED} ORDER BY request_id LIMIT :limit) AS next) ORDER BY request_id, row, quarantine.id"
)
_SET_STATUS: Final = Statement("UPDATE ingest.quarantine SET status = :status WHERE id = ANY(CAST(:ids AS bigint[]))")
_DISCARD: Final = text(
    f"UPDATE ingest.quarantine SET status = 'discarded' WHERE status = 'open' AND {_CHOSEN} "
    "AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(CAST(:ids AS bigint[]))) "
    "AND (CAST(:request AS bigint) IS NULL OR request_id = :request) RETURNING id"
)
_EXPLAIN: Final = text(
    "UPDATE ingest.quarantine AS known SET reason = given.reason, field = given.field, value = given.value, "
    "detail = given.detail, remedy = given.remedy, remedy_vi = given.remedy_vi "
    "FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[]), CAST(:fields AS text[]), "
    "CAST(:values AS text[]), CAST(:details AS text[]), CAST(:remedies AS text[]), CAST(:remedies_vi AS text[])) "
    "AS given (id, reason, field, value, detail, remedy, remedy_vi) "
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

    async def discard(
        self,
        ids: Sequence[int] | None = None,
        *,
        reason: str | None = None,
        source: str | None = None,
        request_id: int | None = None,
    ) -> Ids:
        """Close open rows that will never be right, those to which all that is given applies; return those closed."""
        if ids is None and reason is None and source is None and request_id is None:
            raise ValueError("Nothing says which rows are to be discarded.")
        chosen = None if ids is None else list(ids)
        parameters = {"ids": chosen, "reason": reason, "source": source, "request": request_id}
        async with self._engine.begin() as connection:
            return sorted((await connection.execute(_DISCARD, parameters)).scalars())

    async def count_open(self) -> dict[str, int]:
        """Return how many rows are open, by reason."""
        async with self._engine.connect() as connection:
            return {row.reason: int(row[1]) for row in await connection.execute(_COUNT)}

    async def to_retry(self, ids: Sequence[int] | None, after: int, limit: int) -> Rows:
        """Return the next open rows, or those of the given ids that were not taken yet, in the order of requests.

        They are all such rows of the next requests after the request `after`, about `limit` of them or one request's.
        """
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
            "remedies": [fault.remedy.en if fault.remedy else "" for fault in faults.values()],
            "remedies_vi": [fault.remedy.vi if fault.remedy else "" for fault in faults.values()],
        }
        async with self._engine.begin() as connection:
            await connection.execute(_EXPLAIN, parameters)


async def close_rows(driver: Driver, ids: Sequence[int], status: QuarantineStatus) -> None:
    """Set the status of rows inside the caller's transaction."""
    await _SET_STATUS.run(driver, {"ids": list(ids), "status": status.value})


def _rows(result: Any) -> Rows:
    return [QuarantineRow(*row) for row in result]
