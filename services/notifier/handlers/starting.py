"""The first moments of a notifier: nothing is composed before it has read what was decided while it was away."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.1


class Start:
    """Holds work back until the queue has been read to its end once, or `longest_seconds` have passed.

    A breach that waits to be told may have ended meanwhile; the change that says so stands in the queue. A queue that
    cannot be read holds nothing back for ever: what waits is told then. `tell_over` wakes the loops that do the work.
    """

    def __init__(
        self,
        has_caught_up: Callable[[], bool],
        longest_seconds: float,
        *,
        tell_over: Callable[[], None] = lambda: None,
    ) -> None:
        self._has_caught_up = has_caught_up
        self._longest_seconds = longest_seconds
        self._tell_over = tell_over
        self._is_over = False

    def held(self, work: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
        """Return the work as one that finds nothing to do before the start is over."""

        async def once_started() -> int:
            return await work() if self._is_over else 0

        return once_started

    async def run(self, stop: asyncio.Event) -> None:
        """Return when the start is over, or `stop` is set."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._longest_seconds
        stopping = asyncio.create_task(stop.wait())
        try:
            while not self._has_caught_up() and not stop.is_set():
                if loop.time() >= until:
                    _log.warning("the queue was not read to its end, what waits is told now")
                    break
                await asyncio.wait({stopping}, timeout=_LOOK_SECONDS)
        finally:
            stopping.cancel()
        self._is_over = True
        self._tell_over()
