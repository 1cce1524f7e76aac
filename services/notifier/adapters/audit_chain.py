"""Sealing lines of the audit into a chain of blocks."""

from dataclasses import dataclass, replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.domain.chain import GENESIS

_MOST_ROWS = 10_000
_NO_END = 2**63 - 1

# One replica seals at a time; the others have nothing to do meanwhile.
# Lines are read in the order of their index: a plan made for a small table would hash all of them at every block.
_TRY_LOCK = text("""
SELECT pg_try_advisory_xact_lock(3496, 5), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)
""")

# A transaction's number is greater than that of a transaction which comes later: the line was written in another server
# and has been restored here from a dump. What a row's xmin lacks above 32 bits is taken from the newest transaction.
_FROM_ELSEWHERE = """
a.xid > CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)
      - mod(mod(CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)
                - CAST(CAST(a.xmin AS text) AS bigint), 4294967296) + 4294967296, 4294967296)"""

_NEWEST = text(f"""
SELECT b.number, b.after_id, b.to_xid, b.last_id, b.hash,
       EXISTS (SELECT FROM notifier.audit AS a WHERE a.id = b.last_id AND {_FROM_ELSEWHERE}) AS is_from_elsewhere
  FROM notifier.audit_block AS b ORDER BY b.number DESC LIMIT 1
""")

_LAST_FROM_ELSEWHERE = text(f"""
SELECT a.id FROM notifier.audit AS a WHERE a.id > :after_id AND {_FROM_ELSEWHERE} ORDER BY a.id DESC LIMIT 1
""")

# A block as it is hashed (domain/chain.py: head_of).
HEAD = """
       CAST(json_build_array(
           number, after_id, first_id, last_id, from_xid, to_xid, rows,
           to_char(sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), previous,
           encode(sha256(digests), 'hex')) AS text)"""

# What transactions before the oldest that still runs have written is all there: nothing can come between it any more.
_SEAL = text(f"""
WITH line AS (
    SELECT id, xid, sha256(convert_to(CAST(json_build_array(
           id, xid, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), kind, alert_id, delivery_id, actor,
           details) AS text), 'UTF8')) AS digest
      FROM notifier.audit
     WHERE (xid, id) > (:to_xid, :last_id) AND id > :after_id AND id <= :until_id
       AND (:is_complete OR xid < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint))
     ORDER BY xid, id LIMIT :most),
block AS (
    SELECT CAST(:number AS bigint) AS number, CAST(:after_id AS bigint) AS after_id,
           (array_agg(id ORDER BY xid, id))[1] AS first_id, (array_agg(id ORDER BY xid, id))[count(*)] AS last_id,
           min(xid) AS from_xid, max(xid) AS to_xid, count(*) AS rows, statement_timestamp() AS sealed_at,
           CAST(:previous AS text) AS previous, string_agg(digest, CAST('' AS bytea) ORDER BY xid, id) AS digests
      FROM line)
INSERT INTO notifier.audit_block (number, after_id, first_id, last_id, from_xid, to_xid, rows, sealed_at, previous,
                                  digests, hash)
SELECT number, after_id, first_id, last_id, from_xid, to_xid, rows, sealed_at, previous, digests,
       encode(sha256(convert_to({HEAD}, 'UTF8')), 'hex')
  FROM block WHERE rows > 0
RETURNING rows
""")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the chain ends: its newest block, and the last line of it in the run of ids that began after `after_id`.

    `restored_until` is the last line that came from another server, when nothing that was written here is sealed yet.
    """

    number: int = 0
    after_id: int = 0
    to_xid: int = 0
    last_id: int = 0
    hash: str = GENESIS
    restored_until: int | None = None


async def place_of(connection: AsyncConnection) -> Place:
    """Return where the chain ends."""
    row = (await connection.execute(_NEWEST)).one_or_none()
    *found, is_from_elsewhere = (0, 0, 0, 0, GENESIS, True) if row is None else row
    place = Place(*found)
    if not is_from_elsewhere:
        return place
    return replace(place, restored_until=await connection.scalar(_LAST_FROM_ELSEWHERE, {"after_id": place.after_id}))


class SqlAuditChain:
    """Seals the audit: every line once, in blocks of at most `most_rows`."""

    def __init__(self, engine: AsyncEngine, most_rows: int = _MOST_ROWS) -> None:
        self._engine = engine
        self._most_rows = most_rows

    async def seal(self) -> int:
        """Seal the next lines that are complete; return how many, 0 also when another replica is at it."""
        async with self._engine.begin() as connection:
            if not await connection.scalar(_TRY_LOCK):
                return 0
            place = await place_of(connection)
            if place.restored_until is None:
                return await self._seal(connection, place)
            # What was restored is all there; lines written since have greater ids, and their transactions count anew.
            sealed = await self._seal(connection, place, until_id=place.restored_until, is_complete=True)
            return sealed or await self._seal(connection, Place(place.number, place.restored_until, hash=place.hash))

    async def _seal(
        self, connection: AsyncConnection, place: Place, *, until_id: int = _NO_END, is_complete: bool = False
    ) -> int:
        values = {
            "number": place.number + 1,
            "after_id": place.after_id,
            "to_xid": place.to_xid,
            "last_id": place.last_id,
            "previous": place.hash,
            "until_id": until_id,
            "is_complete": is_complete,
            "most": self._most_rows,
        }
        return await connection.scalar(_SEAL, values) or 0


async def head(connection: AsyncConnection) -> str | None:
    """Return the newest hash of the chain, None before the first block."""
    found: str | None = await connection.scalar(
        text("SELECT hash FROM notifier.audit_block ORDER BY number DESC LIMIT 1")
    )
    return found
