"""Publishing: copies of committed mailbox rows go to Redis streams; what fails or does not fit is left to the relay."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import groupby

import structlog
from faststream.redis import RedisBroker
from faststream.redis.message import bDATA_KEY
from redis.asyncio import RedisCluster
from redis.exceptions import ResponseError

from shared.runtime.broker import REDIS_ERRORS, client_of, together
from shared.runtime.gate import Gate
from shared.runtime.limits import StreamLimits
from shared.runtime.mailbox import Outgoing
from shared.runtime.metrics import RuntimeMetrics

_log = structlog.get_logger(__name__)

MARKER_SECONDS = 86_400


def marker_key(stream: str, message_id: str) -> str:
    """Return the key whose presence says that Redis holds a copy of the message; it lives on the stream's node.

    >>> marker_key("numbers.p0", "m1")
    'datchuan:mailbox:{numbers.p0}:m1'
    """
    return f"datchuan:mailbox:{{{stream}}}:{message_id}"


class Publisher:
    """Puts messages on their streams in FastStream's envelope; never raises when Redis is away or full."""

    def __init__(
        self,
        broker: RedisBroker,
        metrics: RuntimeMetrics | None = None,
        *,
        limits: StreamLimits | None = None,
        timeout_seconds: float = 2.0,
        pause_seconds: float = 1.0,
    ) -> None:
        self._broker = broker
        self._metrics = metrics
        self._limits = limits or StreamLimits()
        self._timeout = timeout_seconds
        self._pause = pause_seconds
        self._closed_until = 0.0
        self._is_away = False
        self._gates: dict[str, Gate] = {}

    @property
    def gates(self) -> Sequence[Gate]:
        """The gates of all streams published to so far."""
        return tuple(self._gates.values())

    def gate(self, stream: str) -> Gate:
        """Return the gate of a stream."""
        if stream not in self._gates:
            self._gates[stream] = Gate(stream, self._limits)
        return self._gates[stream]

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Publish copies of committed messages, or leave them to the relay: Redis is away, full, or being caught up."""
        admitted: list[Outgoing] = []
        for stream, group in _by_stream(messages):
            if await self._admits(self.gate(stream)):
                admitted += group
            else:
                self._leave(group)
        if admitted:
            await self.try_publish(admitted)

    async def try_publish(self, messages: Sequence[Outgoing]) -> bool:
        """Publish copies of the messages, whatever their gates say, and tell whether Redis took them all."""
        if isinstance(await client_of(self._broker), RedisCluster):  # one pipeline, one node
            taken = [await self._try([(stream, group)]) for stream, group in _by_stream(messages)]
            return all(taken)
        return await self._try(_by_stream(messages))

    async def _admits(self, gate: Gate) -> bool:
        if gate.is_behind or asyncio.get_running_loop().time() < self._closed_until:
            return False
        if not gate.is_full:
            return True
        try:
            async with asyncio.timeout(self._timeout):
                return await gate.has_room(await client_of(self._broker))
        except REDIS_ERRORS as error:
            self._failed(error)
            return False

    async def _try(self, groups: Sequence[tuple[str, Sequence[Outgoing]]]) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                await self._send(groups)
        except REDIS_ERRORS as error:
            self._failed(error)
            for _, group in groups:
                self._leave(group)
            return False
        if self._is_away:
            self._is_away = False
            _log.info("redis takes messages again")
        for stream, group in groups:
            gate = self.gate(stream)
            for message in group:
                gate.sent(len(message.payload))
            if self._metrics is not None:
                self._metrics.published.labels(stream).inc(len(group))
        return True

    async def _send(self, groups: Sequence[tuple[str, Sequence[Outgoing]]]) -> None:
        client = await client_of(self._broker)
        async with together(client) as pipeline:
            for stream, group in groups:
                for message in group:
                    pipeline.xadd(stream, {bDATA_KEY: await self._envelope(message)})
                    pipeline.set(marker_key(stream, message.message_id), b"1", ex=MARKER_SECONDS)
            try:
                await pipeline.execute()
            except ResponseError:
                # Where it was no transaction, a marker may stand for an entry that was refused.
                await client.delete(*(marker_key(stream, one.message_id) for stream, group in groups for one in group))
                raise

    async def _envelope(self, message: Outgoing) -> bytes:
        # FastStream's own publish() takes no pipeline in a cluster.
        return await self._broker.message_format.encode(
            message=message.payload,
            reply_to=None,
            headers={"message_id": message.message_id, "content-type": "application/json"},
            correlation_id=message.message_id,
        )

    def _failed(self, error: Exception) -> None:
        # For a moment nobody else waits for a server that has just failed; the rows are safe in the mailbox.
        self._closed_until = asyncio.get_running_loop().time() + self._pause
        if not self._is_away:
            self._is_away = True
            _log.warning("redis does not take messages, they wait in the mailbox", error=str(error) or repr(error))

    def _leave(self, messages: Sequence[Outgoing]) -> None:
        gate = self.gate(messages[0].stream)
        if not gate.is_behind and not self._is_away:
            _log.warning("the stream is full, messages wait in the mailbox", stream=gate.stream, bytes=gate.bytes)
        gate.leave(len(messages))
        if self._metrics is not None and self._is_away:
            self._metrics.publish_failures.inc(len(messages))


def _by_stream(messages: Iterable[Outgoing]) -> list[tuple[str, list[Outgoing]]]:
    ordered = sorted(messages, key=lambda message: message.stream)  # stable: the order within a stream stays
    return [(stream, list(group)) for stream, group in groupby(ordered, key=lambda message: message.stream)]
