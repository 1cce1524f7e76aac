"""The consumer on a real Valkey and a real PostgreSQL."""

import asyncio
from collections.abc import Sequence

import pytest
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import bDATA_KEY
from faststream.redis.parser import BinaryMessageFormatV1

from shared.contracts.streams import DEAD_LETTER, NOTIFIER_GROUP
from shared.runtime.entries import to_entry
from shared.runtime.mailbox import requeue
from shared.runtime.pending import Place, forget_idle_consumers
from shared.testing.numbers import GROUP, STREAM, Application, Number, outgoing
from shared.testing.polling import until

pytestmark = pytest.mark.integration


async def test_what_was_published_before_the_group_existed_is_consumed(application: Application) -> None:
    await application.send(1, 2, 3)

    await application.consumer()

    await until(lambda: application.handled([1, 2, 3]), what="all three")
    assert application.calls == [[1, 2, 3]]


async def test_a_handled_message_leaves_nothing_pending_and_no_marker(application: Application) -> None:
    await application.consumer()

    await application.send(1)

    await until(lambda: application.handled([1]))
    await until(application.all_acknowledged)
    assert await application.redis.keys("datchuan:mailbox:*") == []
    assert application.value("datchuan_messages_total", stream=STREAM, outcome="handled") == 1


async def test_a_message_delivered_twice_is_handled_once(application: Application) -> None:
    await application.consumer()
    await application.send(1)
    await until(lambda: application.handled([1]))

    await application.publisher.publish([outgoing(1)])

    await until(lambda: application.value("datchuan_messages_total", stream=STREAM, outcome="already_done") == 1)
    assert await application.seen() == [1]


async def test_two_copies_in_one_read_reach_the_handler_once(application: Application) -> None:
    await application.send(1)
    await application.publisher.publish([outgoing(1)])

    await application.consumer()

    await until(lambda: application.handled([1]))
    assert application.calls == [[1]]


async def test_reads_are_handled_one_at_a_time_in_the_order_of_the_stream(application: Application) -> None:
    order: list[int] = []
    busy = asyncio.Lock()

    async def handle(numbers: Sequence[Number]) -> None:
        assert not busy.locked()
        async with busy:
            order.extend(number.number for number in numbers)
            await application.handle(numbers)

    await application.send(*range(50))
    await application.consumer(handle, max_records=3)

    await until(lambda: application.handled(range(50)))
    assert order == list(range(50))
    assert max(len(call) for call in application.calls) == 3


async def test_the_next_read_is_under_way_while_the_handler_runs(application: Application) -> None:
    release = asyncio.Event()

    async def handle(numbers: Sequence[Number]) -> None:
        await release.wait()
        await application.handle(numbers)

    await application.consumer(handle, max_records=1)
    await application.send(1, 2)

    async def both_were_read() -> bool:
        return await application.pending() == 2

    await until(both_were_read)
    release.set()
    await until(lambda: application.handled([1, 2]))


async def test_a_body_that_cannot_be_decoded_is_buried_and_the_rest_is_handled(application: Application) -> None:
    await application.send(1)
    await application.broker.publish(b"{not json", stream=STREAM, correlation_id="bad")
    await application.redis.xadd(STREAM, {"foreign": b"\xff"})
    await application.send(2)

    await application.consumer()

    await until(lambda: application.handled([1, 2]))
    await until(application.all_acknowledged)
    dead = await application.dead()
    assert dead[0][0] == "bad"
    assert "cannot be decoded" in dead[0][1]
    assert dead[1][0].startswith(f"{STREAM}/")
    announced = [to_entry(DEAD_LETTER, *raw) for raw in await application.stream(DEAD_LETTER)]
    assert announced[0].message_id == "bad"
    assert announced[0].payload == b"{not json"


@pytest.mark.parametrize("name", ["a\0b", "long" * 2_000, "xã"])
async def test_an_entry_whose_id_nobody_could_store_is_buried_under_its_place(
    application: Application, name: str
) -> None:
    body = await BinaryMessageFormatV1.encode(
        message=b"no number", reply_to=None, headers={"message_id": name}, correlation_id="c"
    )
    await application.redis.xadd(STREAM, {bDATA_KEY: body})
    ((entry_id, _),) = await application.stream()
    await application.send(1, 2)

    await application.consumer()

    await until(lambda: application.handled([1, 2]))
    await until(application.all_acknowledged)
    assert [message_id for message_id, _ in await application.dead()] == [f"{STREAM}/{entry_id.decode()}"]


