"""Loops of a service: what wakes them before their pause is over, and what they do about failures."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from shared.runtime.database import is_outage

_log = structlog.get_logger(__name__)

_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)


class Bell:
    """Wakes a loop of this process before its pause is over: there is something to do."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the loop now."""
        self._rung.set()

    def ring_in(self, seconds: float) -> None:
        """Wake the loop after some seconds."""
        asyncio.get_running_loop().call_later(seconds, self._rung.set)

    async def wait(self) -> None:
        """Return when it rings, or at once when it has rung since the last time."""
        await self._rung.wait()
        self._rung.clear()


class Trouble:
    """What a loop does about failures: one log line when they begin, and growing pauses until they end."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self.count = 0

    def met(self, error: Exception) -> float:
        """Note a failure and return the seconds to pause."""
        self.count += 1
        if not is_outage(error):
            _log.error("a loop failed, it goes on", doing=self._doing, exc_info=error)
        elif self.count == 1:
            _log.warning("a loop waits", doing=self._doing, error=str(error) or repr(error))
        return _PAUSES[min(self.count, len(_PAUSES)) - 1]

    def passed(self) -> None:
        """Note that it works (again)."""
        if self.count:
            _log.info("a loop works again", doing=self._doing)
        self.count = 0


async def repeat(
    work: Callable[[], Awaitable[int]], seconds: float, stop: asyncio.Event, trouble: Trouble, bell: Bell | None = None
) -> None:
    """Do `work` until `stop` is set: at once again while it finds something to do, else after `seconds` or the bell."""
    bell = bell or Bell()
    stopping, rung = asyncio.create_task(stop.wait()), asyncio.create_task(bell.wait())
    try:
        while not stop.is_set():
            try:
                pause = 0.0 if await work() else seconds
                trouble.passed()
            except Exception as error:  # noqa: BLE001 - logged; the loop must outlive whatever the database does
                pause = trouble.met(error)
            await asyncio.wait({stopping, rung}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            if rung.done():
                rung = asyncio.create_task(bell.wait())
    finally:
        stopping.cancel()
        rung.cancel()
