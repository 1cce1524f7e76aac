"""One child process: its log, its end with its parent, and how it is stopped."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class ChildProcess:
    """A process that logs to a file, dies with its parent and is stopped by its own id; `starts` counts its lives."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = tuple(command)
        self._environment = dict(environment)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._past: list[asyncio.subprocess.Process] = []
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """The id of the running process, None when it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def ends(self) -> tuple[int, ...]:
        """How each life has ended so far, the first life first: the exit status, negative for a signal."""
        lives = (*self._past, self._process)
        return tuple(life.returncode for life in lives if life is not None and life.returncode is not None)

    @property
    def log(self) -> Path:
        """The file that holds what the process wrote."""
        return self._log

    async def start(self, more_environment: Mapping[str, str] | None = None) -> None:
        """Start the process, with `more_environment` for this one life; its output is appended to the log."""
        self.starts += 1
        if self._process is not None:
            self._past.append(self._process)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env={**self._environment, **(more_environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_death_wish(),
            )

    async def wait(self) -> int:
        """Wait for the end of the process and return its status."""
        if self._process is None:
            return 0
        return await self._process.wait()

    async def stop(self, grace_seconds: float) -> None:
        """Ask the process to end, and kill it when it has not after `grace_seconds`."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), grace_seconds)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the process without warning, as a crash does, and wait until it is gone."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    def last_lines(self, count: int = 5) -> str:
        """Return the last lines of the log, for an error message."""
        try:
            text = self._log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-count:])


def _death_wish() -> Callable[[], None] | None:
    """Return what the child runs before its program so that the kernel ends it with its parent (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def wish() -> None:
        # SIGKILL, not SIGTERM: the database dies at the same moment, so there is nothing left to drain into.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return wish
