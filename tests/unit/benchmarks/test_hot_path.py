"""The profile: samples become costs by function and layer."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.hot_path import Samples, costs_of, layer_of, module_of, most

ROOT = Path(__file__).resolve().parents[3]
DOMAIN = str(ROOT / "services/ingest/domain/normalize.py")
LIBRARY = "/x/site-packages/asyncpg/connection.py"


@pytest.mark.parametrize(
    ("file", "module", "layer"),
    [
        (DOMAIN, "services.ingest.domain.normalize", "services.ingest.domain"),
        (str(ROOT / "shared/runtime/consumer.py"), "shared.runtime.consumer", "shared.runtime"),
        (LIBRARY, "asyncpg", "asyncpg"),
        ("/x/site-packages/six.py", "six", "six"),
        ("/usr/lib/python3.12/asyncio/events.py", "stdlib", "stdlib"),
    ],
)
def test_a_file_belongs_to_a_module_and_a_layer(file: str, module: str, layer: str) -> None:
    assert module_of(file) == module
    assert layer_of(module_of(file)) == layer


def test_samples_share_the_cpu_time_and_a_library_names_who_called_it() -> None:
    samples = Samples(
        cpu_seconds=8.0,
        stacks=[(3, [(LIBRARY, "fetch"), (DOMAIN, "outer")]), (1, [(DOMAIN, "inner"), (DOMAIN, "outer")])],
    )

    costs = costs_of(samples)

    module = "services.ingest.domain.normalize"
    assert costs.own == {f"asyncpg fetch < {module} outer": 6.0, f"{module} inner": 2.0}
    assert costs.below == {f"{module} outer": 8.0, f"{module} inner": 2.0}
    assert costs.layers == {"asyncpg": 6.0, "services.ingest.domain": 2.0}


BUSY = """
import os, signal, time

def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(100))

spin(0.2)
os.kill(os.getpid(), signal.SIGUSR1)
spin(0.3)
raise SystemExit(7)
"""


def test_the_sampler_counts_cpu_time_from_its_signal_on_and_keeps_the_exit_status(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(BUSY, encoding="utf-8")

    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.sampled", str(tmp_path), "-m", "busy"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
        check=False,
    )
    samples = msgspec.json.decode((tmp_path / "busy.json").read_bytes(), type=Samples)

    assert ran.returncode == 7
    assert 0.29 < samples.cpu_seconds < 0.45
    assert sum(count for count, _ in samples.stacks) > 10
    assert all("spin" in [name for _, name in stack] for _, stack in samples.stacks[:3])


def test_the_largest_costs_come_first() -> None:
    assert most({"a": 1.0, "b": 2.0}, 1) == [("b", 2.0)]
