"""Fault points kill the process that the environment names, at the time it names, and nothing else."""

import os
import signal
import subprocess
import sys

import pytest

from shared.runtime.faults import VARIABLE

PROGRAM = (
    "from shared.runtime.faults import fault_point\n"
    "for number in range(3):\n"
    "    print(number, flush=True)\n"
    "    fault_point('service.before_commit')\n"
)


@pytest.mark.parametrize(
    ("wanted", "code", "printed"),
    [
        (None, 0, ["0", "1", "2"]),
        ("service.after_commit", 0, ["0", "1", "2"]),
        ("service.before_commit", -signal.SIGKILL, ["0"]),
        ("service.before_commit:3", -signal.SIGKILL, ["0", "1", "2"]),
        ("service.before_commit:4", 0, ["0", "1", "2"]),
    ],
)
def test_a_process_dies_at_the_point_that_is_named(wanted: str | None, code: int, printed: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if wanted is not None:
        environment[VARIABLE] = wanted

    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout.split()) == (code, printed)
