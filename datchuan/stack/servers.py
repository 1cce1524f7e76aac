"""The embedded servers of a stack: started, watched, and started again with their data when they die."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from datchuan.stack.supervisor import next_delay
from shared.embedded.errors import EmbeddedServerError

_LOOK_SECONDS = 0.25
Report = Callable[[str], None]


class Server(Protocol):
    """An embedded server."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        ...

    def start(self) -> str:
        """Start the server and return its URL."""
        ...

    def stop(self) -> None:
        """End the server; its data stays."""
        ...


class ServerKeeper:
    """Keeps one server running until it is stopped."""

    def __init__(self, name: str, server: Server, report: Report) -> None:
        self._name = name
        self._server = server
        self._report = report
        self._watcher: asyncio.Task[None] | None = None

    @property
    def server(self) -> Server:
        """The server that is kept."""
        return self._server

    async def start(self) -> str:
        """Start the server, begin to watch it, and return its URL."""
        url = await asyncio.to_thread(self._server.start)
        self._watcher = asyncio.create_task(self._watch(), name=f"watch {self._name}")
        return url

    async def stop(self) -> None:
        """End the server."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await asyncio.to_thread(self._server.stop)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Keep the server down inside the block; afterwards it is started with its data and watched again."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    async def _watch(self) -> None:
        clock = asyncio.get_running_loop().time
        delay, born = 0.0, clock()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._server.pid is not None:
                continue
            delay = next_delay(delay, clock() - born)
            self._report(f"{self._name} ended; restarting in {delay:.1f} s with its data")
            await asyncio.sleep(delay)
            try:
                await asyncio.to_thread(self._server.start)
            except EmbeddedServerError as error:
                self._report(f"{self._name} did not start: {error}")
            born = clock()
