"""Redis (or Valkey) through FastStream: the broker, its client and waiting for it."""

import asyncio
import logging
from types import TracebackType
from typing import Any

from faststream.redis import RedisBroker, RedisClusterBroker, RedisSentinelBroker
from pydantic import SecretStr
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from shared.runtime.errors import DependencyUnavailableError
from shared.runtime.redis_url import RedisAddress, Topology, parse_redis_url

# What a call may raise when Redis is away, full, or electing a new master.
REDIS_ERRORS = (RedisError, RedisClusterException, OSError, TimeoutError)


class _BrokerBehindSentinels(RedisSentinelBroker):
    """A broker that lets go of the Sentinels when it stops: the client itself closes only its ways to the master."""

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Close the connections to the master, then those to the Sentinels."""
        pool = self._connection.connection_pool if self._connection is not None else None
        await super().stop(exc_type, exc_val, exc_tb)
        if isinstance(pool, SentinelConnectionPool):
            for sentinel in pool.sentinel_manager.sentinels:
                await sentinel.aclose()


def create_broker(url: SecretStr) -> RedisBroker:
    """Build a FastStream broker whose calls fail within seconds when Redis is away; nothing connects yet."""
    address = parse_redis_url(url.get_secret_value())
    options: dict[str, Any] = {
        "socket_connect_timeout": 1.5,
        "socket_timeout": 5.0,  # longer than any blocking read of the consumers
        "socket_keepalive": True,
        # A read repeated behind the consumer's back would go on after entries whose answer was lost on the way.
        "retry": Retry(NoBackoff(), 0),
        "graceful_timeout": 5.0,
        "apply_types": False,
        "logger": logging.getLogger("datchuan.faststream"),  # FastStream's own prints lines that are not JSON
        "log_level": logging.DEBUG,
    }
    if address.topology is Topology.CLUSTER:
        return RedisClusterBroker(address.url, startup_nodes=address.hosts[1:], **options)
    if address.topology is Topology.SENTINEL:
        return _behind_sentinels(address, options)
    return RedisBroker(address.url, **options)


def _behind_sentinels(address: RedisAddress, options: dict[str, Any]) -> RedisBroker:
    # The connection class that a rediss URL brings would not ask the Sentinels; the flag makes one that does.
    tls: dict[str, Any] = {"ssl": True} if address.is_tls else {}
    asking = {"socket_connect_timeout": 1.0, "socket_timeout": 1.0, "password": address.sentinel_password}
    return _BrokerBehindSentinels(
        address.url.replace("rediss://", "redis://", 1),
        sentinels=address.hosts,
        sentinel_master_name=address.service,
        sentinel_kwargs=asking | tls,
        **options,
        **tls,
    )


async def client_of(broker: RedisBroker) -> Redis:
    """Return the broker's redis client, connecting the broker first if need be.

    Of a cluster it is a RedisCluster: the same commands, except that those without a key go to all its nodes.
    """
    return await broker.connect()


def together(client: Redis) -> "Pipeline":
    """Return a pipeline whose commands, all on keys of one stream, are carried out together or not at all.

    In a cluster they are only sent together: the client would start a thread for each command of a transaction.
    """
    return client.pipeline(transaction=not isinstance(client, RedisCluster))


async def wait_for_redis(broker: RedisBroker, timeout_seconds: float) -> None:
    """Return once Redis answers; raise DependencyUnavailableError when it does not within the time."""
    client = await client_of(broker)
    deadline = asyncio.get_running_loop().time() + timeout_seconds
    while True:
        try:
            await client.ping()
        except REDIS_ERRORS as error:
            if asyncio.get_running_loop().time() > deadline:
                raise DependencyUnavailableError(
                    f"Redis did not answer within {timeout_seconds:g} s: {error}. Check DATCHUAN_REDIS_URL."
                ) from error
        else:
            return
        await asyncio.sleep(0.1)
