"""A server as a child process: it dies with its parent, logs to a file, and leaves a pid file for the next start."""

import ctypes
import fcntl
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO

from shared.embedded.errors import EmbeddedServerError
from shared.embedded.identity import AS_CALLER, Identity

_PR_SET_PDEATHSIG = 1
_TAIL_BYTES = 2_000
_POLL_SECONDS = 0.02
_Job = tuple[Callable[[], "subprocess.Popen[bytes]"], "Future[subprocess.Popen[bytes]]"]


class Child:
    """One server process in a folder that only one launcher uses at a time."""

    def __init__(self, folder: Path, name: str, death_signal: signal.Signals) -> None:
        self.folder = folder
        self.log_path = folder / f"{name}.log"
        self._name = name
        self._death_signal = death_signal
        self._pid_path = folder / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def lock(self) -> None:
        """Take the folder for this launcher, and end a server that an earlier one left behind."""
        if self._lock is None:
            handle = (self.folder / f"{self._name}.lock").open("w", encoding="utf-8")
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                handle.close()
                raise EmbeddedServerError(
                    f"{self.folder} is in use by another process: stop it, or choose another folder."
                ) from error
            self._lock = handle
        self._end_orphan()

    def spawn(self, command: Sequence[str], identity: Identity = AS_CALLER) -> None:
        """Start the server; its output is appended to the log."""
        with self.log_path.open("ab") as log:

            def start() -> "subprocess.Popen[bytes]":
                return subprocess.Popen(  # noqa: S603 - the command is ours
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    start_new_session=True,  # Ctrl-C is for the launcher, which then stops its servers in order
                    user=identity.uid,
                    group=identity.gid,
                    extra_groups=[] if identity.uid is not None else None,
                    preexec_fn=self._before_exec(identity),  # noqa: PLW1509 - see _spawn_from_a_lasting_thread
                )

            self._process = _spawn_from_a_lasting_thread(start)
        self._pid_path.write_text(f"{self._process.pid}\n", encoding="utf-8")

    def wait_until(self, is_ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Return once the server is ready; raise with the end of its log when it ends or takes too long."""
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            if self.pid is None:
                raise EmbeddedServerError(f"{self._name} ended at start. Its log says:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise EmbeddedServerError(
                    f"{self._name} was not ready within {timeout_seconds:g} s. Its log says:\n{self.log_tail()}"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self, number: signal.Signals, timeout_seconds: float) -> None:
        """Ask the server to end, kill it when it does not, and free the folder."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(number)
                try:
                    self._process.wait(timeout_seconds)
                except subprocess.TimeoutExpired:
                    self.kill()
            self._process = None
        self._pid_path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """Kill the server without a chance to clean up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log_tail(self) -> str:
        """Return the end of the log."""
        if not self.log_path.exists():
            return "(nothing)"
        return self.log_path.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip() or "(nothing)"

    def _before_exec(self, identity: Identity) -> Callable[[], None]:
        enter = identity.enter()
        if sys.platform != "linux":
            return enter
        prctl, number, parent = ctypes.CDLL(None).prctl, int(self._death_signal), os.getpid()

        def prepare() -> None:
            enter()
            prctl(_PR_SET_PDEATHSIG, number)  # a change of user clears it: last
            if os.getppid() != parent:
                os._exit(1)

        return prepare

    def _end_orphan(self) -> None:
        """End the server of a launcher that was killed where no death signal exists, or has not arrived yet."""
        try:
            pid = int(self._pid_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        deadline = time.monotonic() + 20
        while _is_server_of(pid, self.folder):
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"{self._name} (process {pid}) still runs in {self.folder}: stop it first.")
            os.kill(pid, self._death_signal)
            time.sleep(_POLL_SECONDS)


def _is_server_of(pid: int, folder: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        if sys.platform == "linux":
            return False
        command = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False).stdout  # noqa: S603, S607
    return os.fsencode(folder) in command


class _Spawner(threading.Thread):
    """A thread that lives as long as the process: the death signal fires when the *thread* that forked ends."""

    def __init__(self) -> None:
        super().__init__(name="spawner", daemon=True)
        self.jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()

    def run(self) -> None:
        """Start what is asked for, one after the other."""
        while True:
            start, future = self.jobs.get()
            try:
                future.set_result(start())
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
                future.set_exception(error)


_spawners: list[_Spawner] = []


def _spawn_from_a_lasting_thread(start: "Callable[[], subprocess.Popen[bytes]]") -> "subprocess.Popen[bytes]":
    if threading.current_thread() is threading.main_thread():
        return start()
    if not _spawners:
        _spawners.append(_Spawner())
        _spawners[0].start()
    future: Future[subprocess.Popen[bytes]] = Future()
    _spawners[0].jobs.put((start, future))
    return future.result()