async def test_the_message_a_handler_cannot_take_is_buried_and_the_others_are_handled(application: Application) -> None:
    async def handle(numbers: Sequence[Number]) -> None:
        if any(number.number == 2 for number in numbers):
            raise ValueError("hai là số xấu")
        await application.handle(numbers)

    await application.send(1, 2, 3)
    await application.consumer(handle)

    await until(lambda: application.handled([1, 3]))
    await until(application.all_acknowledged)
    assert await application.dead() == [("m2", "ValueError: hai là số xấu")]
    assert application.value("datchuan_messages_total", stream=STREAM, outcome="buried") == 1


async def test_a_dead_letter_put_back_is_handled(application: Application) -> None:
    broken = True

    async def handle(numbers: Sequence[Number]) -> None:
        if broken:
            raise ValueError("broken")
        await application.handle(numbers)

    await application.send(1)
    await application.consumer(handle)
    await until(application.dead)
    await until(application.all_acknowledged)
    broken = False
    async with application.engine.begin() as connection:
        moved = await requeue(connection, ["m1"])

    await application.relay(relay_after_seconds=0).relay_once()

    assert moved == {"m1"}
    await until(lambda: application.handled([1]))
    assert await application.dead() == []


async def test_an_outage_is_retried_until_it_ends_and_nothing_is_buried(application: Application) -> None:
    failures = iter([ConnectionResetError("gone")] * 4)

    async def handle(numbers: Sequence[Number]) -> None:
        for failure in failures:
            raise failure
        await application.handle(numbers)

    await application.send(1, 2)
    await application.consumer(handle)

    await until(lambda: application.handled([1, 2]))
    assert await application.dead() == []
    assert application.value("datchuan_messages_total", stream=STREAM, outcome="retried") == 8


async def test_stop_finishes_the_running_handler_and_gives_the_rest_back_at_once(application: Application) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def handle(numbers: Sequence[Number]) -> None:
        entered.set()
        await release.wait()
        await application.handle(numbers)

    first = await application.consumer(handle, max_records=1)
    await application.send(1, 2, 3)
    await entered.wait()
    stopping = asyncio.create_task(first.stop())
    release.set()
    await stopping

    assert await application.seen() == [1]
    assert not first.running
    await application.consumer(name="two", reclaim_idle_ms=600_000)
    await until(lambda: application.handled([1, 2, 3]), timeout=3, what="the second consumer")


async def test_stop_during_an_outage_ends_soon_and_acknowledges_nothing(application: Application) -> None:
    async def handle(numbers: Sequence[Number]) -> None:
        raise ConnectionResetError("gone")

    await application.send(1)
    consumer = await application.consumer(handle)
    await until(lambda: application.value("datchuan_messages_total", stream=STREAM, outcome="retried") > 2)

    async with asyncio.timeout(2):
        await consumer.stop()

    assert await application.pending() == 1


async def test_a_stopped_consumer_can_be_started_again(application: Application) -> None:
    consumer = await application.consumer()
    await application.send(1)
    await until(lambda: application.handled([1]))
    await consumer.stop()
    await application.send(2)
    assert await application.seen() == [1]

    await consumer.start()

    await until(lambda: application.handled([1, 2]))


async def test_what_a_dead_consumer_left_pending_is_taken_over(application: Application) -> None:
    await leave_pending(application, "dead", 1, 2)

    await application.consumer(name="alive", reclaim_idle_ms=100)

    await until(lambda: application.handled([1, 2]))
    assert application.value("datchuan_reclaimed_messages_total") == 2


async def test_a_restarted_consumer_takes_its_own_pending_entries_at_once(application: Application) -> None:
    await leave_pending(application, "one", 1, 2)

    await application.consumer(name="one", reclaim_idle_ms=600_000)

    await until(lambda: application.handled([1, 2]), timeout=3)


async def test_an_exclusive_consumer_takes_everything_pending_at_once(application: Application) -> None:
    await leave_pending(application, "old writer", 1, 2)
    await application.send(3)

    await application.consumer(name="new writer", reclaim_idle_ms=600_000, exclusive=True)

    await until(lambda: application.handled([1, 2, 3]), timeout=3)
    assert [number for call in application.calls for number in call] == [1, 2, 3]


