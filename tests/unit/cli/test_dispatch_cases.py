"""`datchuan dispatch test FILE`: cases that pass, differ or cannot be asked, all told, with three exit statuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from datchuan.cli.main import app

EXAMPLES = Path(__file__).parent / "dispatch_cases"
CASE: dict[str, Any] = {
    "name": "insurance", "unit": "06208", "at": "2024-10-15", "node": "15.1", "expect": {"lead": ["bhxh"]},
}  # fmt: skip


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["dispatch", "test", str(file), *arguments], env={"COLUMNS": "200"})


def outcome(tmp_path: Path, *cases: Any) -> tuple[int, list[dict[str, Any]]]:
    file = tmp_path / "cases.yaml"
    text = yaml.safe_dump({"cases": list(cases)}, allow_unicode=True).replace("'2024-10-15'", "2024-10-15")
    file.write_text(text, encoding="utf-8")
    result = run(file, "--json")
    return result.exit_code, json.loads(result.stdout)["cases"]


@pytest.mark.parametrize(("file", "cases"), [("cao-loc.yaml", 10), ("giang-thanh.yaml", 6)])
def test_the_example_cases_of_both_dispatches_pass(file: str, cases: int) -> None:
    """AM TestAmtoolRoutesTest."""
    result = run(EXAMPLES / file)

    assert result.exit_code == 0, result.stdout
    assert f"{cases} passed, 0 failed, 0 bad case(s)." in result.stdout


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        pytest.param({"expect": {"lead": ["ttyt"]}}, "lead: expected [ttyt], got [bhxh]", id="another lead"),
        pytest.param({"expect": {"lead": []}}, "lead: expected [], got [bhxh]", id="nobody expected"),
        pytest.param({"expect": {"lead": ["bhxh", "ttyt"]}}, "lead: expected [bhxh, ttyt], got [bhxh]", id="one more"),
        pytest.param({"gaps": ["no_lead"]}, "gaps: expected [no_lead], got []", id="a gap that is none"),
        pytest.param(
            {"addresses": ["a@b.example"]},
            "addresses: expected [a@b.example], got [bhxh.caoloc@langson.example]",
            id="another address",
        ),
    ],
)
def test_a_mismatch_is_shown_and_ends_with_status_1(tmp_path: Path, change: dict[str, Any], difference: str) -> None:
    """AM TestAmtoolRoutesTest: exit status 1 on a mismatch."""
    status, cases = outcome(tmp_path, CASE, CASE | change)

    assert status == 1
    assert [case["passed"] for case in cases] == [True, False]
    assert cases[1]["differences"] == [difference]


def test_every_bad_case_is_told_and_the_good_ones_are_still_run(tmp_path: Path) -> None:
    """AM TestAmtoolSilenceImportPartialFailure: each bad record is reported, the others are used."""
    bad = [
        CASE | {"unit": "99999"},
        CASE | {"node": "99.9"},
        CASE | {"sector": "health"},
        CASE | {"expct": {}},
        CASE | {"expect": {"leader": ["bhxh"]}},
        CASE | {"gaps": ["nonsense"]},
        "no case",
    ]

    status, cases = outcome(tmp_path, *bad, CASE, CASE | {"expect": {"lead": []}})

    assert status == 2
    assert [bool(case["problems"]) for case in cases] == [True] * len(bad) + [False, False]
    assert [case["passed"] for case in cases[-2:]] == [True, False]
    assert "99999" in cases[0]["problems"][0]
    assert "not counted by sector" in cases[2]["problems"][0]
    assert "expct" in cases[3]["problems"][0]


@pytest.mark.parametrize("text", ["", "cases: []", "cases: {a: b}", "- 1", "cases: ["], ids=str)
def test_a_file_without_cases_is_a_usage_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(text, encoding="utf-8")

    result = run(file)

    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere.yaml")

    assert result.exit_code == 2
    assert "nowhere.yaml" in result.stderr


def test_an_unknown_key_beside_the_cases_is_told(tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text("case: 1\ncases: [{name: a, unit: '06208', at: 2024-10-15, node: '15.1'}]", encoding="utf-8")

    result = run(file)

    assert result.exit_code == 2
    assert "case is not a known key" in result.stdout
