"""`datchuan notify preview`: any message for any role, without sending; and the mails shown in docs/examples."""

import json
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from typer.testing import CliRunner, Result

from datchuan.cli.main import app

# Each file is what `datchuan notify preview` prints with these arguments; `--out FILE` writes it anew.
SHOWN = Path(__file__).parents[3] / "docs/examples"
BHXH = "--role lead --commune 06208 --chi-tieu 15.1 --at 2024-10-15"
DIGEST = (
    "--role consolidating --commune 06208 --commune 06190 --commune 06193 --chi-tieu 15.1 --chi-tieu 15.3 "
    "--at 2024-10-15"
)
ABOVE = "--role superior --notice escalated --commune 06208 --chi-tieu 15.1 --at 2024-10-15"
EXAMPLES = {
    "thu-don-vi-chu-tri.txt": BHXH,
    "thu-don-vi-chu-tri.html": f"{BHXH} --format html",
    "thu-van-phong-tong-hop.txt": DIGEST,
    "thu-van-phong-tong-hop.html": f"{DIGEST} --format html",
    "thu-bao-cao-cap-tren.txt": ABOVE,
    "thu-bao-cao-cap-tren.html": f"{ABOVE} --format html",
}


def preview(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["notify", "preview", *arguments], env={"COLUMNS": "200"})


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_mails_of_the_documentation_are_what_the_command_writes(tmp_path: Path, name: str) -> None:
    written = tmp_path / name

    result = preview(*EXAMPLES[name].split(), "--out", str(written))

    assert result.exit_code == 0, result.output
    assert written.read_text(encoding="utf-8") == (SHOWN / name).read_text(encoding="utf-8")


def test_a_preview_says_that_its_numbers_are_samples_and_that_nothing_is_sent() -> None:
    result = preview(*BHXH.split())

    assert result.exit_code == 0, result.output
    assert "*** BẢN XEM TRƯỚC, KHÔNG GỬI – SỐ LIỆU MINH HỌA" in result.stdout


def test_a_preview_as_json_is_the_body_of_a_webhook() -> None:
    document = json.loads(preview(*BHXH.split(), "--format", "json").stdout)

    assert document["schema_version"] == 1
    assert document["items"][0]["duties"][0]["role"] == "lead"
    assert "SỐ LIỆU MINH HỌA" in document["banner"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_commune_is_known_by_its_name_with_composed_and_with_loose_accents(form: Literal["NFC", "NFD"]) -> None:
    name = unicodedata.normalize(form, "Xã Thụy Hùng")

    result = preview("--commune", name, "--chi-tieu", "15.1", "--at", "2024-10-15")

    assert result.exit_code == 0, result.output
    assert unicodedata.is_normalized("NFC", result.stdout)
    assert "Xã Thụy Hùng" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param("", "Give --commune and --chi-tieu, or --alert", id="nothing asked for"),
        pytest.param(
            "--commune 06208 --chi-tieu 17.10 --at 2024-10-15", "nobody has the role lead", id="a role nobody has"
        ),
        pytest.param(
            "--commune 06208 --chi-tieu 15.1 --sector health --at 2024-10-15", "Leave --sector out", id="a wrong option"
        ),
        pytest.param(
            "--commune 06208 --chi-tieu 15.1 --chi-tieu 15.3 --at 2024-10-15",
            "not told to one unit but to bhxh, ttyt",
            id="two units",
        ),
        pytest.param(
            "--commune 06208 --chi-tieu 15.1 --notice closed --at 2024-10-15", "has no specimen", id="never sent"
        ),
        pytest.param("--notice report", "See `datchuan report make`", id="a report"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_sentence(arguments: str, words: str) -> None:
    result = preview(*arguments.split())

    assert result.exit_code != 0
    assert words in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_an_operators_templates_are_used(tmp_path: Path) -> None:
    (tmp_path / "item.txt").write_text("{{ number }}) {{ item.headline }}\n", encoding="utf-8")

    result = CliRunner().invoke(
        app, ["notify", "preview", *BHXH.split()], env={"DATCHUAN_TEMPLATES": str(tmp_path), "COLUMNS": "200"}
    )

    assert "1) Xã Thụy Hùng" in result.stdout


def test_a_fault_in_an_operators_template_is_named_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "item.txt").write_text("ok\n{{ item.headlin }}\n", encoding="utf-8")

    result = CliRunner().invoke(
        app, ["notify", "preview", *BHXH.split()], env={"DATCHUAN_TEMPLATES": str(tmp_path), "COLUMNS": "200"}
    )

    assert result.exit_code != 0
    assert f"{tmp_path / 'item.txt'}, line 2" in result.output
