"""Publishing: copies of committed mailbox rows go to Redis streams; what fails is left to the relay."""

import asyncio
from collections.abc import Sequence

import structlog
from faststream.redis import RedisBroker
from redis.exceptions import RedisError

from shared.runtime.broker import client_of
from shared.runtime.mailbox import Outgoing
from shared.runtime.metrics import RuntimeMetrics

_log = structlog.get_logger(__name__)

MARKER_SECONDS = 86_400


def marker_key(message_id: str) -> str:
    """Return the key whose presence says that Redis holds a copy of the message.

    >>> marker_key("m1")
    'datchuan:mailbox:m1'
    """
    return f"datchuan:mailbox:{message_id}"


class Publisher:
    """Puts messages on their streams in FastStream's envelope; never raises when Redis is away."""

    def __init__(
        self,
        broker: RedisBroker,
        metrics: RuntimeMetrics | None = None,
        *,
        timeout_seconds: float = 2.0,
        pause_seconds: float = 1.0,
    ) -> None:
        self._broker = broker
        self._metrics = metrics
        self._timeout = timeout_seconds
        self._pause = pause_seconds
        self._closed_until = 0.0
        self._is_away = False

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Publish copies of committed messages; on failure log once, count, and leave them to the relay."""
        if not messages or asyncio.get_running_loop().time() < self._closed_until:
            self._count_failures(len(messages))
            return
        await self.try_publish(messages)

    async def try_publish(self, messages: Sequence[Outgoing]) -> bool:
        """Publish copies of the messages and tell whether Redis took them."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._send(messages)
        except (RedisError, OSError, TimeoutError) as error:
            # For a moment nobody else waits for a server that has just failed; the rows are safe in the mailbox.
            self._closed_until = asyncio.get_running_loop().time() + self._pause
            self._count_failures(len(messages))
            if not self._is_away:
                self._is_away = True
                _log.warning("redis does not take messages, they wait in the mailbox", error=str(error) or repr(error))
            return False
        if self._is_away:
            self._is_away = False
            _log.info("redis takes messages again")
        if self._metrics is not None:
            for message in messages:
                self._metrics.published.labels(message.stream).inc()
        return True

    async def _send(self, messages: Sequence[Outgoing]) -> None:
        client = await client_of(self._broker)
        async with client.pipeline(transaction=True) as pipeline:
            for message in messages:
                await self._broker.publish(
                    message.payload,
                    stream=message.stream,
                    correlation_id=message.message_id,
                    headers={"message_id": message.message_id, "content-type": "application/json"},
                    pipeline=pipeline,
                )
                pipeline.set(marker_key(message.message_id), b"1", ex=MARKER_SECONDS)
            await pipeline.execute()

    def _count_failures(self, amount: int) -> None:
        if self._metrics is not None:
            self._metrics.publish_failures.inc(amount)
