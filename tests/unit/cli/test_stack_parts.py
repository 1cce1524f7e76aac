"""The parts of the embedded stack that need no server."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from datchuan.stack.environment import service_environment, unless_set, without_settings
from datchuan.stack.folder import Addresses, DataFolder, FolderInUseError
from datchuan.stack.ports import LOOPBACK, port_or_free
from datchuan.stack.process import ChildProcess
from datchuan.stack.readiness import NotReadyError, wait_until_listening, wait_until_ready
from datchuan.stack.servers import ServerKeeper
from datchuan.stack.stack import Stack, StackOptions
from datchuan.stack.supervisor import Supervisor
from services.notifier.domain.links import MIN_SECRET_BYTES
from shared.embedded.ports import free_port
from shared.testing.polling import until

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def addresses(pid: int) -> Addresses:
    return Addresses(pid, "postgresql://x", "redis://x", "http://i", "http://e", "http://n")


def child(tmp_path: Path, command: list[str]) -> ChildProcess:
    return ChildProcess("child", command, ENVIRONMENT, tmp_path / "child.log")


def test_a_folder_tells_where_its_stack_listens_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.create()

    folder.announce(addresses(os.getpid()))

    assert folder.running() == addresses(os.getpid())
    assert (folder.root / "stack.json").stat().st_mode & 0o077 == 0


def test_a_stack_that_died_is_not_running(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.create()

    folder.announce(addresses(2**22 + 1))

    assert folder.running() is None


def test_a_folder_holds_one_stack_at_a_time(tmp_path: Path) -> None:
    with DataFolder(tmp_path).reserved(), pytest.raises(FolderInUseError), DataFolder(tmp_path).reserved():
        pass


def test_a_folder_is_free_again_after_its_stack(tmp_path: Path) -> None:
    with DataFolder(tmp_path).reserved():
        pass

    with DataFolder(tmp_path).reserved():
        assert (tmp_path / "logs").is_dir()


def test_a_saved_token_is_private(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.create()

    folder.save_token("hmis", "dcn_x")

    assert folder.token_file("hmis").stat().st_mode & 0o077 == 0


def test_a_secret_is_made_once_is_long_enough_and_is_private(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.create()

    file = folder.secret_file("link_secret")
    made = file.read_text(encoding="utf-8")

    assert folder.secret_file("link_secret").read_text(encoding="utf-8") == made
    assert folder.secret_file("other").read_text(encoding="utf-8") != made
    assert len(made.strip()) >= MIN_SECRET_BYTES
    assert [path.stat().st_mode & 0o077 for path in (folder.secrets, file)] == [0, 0]


def test_a_value_or_a_file_of_the_operator_stays() -> None:
    wanted = {"LINK_SECRET_FILE": "/made", "PUBLIC_URL": "http://127.0.0.1:8082"}

    assert unless_set({"HOME": "/h"}, wanted) == wanted
    assert unless_set({"DATCHUAN_LINK_SECRET_FILE": "/own"}, wanted) == {"PUBLIC_URL": "http://127.0.0.1:8082"}
    assert unless_set({"DATCHUAN_LINK_SECRET": "own", "DATCHUAN_PUBLIC_URL": "https://x"}, wanted) == {}


def test_what_the_stack_decides_wins_over_the_environment() -> None:
    inherited = {"DATCHUAN_PORT": "1", "DATCHUAN_DATABASE_URL_FILE": "/x", "DATCHUAN_LOG_LEVEL": "DEBUG"}

    made = service_environment(inherited, {"PORT": "2", "DATABASE_URL": "postgresql://x"})

    assert made["DATCHUAN_PORT"] == "2"
    assert made["DATCHUAN_LOG_LEVEL"] == "DEBUG"
    assert "DATCHUAN_DATABASE_URL_FILE" not in made


def test_the_services_are_found_from_any_folder() -> None:
    path = service_environment({"PYTHONPATH": "/other"}, {})["PYTHONPATH"].split(os.pathsep)

    assert (Path(path[0]) / "services" / "__init__.py").exists()
    assert path[1:] == ["/other"]


def test_the_settings_of_the_operator_can_be_left_out() -> None:
    assert without_settings({"DATCHUAN_CATALOG": "/x", "HOME": "/h"}) == {"HOME": "/h"}


async def test_a_busy_port_is_replaced_by_a_free_one() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), LOOPBACK, 0)
    busy = server.sockets[0].getsockname()[1]

    async with server:
        assert port_or_free(busy) != busy


async def test_a_stack_says_which_port_it_had_to_change(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), LOOPBACK, 0)
    busy, free = server.sockets[0].getsockname()[1], free_port()

    async with server:
        ports = {"ingest": busy, "evaluator": free}
        stack = Stack(DataFolder(tmp_path), StackOptions(ports=ports), lambda _line: None)

    assert set(stack.moved) == {"ingest"}
    assert stack.moved["ingest"][0] == busy
    assert stack.url("ingest") == f"http://{LOOPBACK}:{stack.moved['ingest'][1]}"


async def test_a_stopped_process_is_gone(tmp_path: Path) -> None:
    process = child(tmp_path, SLEEPER)
    await process.start()
    pid = process.pid
    assert pid is not None

    await process.stop(grace_seconds=10)

    assert process.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_process_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    process = child(tmp_path, STUBBORN)
    await process.start()
    await until(lambda: "up" in process.last_lines(), what="the process runs")

    await process.stop(grace_seconds=0.2)

    assert await process.wait() == -signal.SIGKILL


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel of Linux ends children with their parent")
async def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; from pathlib import Path; from datchuan.stack.process import ChildProcess\n"
        f"child = ChildProcess('c', {SLEEPER!r}, {ENVIRONMENT!r}, Path({str(tmp_path / 'c.log')!r}))\n"
        "async def main():\n"
        "    await child.start(); print(child.pid, flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    environment = service_environment(ENVIRONMENT, {})
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())

    parent.kill()
    await parent.wait()

    await until(lambda: not is_running(pid), what="the child ends")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_a_process_that_was_killed_is_started_again_and_told_about(tmp_path: Path) -> None:
    reports: list[str] = []
    supervisor = Supervisor(reports.append)
    process = child(tmp_path, SLEEPER)
    await supervisor.add(process)
    first = process.pid
    assert first is not None

    os.kill(first, signal.SIGKILL)
    await until(lambda: process.pid not in (None, first), what="the process runs again")
    await supervisor.stop()

    assert supervisor.restarts == 1
    assert "child ended with status -9" in reports[0]
    assert process.pid is None


async def test_a_process_that_ends_again_and_again_is_given_up_with_its_log(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda _line: None)
    process = child(tmp_path, [sys.executable, "-c", "raise SystemExit('DATCHUAN_PORT=99999: wrong')"])
    await supervisor.add(process)

    with pytest.raises(NotReadyError, match="DATCHUAN_PORT=99999: wrong"):
        await wait_until_ready(process, f"http://{LOOPBACK}:{free_port()}", timeout_seconds=30)
    await supervisor.stop()


async def test_waiting_in_vain_names_the_process(tmp_path: Path) -> None:
    process = child(tmp_path, SLEEPER)
    await process.start()

    with pytest.raises(NotReadyError, match="child was not ready"):
        await wait_until_listening(process, LOOPBACK, free_port(), timeout_seconds=0.3)
    await process.stop(grace_seconds=10)


async def test_a_halted_process_stays_down_and_is_resumed_with_an_environment_for_one_life(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda _line: None)
    process = child(tmp_path, [sys.executable, "-c", "import os, sys; sys.exit(int(os.environ.get('STATUS', '7')))"])
    await supervisor.add(process)
    first = await supervisor.halt("child")
    lives = process.starts

    await supervisor.resume("child", {"STATUS": "3"})
    await until(lambda: process.starts > lives + 1, what="the next life begins")
    await supervisor.stop()

    assert first in {7, -signal.SIGTERM}
    assert process.ends[lives] == 3
    assert 3 not in process.ends[lives + 1 :]


async def test_a_crashed_process_ends_by_sigkill_and_stays_down_until_it_is_resumed(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda _line: None)
    process = child(tmp_path, STUBBORN)
    await supervisor.add(process)
    await until(lambda: "up" in process.last_lines(), what="the process runs")

    await supervisor.crash(process.name)

    assert process.ends == (-signal.SIGKILL,)
    assert supervisor.restarts == 0
    await supervisor.resume(process.name)
    assert process.pid is not None
    await supervisor.crash(process.name)


async def test_a_removed_process_is_gone_for_good(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda _line: None)
    process = child(tmp_path, SLEEPER)
    await supervisor.add(process)

    status = await supervisor.remove("child")

    assert status == -signal.SIGTERM
    assert supervisor.children == ()
    assert process.pid is None


class PretendedServer:
    """A server that does nothing but run."""

    pid: int | None = None
    starts = 0

    def start(self) -> str:
        self.starts += 1
        self.pid = self.starts
        return "url"

    def stop(self) -> None:
        self.pid = None


async def test_a_server_that_is_sent_away_stays_down_and_is_started_again_and_watched(tmp_path: Path) -> None:
    server = PretendedServer()
    keeper = ServerKeeper("pretended", server, lambda _line: None)
    await keeper.start()

    async with keeper.away():
        away = server.pid
    back = server.pid
    server.pid = None  # it dies
    await until(lambda: server.pid, what="the keeper starts it again")
    await keeper.stop()

    assert (away, back, server.starts, server.pid) == (None, 2, 3, None)
