"""The loop behind a queue: works while something waits, sleeps while nothing does, and ends when told to."""

import asyncio
from collections.abc import Awaitable, Callable, Sized


async def work_off(
    waiting: Sized, changed: asyncio.Event, stop: asyncio.Event, work: Callable[[], Awaitable[None]]
) -> None:
    """Call `work` as long as something waits, until `stop` is set and nothing waits any more.

    Who adds to the queue sets `changed`.
    """

    async def wake() -> None:
        await stop.wait()
        changed.set()

    waking = asyncio.create_task(wake())
    try:
        while waiting or not stop.is_set():
            if waiting:
                await work()
            else:
                changed.clear()
                await changed.wait()
    finally:
        waking.cancel()
