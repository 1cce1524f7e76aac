import asyncio

from services.notifier.handlers.starting import Start
from shared.testing.polling import until


class Work:
    """Work that always finds something to do, and counts how often."""

    def __init__(self) -> None:
        self.done = 0

    async def __call__(self) -> int:
        self.done += 1
        return 1


async def test_nothing_is_done_before_the_queue_was_read_to_its_end_and_then_the_loops_are_woken() -> None:
    """TestColdStart: nothing is sent before the start is over, and then what was there is told once."""
    caught_up, woken, work = asyncio.Event(), asyncio.Event(), Work()
    start = Start(caught_up.is_set, longest_seconds=3_600, tell_over=woken.set)
    held = start.held(work)
    starting = asyncio.create_task(start.run(asyncio.Event()))

    before = [await held(), await held()]
    assert not woken.is_set()
    caught_up.set()
    await until(woken.is_set, what="the end of the start")

    assert (before, await held(), work.done) == ([0, 0], 1, 1)
    await starting


async def test_a_queue_that_cannot_be_read_holds_nothing_back_for_ever() -> None:
    work = Work()
    start = Start(lambda: False, longest_seconds=0)

    await start.run(asyncio.Event())

    assert await start.held(work)() == 1


async def test_a_notifier_that_is_told_to_stop_does_not_wait_for_the_queue() -> None:
    stop = asyncio.Event()
    starting = asyncio.create_task(Start(lambda: False, longest_seconds=3_600).run(stop))

    stop.set()

    await asyncio.wait_for(starting, 5)
