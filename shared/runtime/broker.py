"""Redis (or Valkey) through FastStream: the broker, its client and waiting for it."""

import asyncio
import logging

from faststream.redis import RedisBroker
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared.runtime.errors import DependencyUnavailableError


def create_broker(url: SecretStr) -> RedisBroker:
    """Build a FastStream broker whose calls fail within seconds when Redis is away; nothing connects yet."""
    return RedisBroker(
        url.get_secret_value(),
        socket_connect_timeout=1.5,
        socket_timeout=5.0,  # longer than any blocking read of the consumers
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1),  # one retry: a pooled connection may have died with a restarted server
        graceful_timeout=5.0,
        apply_types=False,
        logger=logging.getLogger("datchuan.faststream"),  # FastStream's own prints lines that are not JSON
        log_level=logging.DEBUG,
    )


async def client_of(broker: RedisBroker) -> Redis:
    """Return the broker's redis client, connecting the broker first if need be."""
    return await broker.connect()


async def wait_for_redis(broker: RedisBroker, timeout_seconds: float) -> None:
    """Return once Redis answers; raise DependencyUnavailableError when it does not within the time."""
    client = await client_of(broker)
    deadline = asyncio.get_running_loop().time() + timeout_seconds
    while True:
        try:
            await client.ping()
        except (RedisError, OSError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise DependencyUnavailableError(
                    f"Redis did not answer within {timeout_seconds:g} s: {error}. Check DATCHUAN_REDIS_URL."
                ) from error
        else:
            return
        await asyncio.sleep(0.1)
