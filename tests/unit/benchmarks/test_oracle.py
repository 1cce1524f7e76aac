"""The yardstick: the known answers of workload v1, from the oracle and from the engine alone."""

import json
from pathlib import Path

import pytest

from benchmarks import oracle
from benchmarks.engine import run_engine
from benchmarks.generator import write_workload
from benchmarks.hashes import final_hash, place_row, transition_line, transitions_hash

FINAL_8K, TRANSITIONS_8K = "44d13a1b4a6b3067", "7f148cb28641a8db"


@pytest.fixture(scope="module")
def eight_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8,000 reports of a province."""
    path = tmp_path_factory.mktemp("workload") / "p8k.jsonl"
    write_workload("province", 8_000, 1, path)
    return path


def test_the_oracle_gives_the_known_answers(eight_thousand: Path) -> None:
    found = oracle.run(eight_thousand, "province", {})

    assert (found.final_hash, found.transitions_hash) == (FINAL_8K, TRANSITIONS_8K)
    assert (found.events, found.malformed, found.stale, found.transitions) == (8_000, 46, 89, 2_875)
    assert found.distinct == 7_873


def test_the_engine_alone_gives_the_known_answers(eight_thousand: Path) -> None:
    found = run_engine(eight_thousand, "province")

    assert (found.final_hash, found.transitions_hash) == (FINAL_8K, TRANSITIONS_8K)
    assert found.events == 8_000 - 46


def test_raised_targets_change_the_answers(eight_thousand: Path) -> None:
    found = oracle.run(eight_thousand, "province", {"14.4": 75})

    assert found.final_hash != FINAL_8K
    assert found.malformed == 46


SOUND = {
    "id": "e1",
    "source": "hmis",
    "commune": "X00001",
    "period": "2026-01",
    "observed_at": "2026-01-01T00:00:00.000Z",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"commune": "X99999", "indicator": "15.2", "value": 1},
        {"indicator": "99.9", "value": 1},
        {"indicator": "15.2", "value": 2},
        {"indicator": "18.5", "value": -1},
        {"indicator": "14.3", "value": 1},
        {"indicator": "14.3", "numerator": 1, "denominator": 0},
        {"indicator": "15.4", "numerator": 3, "denominator": 2},
        {"indicator": "17.9", "sector": "unknown", "numerator": 1, "denominator": 2},
        {"indicator": "15.2", "value": 1, "observed_at": "2026-01-01"},
    ],
)
def test_the_oracle_counts_what_is_malformed_and_applies_none_of_it(changes: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(SOUND | changes) + "\n", encoding="utf-8")

    found = oracle.run(path, "province", {})

    assert (found.malformed, found.transitions) == (1, 0)


def test_the_oracle_counts_a_line_that_breaks_off_as_malformed(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(SOUND | {"indicator": "15.2", "value": 1})[:-25] + "\n", encoding="utf-8")

    assert oracle.run(path, "province", {}).malformed == 1


def test_the_oracle_applies_a_sound_report(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(SOUND | {"indicator": "15.2", "value": 1}) + "\n", encoding="utf-8")

    found = oracle.run(path, "province", {})

    assert (found.malformed, found.transitions) == (0, 1)


def test_the_order_of_rows_does_not_matter_to_the_final_hash() -> None:
    assert final_hash(["b", "a"]) == final_hash(["a", "b"])


def test_the_order_within_a_commune_matters_to_the_transitions_hash_and_the_order_between_communes_does_not() -> None:
    up, down = transition_line("X1", "e1", "15.1", met=True), transition_line("X1", "e2", "15.1", met=False)
    other = transition_line("X2", "e3", "15.1", met=True)

    assert transitions_hash([up, other, down]) == transitions_hash([up, down, other])
    assert transitions_hash([up, down]) != transitions_hash([down, up])


def test_a_place_says_whether_all_its_communes_are_met() -> None:
    assert place_row("P00", 3, 3, 2) == "P|P00|3|3|2|1|0"
