"""A small application on the runtime, for the runtime's own tests: its handler writes each number it is sent, once."""

import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from faststream.redis import RedisBroker
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.streams import EVALUATOR_GROUP
from shared.runtime.broker import client_of, create_broker
from shared.runtime.consumer import StreamConsumer
from shared.runtime.database import create_database
from shared.runtime.limits import StreamLimits
from shared.runtime.mailbox import Outgoing, claim, put
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.publisher import Publisher
from shared.runtime.relay import Relay

STREAM = "numbers.v1.p0"
GROUP = EVALUATOR_GROUP


@dataclass(frozen=True)
class Number:
    """A message that carries a number."""

    message_id: str
    number: int


def decode(payload: bytes) -> Number:
    """Decode a message."""
    return Number(**json.loads(payload))


def outgoing(number: int, padding: int = 0) -> Outgoing:
    """Return the message of a number, made longer by as many blanks."""
    message_id = f"m{number}"
    body = json.dumps({"message_id": message_id, "number": number}) + " " * padding
    return Outgoing(STREAM, message_id, body.encode())


Handle = Callable[[Sequence[Number]], Awaitable[int | None]]


@dataclass
class Application:
    """Producer and consumers against one database and one Redis."""

    engine: AsyncEngine
    redis_url: str
    stack: AsyncExitStack
    broker: RedisBroker
    redis: Redis
    publisher: Publisher
    metrics: RuntimeMetrics
    calls: list[list[int]] = field(default_factory=list)

    async def send(self, *numbers: int, publish: bool = True, padding: int = 0) -> None:
        """Commit the numbers' messages and publish them."""
        messages = [outgoing(number, padding) for number in numbers]
        async with self.engine.begin() as connection:
            await put(connection, messages)
        if publish:
            await self.publisher.publish(messages)

    async def handle(self, numbers: Sequence[Number]) -> int:
        """Write the numbers that are still in the mailbox, in one transaction."""
        self.calls.append([number.number for number in numbers])
        async with self.engine.begin() as connection:
            claimed = await claim(connection, [number.message_id for number in numbers])
            rows = [{"n": number.number} for number in numbers if number.message_id in claimed]
            if rows:
                await connection.execute(text("INSERT INTO public.seen VALUES (:n)"), rows)
        return len(numbers) - len(rows)

    async def seen(self) -> list[int]:
        """Return all numbers written."""
        async with self.engine.connect() as connection:
            return list((await connection.execute(text("SELECT n FROM public.seen ORDER BY n"))).scalars())

    async def mailbox(self) -> int:
        """Return how many messages wait in the mailbox."""
        async with self.engine.connect() as connection:
            return int(
                await connection.scalar(text("SELECT count(*) FROM messaging.mailbox WHERE handled_at IS NULL")) or 0
            )

    async def dead(self) -> list[tuple[str, str]]:
        """Return the dead letters with their reasons."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(text("SELECT message_id, reason FROM messaging.dead_letter ORDER BY 1"))
            return [(row[0], row[1]) for row in rows]

    async def pending(self) -> int:
        """Return how many entries are not acknowledged."""
        return int((await self.redis.xpending(STREAM, GROUP))["pending"])

    async def stream(self, name: str = STREAM) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Return the entries of a stream."""
        entries: Any = await self.redis.xrange(name)
        return list(entries)

    async def all_acknowledged(self) -> bool:
        """Tell whether nothing is pending."""
        return await self.pending() == 0

    async def handled(self, numbers: Sequence[int]) -> bool:
        """Tell whether these numbers were written once each and nothing waits."""
        return await self.seen() == list(numbers) and await self.mailbox() == 0

    def value(self, name: str, **labels: str) -> float:
        """Return the value of a metric."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    async def consumer(self, handle: Handle | None = None, name: str = "one", **options: Any) -> StreamConsumer[Number]:
        """Start a consumer with connections of its own."""
        broker = create_broker(SecretStr(self.redis_url))
        self.stack.push_async_callback(broker.stop)
        consumer = StreamConsumer(
            broker, STREAM, GROUP, name, decode, handle or self.handle, self.engine, self.metrics, **options
        )
        self.stack.push_async_callback(consumer.stop)
        await consumer.start()
        return consumer

    def relay(self, **options: Any) -> Relay:
        """Return a fast relay."""
        options = {"relay_after_seconds": 0.05, "interval_seconds": 0.05} | options
        return Relay(self.engine, self.redis, self.publisher, [STREAM], self.metrics, **options)


async def build(
    stack: AsyncExitStack, database_url: str, redis_url: str, limits: StreamLimits | None = None
) -> Application:
    """Build the application and its table; the stack closes it."""
    application = await resume(stack, database_url, redis_url, limits)
    async with application.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE public.seen (n integer)"))
    return application


async def resume(
    stack: AsyncExitStack, database_url: str, redis_url: str, limits: StreamLimits | None = None
) -> Application:
    """Build the application on the table that is already there."""
    engine = create_database(SecretStr(database_url), "test")
    stack.push_async_callback(engine.dispose)
    broker = create_broker(SecretStr(redis_url))
    stack.push_async_callback(broker.stop)
    metrics = RuntimeMetrics(CollectorRegistry(), [STREAM])
    publisher = Publisher(broker, metrics, limits=limits, pause_seconds=0.2)
    return Application(engine, redis_url, stack, broker, await client_of(broker), publisher, metrics)
