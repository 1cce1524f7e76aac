"""Readiness checks that the services share."""

from faststream.redis import RedisBroker
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.broker import client_of
from shared.runtime.consumer import StreamConsumer
from shared.runtime.database import LACKS_TABLES, missing_columns, ping
from shared.runtime.delivery import MessageType
from shared.runtime.ops import Check, Note
from shared.runtime.publisher import Publisher


def database_check(engine: AsyncEngine) -> Check:
    """Return a check that PostgreSQL answers."""

    async def check() -> str | None:
        await ping(engine)
        return None

    return check


def schema_check(engine: AsyncEngine, metadata: MetaData) -> Check:
    """Return a check that the database has the tables and columns of this version."""

    async def check() -> str | None:
        missing = await missing_columns(engine, metadata)
        return f"{LACKS_TABLES} (no {missing[0]})" if missing else None

    return check


def redis_check(broker: RedisBroker) -> Check:
    """Return a check that Redis answers."""

    async def check() -> str | None:
        client = await client_of(broker)
        await client.ping()
        return None

    return check


def consumer_check(consumer: StreamConsumer[MessageType], max_lag: int | None = None) -> Check:
    """Return a check that the consumer reads its stream and is not more than `max_lag` entries behind."""

    async def check() -> str | None:
        if not consumer.running:
            return "the stream is not being read"
        if max_lag is not None and consumer.lag > max_lag:
            return f"{consumer.lag} entries behind, {max_lag} allowed"
        return None

    return check


def publishing_check(publisher: Publisher) -> Check:
    """Return a check that never fails: it tells which streams are full or being caught up, because reports are safe."""

    async def check() -> str | None:
        closed = [f"{gate.stream} holds {gate.bytes} bytes" for gate in publisher.gates if gate.is_behind]
        return Note(f"messages wait in the mailbox: {', '.join(closed)}") if closed else None

    return check
