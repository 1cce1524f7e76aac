"""Waiting until the parts of a stack are ready."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from datchuan.stack.process import ChildProcess

_PAUSE_SECONDS = 0.1
_MOST_STARTS = 3
READY = "ready"


class NotReadyError(Exception):
    """A part of the stack did not become ready."""


async def wait_until_ready(child: ChildProcess, url: str, timeout_seconds: float) -> None:
    """Wait until `url`/readyz answers 200; NotReadyError tells what it said last, with the end of the log."""
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
        await _wait(child, lambda: _readiness(client, url), timeout_seconds)


async def wait_until_listening(child: ChildProcess, host: str, port: int, timeout_seconds: float) -> None:
    """Wait until something accepts connections on the port; NotReadyError shows the end of the log."""
    await _wait(child, lambda: _acceptance(host, port), timeout_seconds)


async def _wait(child: ChildProcess, look: Callable[[], Awaitable[str]], timeout_seconds: float) -> None:
    last = "no answer"
    try:
        async with asyncio.timeout(timeout_seconds):
            while True:
                last = await look()
                if last == READY:
                    return
                if child.starts > _MOST_STARTS:
                    raise NotReadyError(f"{child.name} ends again and again. Its log says:\n{child.last_lines()}")
                await asyncio.sleep(_PAUSE_SECONDS)
    except TimeoutError as error:
        raise NotReadyError(
            f"{child.name} was not ready after {timeout_seconds:.0f} s: {last}. Its log says:\n{child.last_lines()}"
        ) from error


async def _readiness(client: httpx.AsyncClient, url: str) -> str:
    try:
        answer = await client.get(f"{url}/readyz")
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    return READY if answer.status_code == httpx.codes.OK else answer.text


async def _acceptance(host: str, port: int) -> str:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return str(error)
    writer.close()
    await writer.wait_closed()
    return READY
