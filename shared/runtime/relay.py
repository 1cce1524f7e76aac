"""The relay: publishes what is committed in the mailbox and missing in Redis."""

import asyncio
import datetime as dt
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.broker import REDIS_ERRORS
from shared.runtime.database import is_outage
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.publisher import Publisher, marker_key
from shared.runtime.stream_state import is_drained
from shared.runtime.waiting import START, Waiting, WaitingRows, slices, waiting_rows

_log = structlog.get_logger(__name__)

_DEPTH = text(
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8, "
    "(SELECT count(*) FROM messaging.dead_letter) FROM messaging.mailbox "
    "WHERE handled_at IS NULL AND stream = ANY(CAST(:streams AS text[]))"
)
# Rows looked at in one pass when nothing is missing: a consumer far behind must not make the relay busy.
_MAX_IDLE_PAGES = 5
# Further back than the longest transaction, so that what commits late is found while the relay is still catching up.
_LOOK_BACK = dt.timedelta(seconds=30)
# How often a full stream is looked at again: far more often than a consumer can empty it.
_FULL_SECONDS = 0.2


class Relay:
    """Watches the mailbox rows of the producer's streams and publishes those of which Redis holds no copy.

    A copy is known by its marker. A marker may outlive its entry (a stream deleted by hand): so a row older than
    `stale_after_seconds` whose stream has nothing left to give or to acknowledge is published again as well.

    When messages were left to it (their gate `is_behind`: the stream is full, or Redis was away), it keeps the stream
    filled, oldest first, until no row is missing; only then does the producer publish by itself again.
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
        look_back_seconds: float = 5.0,
        batch: int = 200,
    ) -> None:
        self._engine = engine
        self._redis = redis
        self._publisher = publisher
        self._gates = [publisher.gate(stream) for stream in streams]
        self._metrics = metrics
        self._after = relay_after_seconds
        self._stale_after = stale_after_seconds
        self._interval = interval_seconds
        self._batch = batch
        self._reached = dict.fromkeys(streams, START)
        self._filled = dict.fromkeys(streams, START)
        self._look_back_every = look_back_seconds
        self._looked_back_at = dict.fromkeys(streams, 0.0)
        self._measured_at = -interval_seconds

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Relay every interval, and all the time while behind, until `stop` is set or the task is cancelled."""
        stop = stop or asyncio.Event()
        is_away = False
        for gate in self._gates:  # what an earlier process left unpublished goes first
            gate.leave(0)
        while not stop.is_set():
            try:
                await self.relay_once()
                await self._measure_when_due()
            except Exception as error:
                if not is_outage(error) and not isinstance(error, REDIS_ERRORS):
                    raise
                if not is_away:
                    _log.warning("the relay waits for a server", error=str(error) or repr(error))
                is_away = True
            else:
                is_away = False
            is_busy = not is_away and any(gate.is_behind for gate in self._gates)
            try:
                async with asyncio.timeout(min(_FULL_SECONDS, self._interval) if is_busy else self._interval):
                    await stop.wait()
            except TimeoutError:
                pass

    async def relay_once(self) -> int:
        """Publish missing messages, oldest first, as far as their streams have room; return how many those were."""
        total = 0
        for gate in self._gates:
            if gate.is_behind and not await gate.has_room(self._redis):
                continue
            async with waiting_rows(self._engine, gate.stream) as rows:
                if rows is not None and gate.is_behind:
                    total += await self._catch_up(rows, gate.stream)
                elif rows is not None:
                    total += await self._look_through(rows, gate.stream)
        return total

    async def _catch_up(self, rows: WaitingRows, stream: str) -> int:
        """Fill the stream from the first missing row on, and give it back to the producer once no row is missing."""
        gate, total = self._publisher.gate(stream), 0
        self._look_back(stream)
        while await gate.has_room(self._redis):
            left = gate.left
            page = await rows.page(self._filled[stream], 0.0, self._batch)
            missing, _ = await self._missing(stream, page)
            published = await self._publish(rows, stream, missing)
            total += published
            if published < len(missing):  # no room, or no Redis: go on from here
                first = page.index(missing[published])
                self._filled[stream] = page[first - 1] if first else self._filled[stream]
                return total
            if page:
                self._filled[stream] = page[-1]
            if len(page) < self._batch and gate.left == left:
                gate.is_behind = False
                self._filled[stream] = self._reached[stream] = START
                return total
        return total

    def _look_back(self, stream: str) -> None:
        """Begin again a little earlier now and then: a slow transaction commits rows that the cursor has passed."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_back_at[stream] >= self._look_back_every:
            self._looked_back_at[stream] = now
            self._filled[stream] = self._filled[stream].earlier(_LOOK_BACK)

    async def _look_through(self, rows: WaitingRows, stream: str) -> int:
        """Look for rows that should long have been published; the next pass goes on where this one ends."""
        total = idle_pages = 0
        drained: bool | None = None
        while idle_pages < _MAX_IDLE_PAGES:
            page = await rows.page(self._reached[stream], self._after, self._batch)
            missing, stale = await self._missing(stream, page)
            if stale and drained is None:  # asked once a pass: a consumer far behind must not make the relay busy
                drained = await is_drained(self._redis, stream)
            if stale and drained:
                _log.warning("messages were lost on the way, publishing them again", stream=stream, messages=len(stale))
                missing += stale
            published = await self._publish(rows, stream, missing)
            total += published
            if published < len(missing):
                break
            idle_pages += not missing
            # It begins again after the newest row.
            self._reached[stream] = page[-1] if len(page) == self._batch else START
            if len(page) < self._batch:
                break
        return total

    async def _missing(self, stream: str, page: Sequence[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
        """Return the rows without a marker, and those whose marker is there but long since."""
        if not page:
            return [], []
        markers = await self._redis.mget([marker_key(stream, row.message_id) for row in page])
        marked = list(zip(page, markers, strict=True))
        missing = [row for row, marker in marked if marker is None]
        stale = [row for row, marker in marked if marker is not None and row.age_seconds > self._stale_after]
        return missing, stale

    async def _publish(self, rows: WaitingRows, stream: str, missing: Sequence[Waiting]) -> int:
        """Publish in slices, so that a long outage's backlog never sits in memory at once; return how many rows."""
        gate, published = self._publisher.gate(stream), 0
        for part in slices(missing, gate.slice_bytes):
            if not await gate.has_room(self._redis):
                gate.leave(0)
                break
            messages = await rows.messages(part)
            if messages and not await self._publisher.try_publish(messages):
                break
            published += len(part)
            if self._metrics is not None:
                self._metrics.republished.inc(len(messages))
        return published

    async def _measure_when_due(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._measured_at >= self._interval:
            self._measured_at = now
            await self.measure()

    async def measure(self) -> None:
        """Export the depth of the mailbox, the age of its oldest row, and what the streams hold."""
        for gate in self._gates:
            await gate.measure(self._redis)
        if self._metrics is None:
            return
        for gate in self._gates:
            self._metrics.stream_bytes.labels(gate.stream).set(gate.bytes)
            self._metrics.gate_closed.labels(gate.stream).set(gate.is_behind)
        async with self._engine.connect() as connection:
            row = (await connection.execute(_DEPTH, {"streams": [gate.stream for gate in self._gates]})).one()
        self._metrics.mailbox_messages.set(row[0])
        self._metrics.mailbox_oldest_age.set(row[1])
        self._metrics.dead_letters.set(row[2])
