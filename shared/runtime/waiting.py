"""What waits in the mailbox, as the relay reads it: oldest first, page by page, by one relay of a stream at a time."""

import datetime as dt
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from zlib import crc32

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.runtime.mailbox import Outgoing

# Of the advisory locks by which the relays of several processes take turns.
_CLASS_ID = 0x0DA8

_LOCK = text("SELECT pg_try_advisory_xact_lock(:class_id, :key)")
_PAGE = text(
    "SELECT message_id, created_at, octet_length(payload) AS bytes, "
    "extract(epoch FROM clock_timestamp() - created_at)::float8 AS age "
    "FROM messaging.mailbox WHERE stream = :stream AND handled_at IS NULL "
    "AND created_at < clock_timestamp() - make_interval(secs => :after) "
    "AND (created_at, message_id) > (:created_at, :message_id) "
    "ORDER BY created_at, message_id LIMIT :limit"
)
_PAYLOADS = text(
    "SELECT message_id, stream, payload FROM messaging.mailbox WHERE message_id = ANY(CAST(:ids AS text[])) "
    "AND handled_at IS NULL ORDER BY created_at, message_id"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that no consumer has handled: its place in the order, its size and its age."""

    message_id: str
    created_at: dt.datetime
    bytes: int = 0
    age_seconds: float = 0.0

    def earlier(self, by: dt.timedelta) -> "Waiting":
        """Return a place that much earlier in the order, or the start."""
        return START if self.created_at - START.created_at <= by else Waiting("", self.created_at - by)


START = Waiting("", dt.datetime.min.replace(tzinfo=dt.UTC))


class WaitingRows:
    """The waiting rows of one stream, seen through the connection whose lock keeps other relays away."""

    def __init__(self, connection: AsyncConnection, stream: str) -> None:
        self._connection = connection
        self._stream = stream

    async def page(self, after: Waiting, older_than_seconds: float, limit: int) -> list[Waiting]:
        """Return the rows after the given one that are old enough."""
        parameters = {
            "stream": self._stream,
            "after": older_than_seconds,
            "created_at": after.created_at,
            "message_id": after.message_id,
            "limit": limit,
        }
        rows = await self._connection.execute(_PAGE, parameters)
        return [Waiting(row.message_id, row.created_at, row.bytes, row.age) for row in rows]

    async def messages(self, rows: Sequence[Waiting]) -> list[Outgoing]:
        """Return the messages of those rows that still wait."""
        found = await self._connection.execute(_PAYLOADS, {"ids": [row.message_id for row in rows]})
        return [Outgoing(row.stream, row.message_id, row.payload) for row in found]


@asynccontextmanager
async def waiting_rows(engine: AsyncEngine, stream: str) -> AsyncIterator[WaitingRows | None]:
    """Yield the stream's waiting rows, or None while another relay is at them: two would publish the same twice."""
    async with engine.connect() as connection:
        key = crc32(stream.encode()) - 2**31
        granted = await connection.scalar(_LOCK, {"class_id": _CLASS_ID, "key": key})
        yield WaitingRows(connection, stream) if granted else None


def slices(rows: Sequence[Waiting], size: int) -> Iterator[list[Waiting]]:
    """Cut the rows so that a slice's messages take about so many bytes.

    >>> rows = [Waiting(str(n), START.created_at, bytes=900_000) for n in range(5)]
    >>> [len(part) for part in slices(rows, 2_000_000)]
    [3, 2]
    """
    part: list[Waiting] = []
    total = 0
    for row in rows:
        part.append(row)
        total += row.bytes
        if total >= size:
            yield part
            part, total = [], 0
    if part:
        yield part
