"""Redis Sentinel and Redis Cluster by configuration: a master dies, publishing and consuming go on, nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from shared.contracts.streams import INDICATOR_REPORTED, VERDICT_CHANGED, partition_stream
from shared.embedded.valkey import EmbeddedValkey
from shared.runtime.broker import create_broker, wait_for_redis
from shared.runtime.mailbox import Outgoing
from shared.runtime.publisher import marker_key
from shared.testing.numbers import STREAM, Application, build
from shared.testing.polling import until
from shared.testing.redis_sets import ClusterSet, SentinelSet, start_cluster, start_sentinels

pytestmark = pytest.mark.integration

COUNT = 120


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def sentinels(stack: AsyncExitStack, tmp_path: Path) -> SentinelSet:
    manager = start_sentinels(tmp_path)
    stack.callback(manager.__exit__, None, None, None)
    return await asyncio.to_thread(manager.__enter__)


@pytest.fixture
async def cluster(stack: AsyncExitStack, tmp_path: Path) -> ClusterSet:
    manager = start_cluster(tmp_path)
    stack.callback(manager.__exit__, None, None, None)
    return await asyncio.to_thread(manager.__enter__)


async def send_some(application: Application, numbers: range) -> None:
    for number in numbers:
        await application.send(number)


async def check_that_all_is_handled_although(application: Application, kill_master: Callable[[], None]) -> None:
    """Send and consume, kill the master in between, send on, and see every number handled once."""
    stop = asyncio.Event()
    relay = asyncio.create_task(application.relay().run(stop))
    consumer = await application.consumer(max_records=2)
    await send_some(application, range(COUNT // 3))
    await until(lambda: application.seen())

    kill_master()
    await send_some(application, range(COUNT // 3, COUNT))

    await until(lambda: application.handled(range(COUNT)), timeout=15, what="all messages")
    await until(lambda: consumer.running)
    await until(application.all_acknowledged)
    assert await application.dead() == []
    assert not application.publisher.gate(STREAM).is_behind
    stop.set()
    await relay


async def test_a_sentinel_failover_loses_nothing_and_needs_nobody(
    stack: AsyncExitStack, database_url: str, sentinels: SentinelSet
) -> None:
    application = await build(stack, database_url, sentinels.url)

    await check_that_all_is_handled_although(application, sentinels.master.kill)

    assert (await application.redis.info("server"))["tcp_port"] == sentinels.replica.port


def callers_of(sentinel: EmbeddedValkey) -> int:
    """How many clients of redis-py, without the one that asks, a Sentinel has."""
    with redis.Redis.from_url(sentinel.url) as client:
        found: Any = client.client_list()
    return len([each for each in found if each["lib-name"].startswith("redis-py")]) - 1


async def test_a_broker_that_stops_lets_go_of_the_sentinels_too(sentinels: SentinelSet) -> None:
    broker = create_broker(SecretStr(sentinels.url))
    await wait_for_redis(broker, timeout_seconds=10)
    before = sum(map(callers_of, sentinels.sentinels))

    await broker.stop()

    assert before == 1
    await until(lambda: sum(map(callers_of, sentinels.sentinels)) == 0, what="the connections to be closed")


async def test_a_cluster_whose_master_of_the_stream_dies_loses_nothing(
    stack: AsyncExitStack, database_url: str, cluster: ClusterSet
) -> None:
    application = await build(stack, database_url, cluster.url)

    await check_that_all_is_handled_although(application, cluster.master_of(STREAM).kill)


async def test_a_cluster_carries_all_streams_each_with_its_markers(
    stack: AsyncExitStack, database_url: str, cluster: ClusterSet
) -> None:
    application = await build(stack, database_url, cluster.url)
    streams = [partition_stream(name, number) for name in (INDICATOR_REPORTED, VERDICT_CHANGED) for number in range(4)]
    messages = [Outgoing(stream, f"{stream}-{n}", b"{}") for n in range(3) for stream in streams]

    await application.publisher.publish(messages)

    assert len({cluster.master_of(stream).port for stream in streams}) == 3
    for stream in streams:
        assert await application.redis.xlen(stream) == 3
        assert all(await application.redis.mget([marker_key(stream, f"{stream}-{n}") for n in range(3)]))
