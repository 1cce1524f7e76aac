"""Watching a stream for one group: exporting its state, and trimming it behind all its groups."""

import asyncio

from faststream.redis import RedisBroker
from redis.asyncio import Redis

from shared.runtime.broker import client_of
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.pending import Place
from shared.runtime.stream_state import GroupState, last_generated, read_stream_state, trim


class StreamObserver:
    """Knows how far behind the group is, and whether it has handled all there was at first; keeps the stream short.

    What comes after the first look does not count: under a load that lasts there is always something more to handle.
    """

    def __init__(self, broker: RedisBroker, place: Place, metrics: RuntimeMetrics, trim_seconds: float) -> None:
        self.lag = 0
        self.caught_up = False
        self._broker = broker
        self._place = place
        self._metrics = metrics
        self._trim_seconds = trim_seconds
        self._trimmed_at = 0.0
        self._first_end: bytes | None = None

    async def observe(self) -> None:
        """Export the stream's state, and trim the stream when it is time."""
        stream, now = self._place.stream, asyncio.get_running_loop().time()
        client = await client_of(self._broker)
        state = await read_stream_state(client, stream)
        group = state.groups.get(self._place.group) if state is not None else None
        self.lag = group.lag if group else 0
        if not self.caught_up:
            self.caught_up = state is None or (group is not None and await self._has_caught_up(client, group))
        self._metrics.stream_lag.labels(stream).set(self.lag)
        self._metrics.stream_pending.labels(stream).set(group.pending if group else 0)
        self._metrics.stream_length.labels(stream).set(state.length if state else 0)
        if now - self._trimmed_at >= self._trim_seconds:
            self._trimmed_at = now
            await trim(client, stream)

    async def _has_caught_up(self, client: Redis, group: GroupState) -> bool:
        if group.lag == 0 and group.pending == 0:
            return True
        if self._first_end is None:
            self._first_end = await last_generated(client, self._place.stream)
        return group.has_handled(self._first_end)
