"""Watching a stream for one group: exporting its state, and trimming it behind all its groups."""

import asyncio

from faststream.redis import RedisBroker

from shared.runtime.broker import client_of
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.pending import Place
from shared.runtime.stream_state import read_stream_state, trim


class StreamObserver:
    """Knows how far behind the group is, and whether it ever had handled all there was; keeps the stream short."""

    def __init__(self, broker: RedisBroker, place: Place, metrics: RuntimeMetrics, trim_seconds: float) -> None:
        self.lag = 0
        self.caught_up = False
        self._broker = broker
        self._place = place
        self._metrics = metrics
        self._trim_seconds = trim_seconds
        self._trimmed_at = 0.0

    async def observe(self) -> None:
        """Export the stream's state, and trim the stream when it is time."""
        stream, now = self._place.stream, asyncio.get_running_loop().time()
        client = await client_of(self._broker)
        state = await read_stream_state(client, stream)
        group = state.groups.get(self._place.group) if state is not None else None
        self.lag = group.lag if group else 0
        if state is None or (group is not None and group.lag == 0 and group.pending == 0):
            self.caught_up = True
        self._metrics.stream_lag.labels(stream).set(self.lag)
        self._metrics.stream_pending.labels(stream).set(group.pending if group else 0)
        self._metrics.stream_length.labels(stream).set(state.length if state else 0)
        if now - self._trimmed_at >= self._trim_seconds:
            self._trimmed_at = now
            await trim(client, stream)
