"""The data folder of a stack: where everything lies, who runs on it, and how commands find a running one."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


class FolderInUseError(Exception):
    """Another stack runs on this data folder."""


@dataclass(frozen=True)
class Addresses:
    """Where the parts of a running stack listen; `database_url` holds the password."""

    pid: int
    database_url: str
    redis_url: str
    ingest_url: str
    evaluator_url: str
    notifier_url: str
    smtp_port: int | None = None
    clock_offset_days: int = 0
    catalog: str | None = None
    partitions: int = 1


class DataFolder:
    """The files of one stack below one folder; what is secret is readable by its owner only."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self.postgres = self.root / "postgres"
        self.valkey = self.root / "valkey"
        self.logs = self.root / "logs"
        self.mail = self.root / "mail"
        self.tokens = self.root / "tokens"
        self.secrets = self.root / "secrets"
        self._state = self.root / "stack.json"

    def create(self) -> None:
        """Make the folders that are missing."""
        # Others may pass through to the database's own folder (root must run it as another user), not look around.
        self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
        for folder in (self.logs, self.mail, self.tokens, self.secrets):
            folder.mkdir(mode=0o700, exist_ok=True)

    def token_file(self, source: str) -> Path:
        """Return where the bearer token of a source is kept."""
        return self.tokens / f"{source}.token"

    def save_token(self, source: str, token: str) -> None:
        """Keep the bearer token of a source for the commands of this machine."""
        _write_private(self.token_file(source), token + "\n")

    def secret_file(self, name: str) -> Path:
        """Return the file of a secret of this folder's services, made when there is none yet."""
        path = self.secrets / name
        if not path.exists():
            # Written beside and renamed: a full disk never leaves an empty secret behind.
            fresh = path.with_suffix(".new")
            _write_private(fresh, secrets.token_urlsafe(48) + "\n")
            fresh.rename(path)
        return path

    def announce(self, addresses: Addresses) -> None:
        """Write down where the stack listens."""
        _write_private(self._state, json.dumps(asdict(addresses), indent=2) + "\n")

    def withdraw(self) -> None:
        """Take back what `announce` wrote."""
        self._state.unlink(missing_ok=True)

    def running(self) -> Addresses | None:
        """Return where the stack of this folder listens, or None when none runs."""
        try:
            addresses = Addresses(**json.loads(self._state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return addresses if _is_alive(addresses.pid) else None

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Hold the folder for one stack; FolderInUseError when another holds it."""
        self.create()
        with (self.root / "lock").open("a", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise FolderInUseError(f"another stack runs on {self.root}") from error
            yield


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
