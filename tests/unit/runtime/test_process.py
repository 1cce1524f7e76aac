"""The life of a process: signals, crashes, draining."""

import asyncio
import os
import signal

import pytest

from shared.runtime.errors import DatchuanError
from shared.runtime.process import supervise
from shared.runtime.tasks import end
from shared.testing.polling import until


async def test_a_signal_sets_stop_and_the_loops_finish_their_work() -> None:
    stop, finished = asyncio.Event(), []

    async def loop() -> None:
        await stop.wait()
        await asyncio.sleep(0)
        finished.append("drained")

    async def send_signal() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    await supervise(loop(), send_signal(), stop=stop)

    assert finished == ["drained"]


async def test_a_crashed_loop_stops_the_others_and_the_process_fails() -> None:
    stop, finished = asyncio.Event(), []

    async def crash() -> None:
        raise RuntimeError("bug")

    async def loop() -> None:
        await stop.wait()
        finished.append("drained")

    with pytest.raises(SystemExit) as exit_:
        await supervise(loop(), crash(), stop=stop)

    assert exit_.value.code == 1
    assert finished == ["drained"]


async def test_an_error_that_tells_what_to_do_is_raised_as_it_is_after_the_others_have_drained() -> None:
    stop, finished = asyncio.Event(), []

    async def fail() -> None:
        raise DatchuanError("Cannot listen.")

    async def fail_in_a_group() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    async def loop() -> None:
        await stop.wait()
        finished.append("drained")

    with pytest.raises(DatchuanError, match="Cannot listen"):
        await supervise(loop(), fail_in_a_group(), stop=stop)

    assert finished == ["drained"]


async def test_a_crash_beside_such_an_error_is_still_a_crash() -> None:
    async def fail() -> None:
        raise DatchuanError("Cannot listen.")

    async def crash() -> None:
        raise RuntimeError("bug")

    with pytest.raises(SystemExit):
        await supervise(fail(), crash(), stop=asyncio.Event())


async def test_a_crash_while_draining_fails_the_process_too() -> None:
    stop = asyncio.Event()

    async def loop() -> None:
        await stop.wait()
        raise RuntimeError("bug in the end")

    stop.set()
    with pytest.raises(SystemExit):
        await supervise(loop(), stop=stop)


async def test_loops_that_do_not_end_are_cancelled_after_the_drain_time() -> None:
    stop, cancelled = asyncio.Event(), []

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    stop.set()
    await supervise(stubborn(), stop=stop, drain_seconds=0.05)

    assert cancelled == [True]


async def test_a_second_signal_ends_the_draining() -> None:
    stop = asyncio.Event()

    async def stubborn() -> None:
        await asyncio.Event().wait()

    async def send_signals() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await until(stop.is_set)
        os.kill(os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(5):
        await supervise(stubborn(), send_signals(), stop=stop, drain_seconds=60)


async def test_the_process_ends_when_all_its_loops_have() -> None:
    stop, done = asyncio.Event(), []

    async def once() -> None:
        done.append(True)

    await supervise(once(), stop=stop)

    assert done == [True]
    assert stop.is_set()


async def test_a_task_that_swallows_its_cancellation_is_cancelled_again() -> None:
    swallowed = []

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.append(True)
        await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)

    await end([task])

    assert task.cancelled()
    assert swallowed == [True]
