"""The generated workload: the same bytes everywhere, with the faults that it promises."""

import hashlib
import itertools
import json
from pathlib import Path

import pytest

from benchmarks.generator import Generator, write_workload
from benchmarks.rules import CEILINGS, KEYS, NODE_MASKS, NODES

KNOWN = {
    ("province", 8_000): "4aecd66fb0c851a34c358bca0a9fa60906e0fdeca5f0e2bad29d810a02fbf702",
    ("province", 100_000): "8d250c1a1cf84e3bcb6946f226609044b5c998cd4c5fe4e4adff4c8020c77a6b",
}


@pytest.mark.parametrize(("scale_name", "events"), KNOWN)
def test_a_workload_is_the_same_bytes_on_every_machine(scale_name: str, events: int, tmp_path: Path) -> None:
    write_workload(scale_name, events, 1, tmp_path / "workload.jsonl")

    digest = hashlib.sha256((tmp_path / "workload.jsonl").read_bytes()).hexdigest()

    assert digest == KNOWN[scale_name, events]


def test_another_seed_makes_another_workload() -> None:
    assert list(Generator("province", 500, 1).lines()) != list(Generator("province", 500, 2).lines())


def test_a_workload_has_as_many_lines_as_were_asked_for() -> None:
    assert len(list(Generator("national", 1_234, 7).lines())) == 1_234


def test_about_one_line_in_a_hundred_comes_twice_and_some_come_late() -> None:
    lines = list(Generator("province", 20_000, 1).lines())

    repeated = len(lines) - len(set(lines))
    ids = [int(line.split('"e', 1)[1][:9]) for line in dict.fromkeys(lines)]
    late = sum(one > other for one, other in itertools.pairwise(ids))

    assert 0.008 < repeated / len(lines) < 0.012
    assert late > 100


def test_nearly_every_figure_of_a_small_scale_comes_before_any_comes_again() -> None:
    reports = [json.loads(line) for line in Generator("province", 8_000, 1).lines() if line.endswith("}")]

    first = [(r["commune"], r["indicator"], r.get("sex"), r.get("sector")) for r in reports[: 200 * len(KEYS)]]

    # Duplicates come in between, and a late or damaged report leaves its figure for the second round.
    assert len(set(first)) > 0.97 * len(first)


def test_the_rules_are_sixteen_keys_in_fifteen_verdicts() -> None:
    every_key = (1 << 16) - 1

    assert len(KEYS) == 16
    assert CEILINGS == (240, 220, 190, 200, 280, 150, 205)
    assert dict(zip(NODES, NODE_MASKS, strict=True))["NC"] == every_key
    assert dict(zip(NODES, NODE_MASKS, strict=True))["17.9"] == 0b1110_0000
