"""The demonstration as a newcomer runs it: a command, its last line, its exit status."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
NAMES = (
    *("events", "accepted", "duplicates", "quarantined", "transitions", "alerts", "mails", "verify_differences"),
    *("held", "released", "acknowledged", "audit_verified"),
)
LAST_LINE = re.compile("demo: " + " ".join(rf"{name}=(\d+)" for name in NAMES))

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]


def run_demo(
    *arguments: str, home: Path, user: int | None = None, python: Path = Path(sys.executable)
) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LD_LIBRARY_PATH": str(python.parents[1] / "lib"),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
    }
    return subprocess.run(
        [python, "-m", "datchuan.cli.main", "demo", *arguments],
        cwd=home,
        env=environment,
        user=user,
        group=user,
        extra_groups=[] if user is not None else None,
        capture_output=True,
        encoding="utf-8",
        timeout=140,
        check=False,
    )


def check(numbers: dict[str, int]) -> None:
    assert numbers["events"] == numbers["accepted"] + numbers["duplicates"] + numbers["quarantined"]
    assert numbers["duplicates"] == numbers["accepted"]
    assert min(numbers["transitions"], numbers["alerts"], numbers["mails"]) > 0
    assert numbers["verify_differences"] == 0
    assert numbers["held"] == numbers["released"] > 0
    assert numbers["acknowledged"] == 1
    assert numbers["audit_verified"] > numbers["mails"]


def test_the_demo_ends_with_its_line_and_status_0_and_leaves_nothing_behind(tmp_path: Path) -> None:
    result = run_demo(home=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    last = result.stdout.splitlines()[-1]
    match = LAST_LINE.fullmatch(last)
    assert match, last
    check(dict(zip(NAMES, map(int, match.groups()), strict=True)))
    assert "còn thiếu 17 nữ tham gia BHYT" in result.stdout
    assert "hạn xác nhận đã tiếp nhận: 17:00 ngày" in result.stdout
    assert "/ack/" in result.stdout
    assert "SYNTHETIC" in result.stdout
    assert "--keep DIR keeps them in DIR/mail" in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def home_of_nobody() -> Iterator[Path]:
    """A home that a user without rights may use; the folder of pytest is closed to others."""
    home = Path(tempfile.mkdtemp(prefix="datchuan-home-"))
    os.chown(home, NOBODY, NOBODY)
    yield home
    shutil.rmtree(home)


@pytest.fixture
def python_of_nobody(home_of_nobody: Path) -> Path:
    """An interpreter that any user may run: this one, or a copy of it when it lies in root's home."""
    if may_run(NOBODY, Path(sys.executable)):
        return Path(sys.executable)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base, copy = Path(sys.base_prefix), home_of_nobody / "python"
    (copy / "bin").mkdir(parents=True)
    shutil.copy2(base / "bin" / version, copy / "bin" / version)
    left_out = shutil.ignore_patterns("site-packages", "test", "tests", "idlelib", "config-*", "__pycache__")
    shutil.copytree(base / "lib" / version, copy / "lib" / version, ignore=left_out)
    for library in (base / "lib").glob("libpython*.so*"):
        shutil.copy2(library, copy / "lib" / library.name)
    return copy / "bin" / version


def may_run(user: int, program: Path) -> bool:
    try:
        probe = subprocess.run([program, "-c", ""], user=user, group=user, extra_groups=[], check=False)
    except OSError:
        return False
    return probe.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_demo_runs_for_a_normal_user_and_keeps_its_data_where_it_is_told(
    home_of_nobody: Path, python_of_nobody: Path
) -> None:
    kept = home_of_nobody / "kept"

    result = run_demo("--json", "--keep", str(kept), home=home_of_nobody, user=NOBODY, python=python_of_nobody)

    assert result.returncode == 0, result.stdout + result.stderr
    check(json.loads(result.stdout))
    assert f"The mails are in {kept / 'mail'}. Their links worked only while the demo ran." in result.stderr
    assert list((kept / "mail").rglob("*.eml")) != []
    assert kept.stat().st_uid == NOBODY
    assert (kept / "postgres").is_dir()


def test_a_day_on_which_the_story_has_no_ground_is_a_usage_error(tmp_path: Path) -> None:
    result = run_demo("--as-of", "2026-11-22", home=tmp_path)

    assert result.returncode == 2
    assert "2024-09-01 to 2025-06-30" in result.stderr
    assert "Traceback" not in result.stderr
