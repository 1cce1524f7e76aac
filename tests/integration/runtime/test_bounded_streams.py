"""Redis stays small while nobody consumes: what does not fit waits in the mailbox, and goes out by itself later."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from shared.embedded.valkey import EmbeddedValkey
from shared.runtime.checks import publishing_check
from shared.runtime.entries import to_entry
from shared.runtime.limits import StreamLimits
from shared.runtime.mailbox import put
from shared.runtime.ops import Note
from shared.runtime.relay import Relay
from shared.testing.numbers import STREAM, Application, build, decode, outgoing, resume
from shared.testing.polling import until
from shared.testing.servers import start_valkey

pytestmark = pytest.mark.integration

KILOBYTE = 1024
LIMIT_BYTES = 256 * KILOBYTE
BY_BYTES = StreamLimits(max_bytes=LIMIT_BYTES)
BY_MESSAGES = StreamLimits(max_messages=50)
UNLIMITED = StreamLimits(max_messages=10**6, max_bytes=10**9)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def small_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey that may take three megabytes."""
    with start_valkey(tmp_path / "valkey", {"maxmemory": "3mb"}) as server:
        yield server


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(relay.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def caught_up(application: Application) -> bool:
    return not application.publisher.gate(STREAM).is_behind


async def held(application: Application) -> int:
    return int(await application.redis.memory_usage(STREAM, samples=0) or 0)


@pytest.mark.parametrize(
    ("limits", "padding"),
    [pytest.param(BY_BYTES, 4 * KILOBYTE, id="bytes"), pytest.param(BY_MESSAGES, 0, id="messages")],
)
async def test_a_stream_nobody_reads_is_bounded_and_all_is_handled_in_order_when_its_consumer_returns(
    stack: AsyncExitStack, database_url: str, redis_url: str, limits: StreamLimits, padding: int
) -> None:
    application = await build(stack, database_url, redis_url, limits)
    first = await application.consumer()
    async with running(application.relay()):
        await until(lambda: caught_up(application))
        await application.send(0, padding=padding)
        await until(lambda: application.handled([0]))
        await first.stop()

        for start in range(1, 600, 10):
            await application.send(*range(start, start + 10), padding=padding)

        assert application.publisher.gate(STREAM).is_behind
        assert await held(application) < 1.25 * LIMIT_BYTES
        assert await application.redis.xlen(STREAM) < 90
        await until(lambda: application.value("datchuan_stream_gate_closed", stream=STREAM) == 1)
        assert application.value("datchuan_publish_failures_total") == 0
        assert isinstance(await publishing_check(application.publisher)(), Note)
        await first.start()
        await until(lambda: application.handled(range(601)), what="all messages")
        await until(lambda: caught_up(application))

    assert [number for call in application.calls for number in call] == list(range(601))
    assert await publishing_check(application.publisher)() is None
    await application.send(601)
    await until(lambda: application.handled(range(602)), what="a message published without the relay")


async def test_the_memory_of_redis_is_bounded_while_nobody_consumes(
    stack: AsyncExitStack, database_url: str, redis_url: str
) -> None:
    application = await build(stack, database_url, redis_url, BY_BYTES)
    before = (await application.redis.info("memory"))["used_memory"]
    async with running(application.relay()):
        for start in range(0, 2_000, 50):
            await application.send(*range(start, start + 50), padding=4 * KILOBYTE)

        after = (await application.redis.info("memory"))["used_memory"]
        assert after - before < 3 * LIMIT_BYTES
        await application.consumer(max_records=64)
        await until(lambda: application.handled(range(2_000)), timeout=20, what="all messages")
        await until(application.all_acknowledged)
    assert await application.redis.keys("datchuan:mailbox:*") == []


async def test_a_valkey_out_of_memory_is_an_outage_that_ends_by_itself(
    stack: AsyncExitStack, database_url: str, small_valkey: EmbeddedValkey
) -> None:
    application = await build(stack, database_url, small_valkey.url, UNLIMITED)
    async with running(application.relay()):
        consumer = await application.consumer(max_records=4)
        await application.send(0)
        await until(lambda: application.handled([0]))
        await consumer.stop()
        for start in range(1, 1_000, 20):
            await application.send(*range(start, start + 20), padding=4 * KILOBYTE)

        assert application.value("datchuan_publish_failures_total") > 0
        assert (await application.redis.info("memory"))["used_memory"] < 3.5 * KILOBYTE * KILOBYTE
        await consumer.start()
        await until(lambda: application.handled(range(1_001)), timeout=20, what="all messages")
        await until(application.all_acknowledged)

    assert await application.dead() == []


async def test_a_follower_of_another_system_that_stopped_holds_up_nothing(
    stack: AsyncExitStack, database_url: str, redis_url: str
) -> None:
    application = await build(stack, database_url, redis_url, BY_MESSAGES)
    await application.consumer()
    await application.redis.xgroup_create(STREAM, "follower", id="0", mkstream=True)

    async with running(application.relay()):
        for start in range(0, 400, 10):
            await application.send(*range(start, start + 10))

        await until(lambda: application.handled(range(400)), timeout=20, what="all messages")
        await until(lambda: caught_up(application))


@pytest.mark.parametrize(("look_back_seconds", "is_found"), [(0.0, True), (60.0, False)])
async def test_a_message_committed_late_is_found_while_the_relay_is_still_catching_up(
    stack: AsyncExitStack, database_url: str, redis_url: str, look_back_seconds: float, is_found: bool
) -> None:
    application = await build(stack, database_url, redis_url, BY_MESSAGES)
    relay = application.relay(look_back_seconds=look_back_seconds)
    late = await application.engine.connect()
    await put(late, [outgoing(0)])
    await application.send(*range(1, 2_000), publish=False)
    application.publisher.gate(STREAM).leave(0)
    await relay.relay_once()
    await late.commit()
    await late.close()

    for _ in range(3):  # far from the end of what waits
        entries = [to_entry(STREAM, *entry) for entry in await application.stream()]
        await application.handle([decode(entry.payload) for entry in entries])
        await application.redis.xtrim(STREAM, maxlen=0)
        await relay.relay_once()

    assert (0 in await application.seen()) is is_found
    assert application.publisher.gate(STREAM).is_behind


async def test_two_relays_of_one_stream_publish_each_message_once(
    stack: AsyncExitStack, database_url: str, redis_url: str
) -> None:
    application = await build(stack, database_url, redis_url)
    other = await resume(stack, database_url, redis_url)
    await application.send(*range(300), publish=False)

    async with running(application.relay(batch=20)), running(other.relay(batch=20)):
        await until(lambda: caught_up(application))
        await until(lambda: caught_up(other))

    assert await application.redis.xlen(STREAM) == 300


async def test_what_an_earlier_process_left_unpublished_goes_out_before_anything_new(
    stack: AsyncExitStack, database_url: str, redis_url: str
) -> None:
    application = await build(stack, database_url, redis_url)
    await application.send(*range(5), publish=False)
    relay = application.relay()
    application.publisher.gate(STREAM).leave(0)  # as the relay does when it starts

    await application.send(5)
    await relay.relay_once()
    await application.send(6)

    await application.consumer()
    await until(lambda: application.handled(range(7)))
    assert [number for call in application.calls for number in call] == list(range(7))
