"""`datchuan template`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datchuan.cli.main import app

RUN = CliRunner()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of our own to write into."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATCHUAN_DATA", str(tmp_path / "data"))
    return tmp_path


def test_without_a_form_all_forms_are_listed() -> None:
    result = RUN.invoke(app, ["template", "--json"])

    assert [form["id"] for form in json.loads(result.stdout)] == [
        "an-toan-thuc-pham", "bhyt-so-the", "bhyt-xa", "chi-tieu", "thap-coi-y-te-so",
    ]  # fmt: skip
    assert "bhyt-xa" in RUN.invoke(app, ["template"]).stdout


def test_a_form_with_the_communes_of_a_district_on_a_day_is_written(folder: Path) -> None:
    result = RUN.invoke(app, ["template", "bhyt-xa", "--format", "csv", "--district", "183", "--on", "2024-09-30"])

    lines = (folder / "bhyt-xa.csv").read_text("utf-8-sig").splitlines()
    assert result.exit_code == 0
    assert len(lines) == 3 + 22
    assert lines[3] == "1;06184;Thị trấn Đồng Đăng;;;;;;"


def test_a_form_that_must_be_named_says_so() -> None:
    result = RUN.invoke(app, ["template", "bhyt-so-the", "--format", "csv"])

    assert "datchuan import --form bhyt-so-the" in result.output


def test_a_single_commune_is_found_by_its_name_and_the_file_by_its_suffix(folder: Path) -> None:
    result = RUN.invoke(app, ["template", "chi-tieu", "--out", "a.xlsx", "--commune", "06184", "--on", "2024-09-30"])

    assert "a.xlsx is the empty form chi-tieu" in result.output
    assert (folder / "a.xlsx").read_bytes().startswith(b"PK")


def test_the_name_of_a_district_is_not_taken_for_a_commune_of_the_same_name(folder: Path) -> None:
    arguments = ["template", "bhyt-xa", "--format", "csv", "--district", "Cao Lộc", "--on", "2024-09-30"]

    result = RUN.invoke(app, arguments)

    assert result.exit_code == 0, result.output
    assert len((folder / "bhyt-xa.csv").read_text("utf-8-sig").splitlines()) == 3 + 22


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bhyt"], "There is no form 'bhyt'"),
        (["bhyt-xa", "--out", "a.doc"], "neither .xlsx nor .csv"),
        (["bhyt-xa", "--out", "nowhere/a.csv"], "cannot be written"),
        (["bhyt-xa", "--district", "183", "--on", "2025-12-31"], "2025"),
        (["bhyt-xa", "--district", "06184", "--on", "2024-09-30"], "Name a province or district."),
    ],
)
def test_what_cannot_be_written_is_said_with_its_remedy(arguments: list[str], said: str) -> None:
    result = RUN.invoke(app, ["template", *arguments])

    assert result.exit_code != 0
    assert said in str(result.exception) + result.output
