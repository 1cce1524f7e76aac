"""Ending tasks for certain."""

import asyncio
from collections.abc import Collection

_AGAIN_SECONDS = 0.1


async def end(tasks: "Collection[asyncio.Task[None]]") -> None:
    """Cancel the tasks and return when all have ended.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, which redis-py sends with, swallows a cancellation that
    arrives together with the result.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
