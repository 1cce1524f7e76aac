"""Several reads in the handler at once, and a process that dies between two steps of a read."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import pytest

from shared.testing.numbers import STREAM, Application, Number, outgoing
from shared.testing.polling import until

pytestmark = pytest.mark.integration


class Gate:
    """A handler that notes what enters, and lets each read through when told to."""

    def __init__(self, application: Application) -> None:
        self.entered: list[list[int]] = []
        self._application = application
        self._open = asyncio.Event()
        self._failures: list[Exception] = []

    def let_through(self, *failures: Exception) -> None:
        """Let everything through, after these failures."""
        self._failures = list(failures)
        self._open.set()

    async def handle(self, numbers: Sequence[Number]) -> int:
        """Handle one read."""
        self.entered.append([number.number for number in numbers])
        await self._open.wait()
        if self._failures:
            raise self._failures.pop(0)
        return await self._application.handle(numbers)


async def test_two_reads_are_in_the_handler_and_a_third_waits(application: Application) -> None:
    gate = Gate(application)
    await application.consumer(gate.handle, max_records=1, in_flight=2)

    await application.send(1, 2, 3, 4)

    async def third_was_read() -> bool:
        return await application.pending() == 4

    await until(third_was_read)
    assert gate.entered == [[1], [2]]
    gate.let_through()
    await until(lambda: application.handled([1, 2, 3, 4]))
    assert gate.entered == [[1], [2], [3], [4]]
    await until(application.all_acknowledged)


async def test_reads_that_fail_together_are_tried_again_in_order_and_alone(application: Application) -> None:
    gate = Gate(application)
    await application.consumer(gate.handle, max_records=1, in_flight=2)
    await application.send(1, 2, 3)
    await until(lambda: len(gate.entered) == 2)

    gate.let_through(ConnectionResetError("gone"), ConnectionResetError("gone"), ConnectionResetError("still gone"))

    await until(lambda: application.handled([1, 2, 3]))
    assert gate.entered == [[1], [2], [1], [1], [2], [3]]
    assert await application.dead() == []


async def test_a_poison_message_among_overlapping_reads_is_buried_alone(application: Application) -> None:
    async def handle(numbers: Sequence[Number]) -> None:
        if any(number.number == 2 for number in numbers):
            raise ValueError("hai là số xấu")
        await application.handle(numbers)

    await application.send(*range(8))
    await application.consumer(handle, max_records=2, in_flight=2)

    await until(lambda: application.handled([0, 1, 3, 4, 5, 6, 7]))
    await until(application.all_acknowledged)
    assert [message_id for message_id, _ in await application.dead()] == ["m2"]


async def test_stop_waits_for_all_that_are_in_the_handler_and_begins_no_other(application: Application) -> None:
    gate = Gate(application)
    consumer = await application.consumer(gate.handle, max_records=1, in_flight=2)
    await application.send(1, 2, 3)
    await until(lambda: len(gate.entered) == 2)
    stopping = asyncio.create_task(consumer.stop())

    gate.let_through()
    await stopping

    assert await application.seen() == [1, 2]
    assert await application.pending() == 1


async def test_a_copy_in_an_overlapping_read_does_not_reach_the_handler(application: Application) -> None:
    gate = Gate(application)
    await application.consumer(gate.handle, max_records=1, in_flight=2)
    await application.send(1)
    await application.publisher.publish([outgoing(1)])
    await application.send(2)

    await until(lambda: len(gate.entered) == 2)
    assert application.value("datchuan_messages_total", stream=STREAM, outcome="already_done") == 1
    gate.let_through()

    await until(lambda: application.handled([1, 2]))
    await until(application.all_acknowledged)
    assert gate.entered == [[1], [2]]


VICTIM = """
import asyncio, sys
from contextlib import AsyncExitStack
from shared.testing.numbers import resume

async def main(database_url, redis_url):
    async with AsyncExitStack() as stack:
        application = await resume(stack, database_url, redis_url)
        await application.consumer(name="victim")
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("point", "seen", "pending"),
    [
        pytest.param("evaluator.after_read", [], 2, id="read, not handled"),
        pytest.param("evaluator.before_ack", [1, 2], 2, id="handled, not acknowledged"),
        pytest.param("evaluator.after_ack", [1, 2], 0, id="acknowledged"),
    ],
)
async def test_a_consumer_that_dies_at_a_step_loses_nothing_and_repeats_nothing(
    application: Application, database_url: str, point: str, seen: list[int], pending: int
) -> None:
    await application.send(1, 2)
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, database_url, application.redis_url,
        env={**os.environ, "DATCHUAN_FAULT_POINT": point},
    )  # fmt: skip

    assert await victim.wait() == -signal.SIGKILL

    assert await application.seen() == seen
    assert await application.pending() == pending
    await application.consumer(name="survivor", reclaim_idle_ms=100)
    await until(lambda: application.handled([1, 2]))
    await until(application.all_acknowledged)
