"""The life of a process: its loops run together, a signal ends them in order, a crash ends them all."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import structlog

from shared.runtime.tasks import end

_log = structlog.get_logger(__name__)


async def supervise(*coroutines: Coroutine[Any, Any, None], stop: asyncio.Event, drain_seconds: float = 10.0) -> None:
    """Run the loops until SIGTERM or SIGINT sets `stop`, or one crashes; raise SystemExit(1) after a crash.

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
    if _report(tasks):
        raise SystemExit(1)


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


def _report(tasks: set[asyncio.Task[None]]) -> bool:
    crashed = False
    for task in tasks:
        error = _failure(task)
        if error is not None:
            crashed = True
            _log.critical("a loop of the process crashed", loop=task.get_name(), exc_info=error)
    return crashed
