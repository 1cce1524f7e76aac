"""Turns: who may be in the handler when several reads are in hand, so that each begins in the order of the stream."""

import asyncio
from collections.abc import Callable
from types import TracebackType


class StoppingError(Exception):
    """The consumer stops: what is not in the handler stays pending for the next consumer."""


class Turns:
    """The turns of the reads in hand, oldest first: at most `in_flight` in the handler, and one more being prepared."""

    def __init__(self, in_flight: int, stopping: asyncio.Event) -> None:
        self._in_flight = in_flight
        self._stopping = stopping
        self._open: list[Turn] = []
        self._changed = asyncio.Event()

    async def open(self) -> "Turn":
        """Return a turn after all those given out before; wait while too many reads are in hand."""
        await self._until(lambda: len(self._open) <= self._in_flight)
        turn = Turn(self)
        self._open.append(turn)
        return turn

    def stop(self) -> None:
        """Let all who wait see that the consumer stops."""
        self._wake()

    async def _enter(self, turn: "Turn") -> None:
        await self._until(lambda: self._may_enter(turn))
        turn.has_begun = turn.is_inside = True
        self._wake()  # the next one may begin, too

    def _leave(self, turn: "Turn", *, failed: bool) -> None:
        turn.is_inside = False
        turn.has_failed |= failed  # to its end: while its messages are tried one by one, nothing may come between
        self._wake()

    def _close(self, turn: "Turn") -> None:
        self._open.remove(turn)
        self._wake()

    def _may_enter(self, turn: "Turn") -> bool:
        earlier = self._open[: self._open.index(turn)]
        inside = sum(other.is_inside for other in self._open)
        if turn.has_failed:  # alone: what began upon it has to come back first, and must not overtake it again
            return not earlier and not inside
        in_order = all(other.has_begun and not other.has_failed for other in earlier)
        return in_order and inside < self._in_flight

    async def _until(self, is_true: Callable[[], bool]) -> None:
        while not self._stopping.is_set():
            if is_true():
                return
            await self._changed.wait()
        raise StoppingError

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Turn:
    """One read's turn. `async with turn` is one try of the handler.

    The first try begins once those of all earlier reads have. A try after a failed one is made alone: when the earlier
    reads are done and no other is in the handler; until its end no later read begins.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.has_begun = self.is_inside = self.has_failed = False

    async def __aenter__(self) -> None:
        """Wait for the turn; raise StoppingError when the consumer stops first."""
        await self._turns._enter(self)  # noqa: SLF001 - two halves of one thing

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the handler; an error lets no later read begin before this one has been tried again."""
        self._turns._leave(self, failed=error is not None)  # noqa: SLF001

    def close(self) -> None:
        """End the turn, however far it got."""
        self._turns._close(self)  # noqa: SLF001