async def test_names_of_past_processes_are_forgotten_unless_something_is_pending_for_them(
    application: Application,
) -> None:
    await leave_pending(application, "busy", 1)
    for name in ("gone", "me"):
        await application.redis.xgroup_createconsumer(STREAM, GROUP, name)

    forgotten = await forget_idle_consumers(application.redis, Place(STREAM, GROUP, "me"), idle_ms=0)

    assert forgotten == 1
    left = await application.redis.xinfo_consumers(STREAM, GROUP)
    assert {consumer["name"] for consumer in left} == {b"busy", b"me"}


async def test_an_outage_longer_than_the_idle_time_does_not_pile_up_copies(application: Application) -> None:
    away = True

    async def handle(numbers: Sequence[Number]) -> None:
        if away:
            raise ConnectionResetError("gone")
        await application.handle(numbers)

    await application.send(1, 2)
    await application.consumer(handle, name="one", reclaim_idle_ms=50)
    await application.consumer(handle, name="two", reclaim_idle_ms=50)
    await until(lambda: application.value("datchuan_messages_total", stream=STREAM, outcome="retried") > 12)

    away = False

    await until(lambda: application.handled([1, 2]))
    await until(application.all_acknowledged)
    assert application.value("datchuan_reclaimed_messages_total") <= 4


async def test_the_stream_is_trimmed_behind_the_slowest_of_our_groups_and_never_further(
    application: Application,
) -> None:
    await application.redis.xgroup_create(STREAM, NOTIFIER_GROUP, id="0", mkstream=True)
    await application.consumer(trim_seconds=0)
    await application.send(*range(20))
    await until(lambda: application.handled(range(20)))
    await application.redis.xreadgroup(NOTIFIER_GROUP, "c", {STREAM: ">"}, count=5)
    ids = [entry_id for entry_id, _ in await application.stream()]
    await application.redis.xack(STREAM, NOTIFIER_GROUP, *ids[:3])

    async def length() -> bool:
        return await application.redis.xlen(STREAM) < 20

    await until(length, what="the trimming")
    left = [entry_id for entry_id, _ in await application.stream()]
    assert left == ids[3:]


async def test_lag_pending_and_length_are_exported(application: Application) -> None:
    release = asyncio.Event()

    async def handle(numbers: Sequence[Number]) -> None:
        await release.wait()

    consumer = await application.consumer(handle, max_records=1)
    await application.send(*range(10))

    await until(lambda: application.value("datchuan_consumer_running", stream=STREAM) == 1)
    await until(lambda: application.value("datchuan_stream_lag", stream=STREAM) == 7)
    assert consumer.lag == 7
    assert application.value("datchuan_stream_pending", stream=STREAM) == 3
    assert application.value("datchuan_stream_length", stream=STREAM) == 10
    release.set()
    await consumer.stop()
    assert application.value("datchuan_consumer_running", stream=STREAM) == 0


async def test_a_consumer_with_a_pause_reads_together_what_came_after_a_short_read(application: Application) -> None:
    await application.consumer(max_records=8, pause_seconds=2)
    await application.send(1)
    await until(lambda: application.handled([1]))

    for number in (2, 3, 4):
        await application.send(number)

    await until(lambda: application.handled([1, 2, 3, 4]))
    assert application.calls == [[1], [2, 3, 4]]


async def test_a_consumer_with_a_pause_makes_none_while_more_waits_than_one_read_takes(
    application: Application,
) -> None:
    await application.send(*range(1, 10))

    await application.consumer(max_records=3, pause_seconds=3600)

    await until(lambda: application.handled(list(range(1, 10))))
    assert application.calls == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


async def test_any_faststream_consumer_can_read_what_is_published(application: Application) -> None:
    received: list[object] = []
    other = RedisBroker(application.redis_url)

    @other.subscriber(stream=StreamSub(STREAM, last_id="0"))
    async def read(body: dict[str, object]) -> None:
        received.append(body)

    async with other:
        await other.start()
        await application.send(7)
        await until(lambda: received)

    assert received == [{"message_id": "m7", "number": 7}]


async def leave_pending(application: Application, name: str, *numbers: int) -> None:
    """Leave the numbers as a consumer does that was killed before it acknowledged them."""
    await application.send(*numbers)
    await application.redis.xgroup_create(STREAM, GROUP, id="0")
    await application.redis.xreadgroup(GROUP, name, {STREAM: ">"})
