"""The suite as a command: its names and its goals."""

import argparse
from pathlib import Path

import pytest

from benchmarks import engine
from benchmarks.suite import GOALS, Suite, run_benchmarks
from benchmarks.yardstick import ask_oracle, workload


async def test_a_name_that_no_benchmark_has_is_told_before_anything_runs(tmp_path: Path) -> None:
    options = argparse.Namespace(only="engine,speed", workloads=tmp_path / "none")

    with pytest.raises(SystemExit, match="no benchmark is named speed; there are province, "):
        await run_benchmarks(options)

    assert not (tmp_path / "none").exists()


def test_every_goal_belongs_to_a_benchmark(tmp_path: Path) -> None:
    assert GOALS.keys() <= Suite(tmp_path, print).benchmarks.keys()


def test_the_engine_is_measured_beside_the_oracle(tmp_path: Path) -> None:
    small = workload(tmp_path, "province", 2_000)

    found = engine.run("engine", small, ask_oracle(small.path, "province"))

    assert found.wrong == ()
    assert found.figures["ratio"] > found.figures["ratio_with_decoding"] > 0
