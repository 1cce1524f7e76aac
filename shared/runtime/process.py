"""The life of a process: its loops run together, a signal ends them in order, a crash ends them all."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import structlog

from shared.runtime.errors import DatchuanError
from shared.runtime.tasks import end

_log = structlog.get_logger(__name__)


async def supervise(*coroutines: Coroutine[Any, Any, None], stop: asyncio.Event, drain_seconds: float = 10.0) -> None:
    """Run the loops until SIGTERM or SIGINT sets `stop`, or one fails; raise SystemExit(1) after a crash.

    A DatchuanError is no crash: it says by itself what is wrong and what to do, so it is raised to the caller.

    Every loop is expected to watch `stop` and to end by itself once its work in hand is finished. Those that have not
    ended `drain_seconds` later are cancelled. A second signal cancels at once.
    """
    loop = asyncio.get_running_loop()
    tasks = {asyncio.create_task(coroutine, name=getattr(coroutine, "__qualname__", None)) for coroutine in coroutines}

    def on_signal(number: signal.Signals) -> None:
        _log.info("signal received, draining", signal=number.name)
        if stop.is_set():
            _cancel(tasks)
        stop.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, on_signal, number)
    try:
        await _watch(tasks, stop)
        stop.set()
        if tasks:
            await asyncio.wait(tasks, timeout=drain_seconds)
    finally:
        await end(tasks)
        for number in signals:
            loop.remove_signal_handler(number)
    _raise_failures(tasks)


async def _watch(tasks: set[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """Return once `stop` is set, all loops have ended, or one has crashed."""
    stopping = asyncio.create_task(stop.wait())
    running = set(tasks)
    try:
        while running and not stop.is_set():
            done, _ = await asyncio.wait({*running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            running -= {task for task in running if task in done}
            if any(_failure(task) is not None for task in tasks if task.done()):
                return
    finally:
        stopping.cancel()


def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        if not task.done():
            task.cancel()


def _failure(task: asyncio.Task[None]) -> BaseException | None:
    return None if task.cancelled() else task.exception()


def _raise_failures(tasks: set[asyncio.Task[None]]) -> None:
    told: list[DatchuanError] = []
    crashed = False
    for task in tasks:
        error = _failure(task)
        if error is None:
            continue
        sentence = _sentence_in(error)
        if sentence is not None:
            told.append(sentence)
            continue
        crashed = True
        _log.critical("a loop of the process crashed", loop=task.get_name(), exc_info=error)
    for error in told if crashed else told[1:]:
        _log.error("a loop of the process failed", error=str(error))
    if crashed:
        raise SystemExit(1)
    if told:
        raise told[0]


def _sentence_in(error: BaseException) -> DatchuanError | None:
    """Return the error that tells the operator what to do: itself, or the only kind in a group; None for a bug."""
    if isinstance(error, BaseExceptionGroup):
        found = [_sentence_in(inner) for inner in error.exceptions]
        return found[0] if all(found) else None
    return error if isinstance(error, DatchuanError) else None
