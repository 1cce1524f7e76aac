"""Keeps child processes running: one that ends is started again, later each time it ends young."""

import asyncio
from collections.abc import Callable, Mapping

from datchuan.stack.process import ChildProcess

FIRST_DELAY_SECONDS = 0.2
LAST_DELAY_SECONDS = 10.0
OLD_AGE_SECONDS = 30.0

Report = Callable[[str], None]


def next_delay(previous: float, lived_seconds: float) -> float:
    """Return how long to wait before a restart: doubled each time, back to the first after a long life.

    >>> next_delay(0.0, 1.0), next_delay(0.2, 1.0), next_delay(10.0, 1.0), next_delay(10.0, 60.0)
    (0.2, 0.4, 10.0, 0.2)
    """
    if previous == 0.0 or lived_seconds >= OLD_AGE_SECONDS:
        return FIRST_DELAY_SECONDS
    return min(previous * 2, LAST_DELAY_SECONDS)


class Supervisor:
    """Watches child processes and restarts those that end; stops them in the reverse order of their start."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._children: list[ChildProcess] = []
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self.restarts = 0

    @property
    def children(self) -> tuple[ChildProcess, ...]:
        """The watched processes in the order of their start."""
        return tuple(self._children)

    def child(self, name: str) -> ChildProcess:
        """Return the process of this name, whether it runs or is halted."""
        return next(child for child in self._children if child.name == name)

    async def add(self, child: ChildProcess) -> None:
        """Start a process and keep it running."""
        self._children.append(child)
        await self.resume(child.name)

    async def halt(self, name: str, grace_seconds: float = 10.0) -> int:
        """Stop one process, leave it down, and return its exit status."""
        child = self.child(name)
        await self._stop_one(child, grace_seconds)
        return child.ends[-1]

    async def crash(self, name: str) -> None:
        """Kill one process without warning, as a host that vanishes, and leave it down."""
        await self._unwatch(name)
        await self.child(name).kill()

    async def resume(self, name: str, more_environment: Mapping[str, str] | None = None) -> None:
        """Start a process that is down and keep it running; `more_environment` is for this one life only."""
        child = self.child(name)
        await child.start(more_environment)
        self._watchers[name] = asyncio.create_task(self._watch(child), name=f"watch {name}")

    async def remove(self, name: str) -> int:
        """Stop one process for good and return its exit status."""
        status = await self.halt(name)
        self._children.remove(self.child(name))
        return status

    async def stop(self, grace_seconds: float = 10.0) -> None:
        """Stop all processes, the last started first."""
        for child in reversed(self._children):
            await self._stop_one(child, grace_seconds)
        self._children.clear()

    async def _stop_one(self, child: ChildProcess, grace_seconds: float) -> None:
        await self._unwatch(child.name)
        await child.stop(grace_seconds)

    async def _unwatch(self, name: str) -> None:
        watcher = self._watchers.pop(name, None)
        if watcher is not None:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)

    async def _watch(self, child: ChildProcess) -> None:
        clock = asyncio.get_running_loop().time
        delay = 0.0
        while True:
            started = clock()
            status = await child.wait()
            delay = next_delay(delay, clock() - started)
            self._report(f"{child.name} ended with status {status}; restarting in {delay:.1f} s (log: {child.log})")
            await asyncio.sleep(delay)
            await child.start()
            self.restarts += 1
