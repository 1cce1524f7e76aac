"""`datchuan up` as an operator runs it: data kept between runs, a clean end, nothing left behind by a kill."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from datchuan.stack.folder import DataFolder
from shared.testing.polling import until

ROOT = Path(__file__).resolve().parents[2]
REPORT = {
    "id": "report-1",
    "commune": "06208",
    "indicator": "bhyt_coverage",
    "sex": "female",
    "period": "202409",
    "numerator": 973,
    "denominator": 1_100,
    "observed_at": "2024-10-01T00:00:00Z",
}

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def command(data: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(data), "DATCHUAN_DATA": str(data)}
    return [sys.executable, "-m", "datchuan.cli.main", *arguments], environment


def run(data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    line, environment = command(data, *arguments)
    return subprocess.run(line, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False)


@contextmanager
def up(data: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    line, environment = command(data, "up", "--as-of", "2024-10-15")
    with (data.parent / "up.log").open("ab") as log:
        process = subprocess.Popen(line, env=environment | settings, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


async def is_up(data: Path) -> None:
    await until(lambda: DataFolder(data).running() is not None, timeout=60, what="the stack runs")


def female_cell(data: Path) -> dict[str, object]:
    verdicts = json.loads(run(data, "status", "Xã Thụy Hùng", "--json").stdout)["verdicts"]
    node = next(verdict for verdict in verdicts if verdict["node"] == "xa_ntm/15.1")
    cells: list[dict[str, object]] = node["cells"]
    return next(cell for cell in cells if cell["cell"] == "female")


def counts(data: Path) -> object:
    return {**json.loads(run(data, "status", "--json").stdout), "notifier": None}


async def test_what_is_imported_is_judged_and_is_still_there_after_a_restart(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "report.json"
    file.write_text(json.dumps(REPORT), encoding="utf-8")
    with up(data):
        await is_up(data)
        first = run(data, "import", str(file), "--json")
        again = run(data, "import", str(file), "--json")
        await until(lambda: female_cell(data)["status"] == "not_met", timeout=20, what="the report is judged")
        counted = counts(data)
        second_stack = run(data, "up")

    with up(data, DATCHUAN_PARTITIONS="4"):  # the same data, dealt to four partitions from now on
        await is_up(data)
        await until(lambda: counts(data) == counted, timeout=20, what="each commune is counted once again")
        divided = DataFolder(data).running()
        cell = female_cell(data)
        explained = run(data, "explain", "Xã Thụy Hùng", "15.1")
        overview = run(data, "status")
        verified = run(data, "verify", "--json")

    assert json.loads(first.stdout)["accepted"] == 1, first.stderr
    assert json.loads(again.stdout)["duplicates"] == 1
    assert second_stack.returncode == 1
    assert "another stack runs on" in second_stack.stderr
    assert divided is not None
    assert divided.partitions == 4
    assert cell["gap"] == 17
    assert "nữ: 88,45 % (973/1.100), kỳ 01/09/2024 – 30/09/2024, còn thiếu 17" in explained.stdout, explained.stderr
    assert "report-1" in explained.stdout
    assert overview.stdout.index("Tỉnh Lạng Sơn") < overview.stdout.index("Huyện Cao Lộc")
    assert f"export DATCHUAN_DATA={data}" in (data.parent / "up.log").read_text(encoding="utf-8")
    assert json.loads(verified.stdout)["differences"] == 0
    assert verified.returncode == 0


async def test_an_interrupt_ends_it_with_status_0_and_no_process_is_left(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data) as process:
        await is_up(data)
        process.send_signal(signal.SIGINT)
        status = process.wait(30)

    assert status == 0
    assert DataFolder(data).running() is None
    assert processes_of(data) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel of Linux ends children with their parent")
async def test_a_killed_stack_leaves_no_process_and_starts_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data) as process:
        await is_up(data)
        process.kill()
        process.wait(30)
        await until(lambda: processes_of(data) == [], timeout=20, what="the children end with their parent")

    with up(data):
        await is_up(data)

        assert run(data, "status").returncode == 0


def processes_of(data: Path) -> list[str]:
    """The running processes that have the folder in their command line or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            seen = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            is_dead = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            continue
        if entry.name.isdigit() and int(entry.name) != os.getpid() and os.fsencode(data) in seen and not is_dead:
            found.append(entry.name)
    return found
