"""Waiting for something to become true, with a deadline instead of a sleep."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
def until(
    condition: Callable[[], Awaitable[T]], timeout: float = ..., what: str = ..., interval: float = ...
) -> Coroutine[Any, Any, T]: ...


@overload
def until(
    condition: Callable[[], T], timeout: float = ..., what: str = ..., interval: float = ...
) -> Coroutine[Any, Any, T]: ...


def until(
    condition: Callable[[], Any], timeout: float = 10, what: str = "the condition", interval: float = 0.02
) -> Coroutine[Any, Any, Any]:
    """Return the condition's value once it is true; fail naming `what` and the last value after the timeout."""
    return _poll(condition, timeout, what, interval)


async def _poll(condition: Callable[[], Any], seconds: float, what: str, interval: float) -> Any:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if loop.time() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}; last value: {value!r}")
        await asyncio.sleep(interval)
