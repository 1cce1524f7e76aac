"""The relay: publishes again what is committed in the mailbox and missing in Redis."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.database import is_outage
from shared.runtime.mailbox import Outgoing
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.publisher import Publisher, marker_key
from shared.runtime.stream_state import is_drained

_log = structlog.get_logger(__name__)

_WAITING = text(
    "SELECT message_id, created_at, extract(epoch FROM clock_timestamp() - created_at)::float8 AS age "
    "FROM messaging.mailbox WHERE stream = :stream AND handled_at IS NULL "
    "AND created_at < clock_timestamp() - make_interval(secs => :after) "
    "AND (created_at, message_id) > (:created_at, :message_id) "
    "ORDER BY created_at, message_id LIMIT :limit"
)
_PAYLOADS = text(
    "SELECT message_id, stream, payload FROM messaging.mailbox WHERE message_id = ANY(CAST(:ids AS text[])) "
    "AND handled_at IS NULL ORDER BY created_at, message_id"
)
_DEPTH = text(
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8, "
    "(SELECT count(*) FROM messaging.dead_letter) FROM messaging.mailbox "
    "WHERE handled_at IS NULL AND stream = ANY(CAST(:streams AS text[]))"
)


@dataclass(frozen=True, slots=True)
class _Waiting:
    message_id: str
    created_at: dt.datetime
    age_seconds: float


_START = _Waiting("", dt.datetime.min.replace(tzinfo=dt.UTC), 0.0)
# Rows looked at in one pass when nothing is missing: a consumer far behind must not make the relay busy.
_MAX_IDLE_PAGES = 5


class Relay:
    """Watches the mailbox rows of the producer's streams and publishes those of which Redis holds no copy.

    A copy is known by its marker. A marker may outlive its entry (a stream deleted by hand): so a row older than
    `stale_after_seconds` whose stream has nothing left to give or to acknowledge is published again as well.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        redis: Redis,
        publisher: Publisher,
        streams: Sequence[str],
        metrics: RuntimeMetrics | None = None,
        *,
        relay_after_seconds: float = 2.0,
        stale_after_seconds: float = 30.0,
        interval_seconds: float = 1.0,
        batch: int = 200,
    ) -> None:
        self._engine = engine
        self._redis = redis
        self._publisher = publisher
        self._streams = tuple(streams)
        self._metrics = metrics
        self._after = relay_after_seconds
        self._stale_after = stale_after_seconds
        self._interval = interval_seconds
        self._batch = batch
        self._reached = dict.fromkeys(self._streams, _START)

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Relay every interval until `stop` is set or the task is cancelled."""
        stop = stop or asyncio.Event()
        is_away = False
        while not stop.is_set():
            try:
                await self.relay_once()
                await self.measure()
            except Exception as error:
                if not is_outage(error) and not isinstance(error, RedisError):
                    raise
                if not is_away:
                    _log.warning("the relay waits for a server", error=str(error) or repr(error))
                is_away = True
            else:
                is_away = False
            try:
                async with asyncio.timeout(self._interval):
                    await stop.wait()
            except TimeoutError:
                pass

    async def relay_once(self) -> int:
        """Look at waiting rows, oldest first, publish the missing ones, and return how many those were."""
        total = 0
        for stream in self._streams:
            total += await self._relay_stream(stream)
        return total

    async def _relay_stream(self, stream: str) -> int:
        total = idle_pages = 0
        drained: bool | None = None
        while idle_pages < _MAX_IDLE_PAGES:
            waiting = await self._waiting(stream, self._reached[stream])
            missing, stale = await self._missing(waiting)
            if stale and drained is None:  # asked once a pass: a consumer far behind must not make the relay busy
                drained = await is_drained(self._redis, stream)
            if stale and drained:
                _log.warning("messages were lost on the way, publishing them again", stream=stream, messages=len(stale))
                missing += stale
            if missing and not await self._publish(missing):
                break
            total += len(missing)
            idle_pages += not missing
            # The next pass goes on where this one ends, and begins again after the newest row.
            self._reached[stream] = waiting[-1] if len(waiting) == self._batch else _START
            if len(waiting) < self._batch:
                break
        return total

    async def _waiting(self, stream: str, after: _Waiting) -> list[_Waiting]:
        parameters = {
            "stream": stream,
            "after": self._after,
            "created_at": after.created_at,
            "message_id": after.message_id,
            "limit": self._batch,
        }
        async with self._engine.connect() as connection:
            rows = await connection.execute(_WAITING, parameters)
            return [_Waiting(row.message_id, row.created_at, row.age) for row in rows]

    async def _missing(self, waiting: Sequence[_Waiting]) -> tuple[list[str], list[str]]:
        """Return the messages without a marker, and those whose marker is there but long since."""
        if not waiting:
            return [], []
        markers = await self._redis.mget([marker_key(row.message_id) for row in waiting])
        marked = list(zip(waiting, markers, strict=True))
        missing = [row.message_id for row, marker in marked if marker is None]
        stale = [row.message_id for row, marker in marked if marker is not None and row.age_seconds > self._stale_after]
        return missing, stale

    async def _publish(self, message_ids: Sequence[str]) -> bool:
        """Publish in slices, so that a long outage's backlog never sits in memory at once."""
        for start in range(0, len(message_ids), 20):
            async with self._engine.connect() as connection:
                rows = await connection.execute(_PAYLOADS, {"ids": list(message_ids[start : start + 20])})
                messages = [Outgoing(row.stream, row.message_id, row.payload) for row in rows]
            if messages and not await self._publisher.try_publish(messages):
                return False
            if self._metrics is not None:
                self._metrics.republished.inc(len(messages))
        return True

    async def measure(self) -> None:
        """Export the depth of the mailbox and the age of its oldest row."""
        if self._metrics is None:
            return
        async with self._engine.connect() as connection:
            row = (await connection.execute(_DEPTH, {"streams": list(self._streams)})).one()
        self._metrics.mailbox_messages.set(row[0])
        self._metrics.mailbox_oldest_age.set(row[1])
        self._metrics.dead_letters.set(row[2])
