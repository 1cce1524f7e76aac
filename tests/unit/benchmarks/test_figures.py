"""The arithmetic on what was measured, and how it is told."""

import json
from pathlib import Path

import pytest

from benchmarks.figures import Goal, Result, differing, median_of, percentile, spread_ms
from benchmarks.growth import compare
from benchmarks.processes import per_million
from benchmarks.report import page, save


def result(name: str = "province", **figures: float) -> Result:
    return Result(name, "what", figures)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([7.0], 0.99, 7.0), ([1.0, 2.0], 0.5, 1.0), (list(range(1, 101)), 0.99, 99), (list(range(1, 1001)), 0.999, 999)],
)
def test_a_percentile_is_a_measured_value(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_a_spread_is_told_in_milliseconds() -> None:
    assert spread_ms([0.0101, 0.02, 0.5]) == {"p50_ms": 20.0, "p99_ms": 500.0, "max_ms": 500.0}


def test_the_median_of_runs_is_a_run() -> None:
    runs = [result(speed=3.0), result(speed=1.0), result(speed=2.0)]

    assert median_of(runs, lambda run: run.figures["speed"]) is runs[2]


def test_a_goal_is_a_least_or_a_most() -> None:
    assert [Goal("x", 2.0).met_by(value) for value in (1.9, 2.0)] == [False, True]
    assert [Goal("x", 2.0, at_most=True).met_by(value) for value in (2.0, 2.1)] == [True, False]
    assert (str(Goal("x", 50_000)), str(Goal("x", 1.3, at_most=True))) == ("≥ 50,000", "≤ 1.3")


def test_every_wrong_answer_is_told() -> None:
    assert differing({"rows": 1, "hash": "a"}, {"rows": 2, "hash": "a"}) == ("rows is 2, not 1",)


def test_cpu_time_is_told_per_million_reports() -> None:
    assert per_million({"ingest": 2.0}, {"ingest": 3.0, "valkey": 0.5}, 500_000) == {"ingest": 2.0, "valkey": 1.0}


def test_growth_compares_time_and_time_per_event() -> None:
    def run(events: int, seconds: float, oracle: float) -> Result:
        details = {"events": events, "seconds": seconds, "oracle_events_per_s": oracle}
        return Result("run", "", {"cpu_s_per_million": 20.0}, details=details)

    grown = compare("growth", run(60_000, 1.0, 400_000), run(100_000, 2.0, 400_000), run(1_000_000, 18.0, 200_000))

    assert grown.figures == {"time_for_10x_events": 9.0, "time_per_event_for_16x_communes": 1.08}
    assert grown.details["oracle_time_for_10x_events"] == 20.0


def test_a_wrong_answer_in_a_run_is_a_wrong_answer_of_the_growth() -> None:
    details = {"events": 1, "seconds": 1.0, "oracle_events_per_s": 1.0}
    right = Result("run", "", {"cpu_s_per_million": 1.0}, details=details)
    wrong = Result("run", "", {"cpu_s_per_million": 1.0}, details=details, wrong=("final_hash is a, not b",))

    assert compare("growth", right, wrong, right).wrong == ("final_hash is a, not b",)


def test_the_saved_page_holds_every_figure_goal_and_wrong_answer(tmp_path: Path) -> None:
    measured = Result(
        name="province",
        what="a province",
        figures={"ratio": 0.19, "events_per_s": 51_000.0},
        goals=(Goal("ratio", 0.2), Goal("events_per_s", 50_000)),
        details={"cpu_s_per_million_by_process": {"ingest": 5.5}},
        wrong=("final_hash is a, not b",),
    )
    document = {
        "machine": {"cores": 2},
        "seconds": 9,
        "ok": False,
        "benchmarks": [measured.as_json()],
    }

    save(document, [measured], tmp_path)
    written = (tmp_path / "results.md").read_text(encoding="utf-8")

    assert written == page(document, [measured])
    assert "| province | ratio | 0.19 | ≥ 0.2 | no |" in written
    assert "|  | events_per_s | 51,000 | ≥ 50,000 | yes |" in written
    assert "final_hash is a, not b" in written
    assert "| province | 5.5 |" in written
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["benchmarks"][0]["ratio"] == 0.19
