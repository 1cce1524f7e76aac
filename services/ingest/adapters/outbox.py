"""Publishes committed messages without holding up the answers; what does not fit is left to the relay."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from services.ingest.adapters.work_off import work_off
from shared.runtime.faults import fault_point
from shared.runtime.mailbox import Outgoing
from shared.runtime.publisher import Publisher

_MAX_WAITING: Final = 200
_MAX_AT_ONCE: Final = 16


class Outbox:
    """A short queue before Redis. Nothing in it is needed: every message also stands in the mailbox.

    What finds no place in it is left to the relay, and with it all that comes later, so that the order stays.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._waiting: deque[Outgoing] = deque()
        self._changed = asyncio.Event()

    def put(self, messages: Sequence[Outgoing]) -> None:
        """Queue copies of committed messages."""
        places = _MAX_WAITING - len(self._waiting)
        self._waiting.extend(messages[:places])
        for message in messages[places:]:
            self._publisher.gate(message.stream).leave(1)
        self._changed.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish what is queued, until `stop` is set and the queue is empty."""
        await work_off(self._waiting, self._changed, stop, self._publish_next)

    async def _publish_next(self) -> None:
        count = min(_MAX_AT_ONCE, len(self._waiting))
        await self._publisher.publish([self._waiting.popleft() for _ in range(count)])
        fault_point("ingest.after_publish")
