"""The commands that need no server."""

import json
import shutil
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from shared.catalog.load import SHIPPED, load_catalog

COMMANDS = (
    "demo", "up", "migrate", "status", "explain", "verify", "import", "token", "quarantine", "dead-letter", "catalog",
    "dispatch", "alerts", "silence",
)  # fmt: skip
EVENT = {
    "id": "1", "commune": "06208", "indicator": "bhyt_coverage", "sex": "female", "period": "202409", "numerator": 95,
    "denominator": 100, "observed_at": "2024-10-01T00:00:00Z",
}  # fmt: skip


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", **environment})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalog that a test may break."""
    return shutil.copytree(SHIPPED, tmp_path / "catalog")


def test_the_help_names_every_group_of_commands() -> None:
    result = run("--help")

    assert result.exit_code == 0
    assert [command for command in COMMANDS if command not in result.stdout] == []


def test_the_version_is_told() -> None:
    """AM TestAmtoolVersion."""
    result = run("--version")

    assert (result.exit_code, result.stdout) == (0, f"datchuan {metadata.version('datchuan')}\n")


def test_the_shipped_catalog_is_valid() -> None:
    result = run("catalog", "check", "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document["ok"] is True
    assert document["entries"]["dispatches"] == 2
    policies = load_catalog().policies
    assert document["entries"]["policies"] >= len(policies.roles) + len(policies.escalation) + len(policies.reports)
    assert [line for line in run("catalog", "check").stdout.splitlines() if "policies" in line]


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_day_far_from_every_rule_is_refused_with_the_days_that_can_be_asked_for(day: str) -> None:
    result = run("report", "make", "--of", day)

    assert result.exit_code == 2
    assert f"{day} is too far away" in result.stderr
    assert "1945-01-01 to 2999-12-31" in result.stderr


def test_a_missing_catalog_folder_is_named_with_a_remedy(tmp_path: Path) -> None:
    result = run("catalog", "check", str(tmp_path / "nowhere"))

    assert result.exit_code == 1
    assert "nowhere" in result.stdout
    assert "Traceback" not in result.output


def test_a_misspelt_key_is_reported_with_its_file_and_key(folder: Path) -> None:
    units = folder / "units.yaml"
    units.write_text(units.read_text(encoding="utf-8").replace("name_vi: Xã Bảo Lâm", "nmae_vi: Xã Bảo Lâm", 1))

    result = run("catalog", "check", str(folder), "--json")

    problems = json.loads(result.stdout)["problems"]
    assert result.exit_code == 1
    assert any(problem["file"] == "units.yaml" and "nmae_vi" in problem["key"] for problem in problems)


def test_a_broken_catalog_stops_every_command_with_one_clear_text(folder: Path) -> None:
    (folder / "rulesets.yaml").write_text("rules: [", encoding="utf-8")

    result = run("dispatch", "check", DATCHUAN_CATALOG=str(folder))

    assert result.exit_code == 1
    assert "rulesets.yaml" in result.stderr
    assert "Traceback" not in result.output


def test_a_wrong_setting_is_named_with_its_value() -> None:
    result = run("dispatch", "check", DATCHUAN_CLOCK_OFFSET_DAYS="soon")

    assert result.exit_code == 2
    assert "DATCHUAN_CLOCK_OFFSET_DAYS='soon'" in result.stderr


def test_health_insurance_of_a_cao_loc_commune_is_led_by_social_insurance_with_the_clause() -> None:
    result = run("dispatch", "explain", "06208", "15.1", "--at", "2024-10-15", "--json")

    (answer,) = json.loads(result.stdout)["answers"]
    lead = next(found for found in answer["assignments"] if found["role"] == "lead")
    assert answer["owners"] == ["bhxh"]
    assert lead["clauses"][0]["quote"].startswith("Chủ trì phối hợp với các phòng, đơn vị liên quan")
    assert answer["dates_confidence"] == "uncertain"


def test_a_threshold_that_stands_in_for_an_unknown_one_of_the_region_is_no_verified_number() -> None:
    result = run("dispatch", "explain", "06208", "15.3", "--at", "2024-10-15")

    assert "ngưỡng: chưa chắc chắn (uncertain)" in result.stdout.replace("\n", " ").replace("  ", " ")


def test_food_safety_of_the_health_sector_has_directors_but_no_lead() -> None:
    result = run("dispatch", "explain", "06208", "17.10", "--sector", "health", "--at", "2024-10-15", "--json")

    (answer,) = json.loads(result.stdout)["answers"]
    assert not [found for found in answer["assignments"] if found["role"] == "lead"]
    assert answer["gaps"][0]["kind"] == "no_lead"


def test_without_a_sector_every_sector_and_the_unknown_one_are_explained() -> None:
    result = run("dispatch", "explain", "06208", "18.5", "--at", "2024-10-15", "--json")

    cells = [answer["cell"] for answer in json.loads(result.stdout)["answers"]]
    assert cells == ["health", "industry_trade", "agriculture", ""]


def test_a_commune_without_a_dispatch_is_told_so() -> None:
    result = run("dispatch", "explain", "Xã Hoành Mô", "15.1", "--at", "2024-10-15")

    assert result.exit_code == 0
    assert "no_dispatch" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("06208", "99.9", "--at", "2024-10-15"), "no chỉ tiêu '99.9'", id="unknown number"),
        pytest.param(("06208", "15.1", "--at", "soon"), "'soon' is not a date", id="no date"),
        pytest.param(("06208", "15.1", "--at", "2030-01-01"), "06208", id="a day after the commune ended"),
        pytest.param(
            ("06208", "15.1", "--sector", "health", "--at", "2024-10-15"), "not counted by sector", id="sector"
        ),
        pytest.param(("06208", "15.1", "--sex", "other"), "--sex", id="unknown sex"),
    ],
)
def test_a_wrong_question_is_a_usage_error(arguments: tuple[str, ...], said: str) -> None:
    result = run("dispatch", "explain", *arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_dispatch_check_lists_what_is_open_and_is_strict_on_demand() -> None:
    relaxed = run("dispatch", "check", "--at", "2024-10-15", "--json")
    strict = run("dispatch", "check", "--at", "2024-10-15", "--strict")

    kinds = {finding["kind"] for finding in json.loads(relaxed.stdout)["findings"]}
    assert relaxed.exit_code == 0
    assert strict.exit_code == 1
    assert {"no_lead", "no_dispatch"} <= kinds


def test_a_dispatch_check_names_the_catalog_that_it_looked_at(folder: Path) -> None:
    own = run("dispatch", "check", "--at", "2024-10-15", DATCHUAN_CATALOG=str(folder))
    shipped = run("dispatch", "check", "--at", "2024-10-15")

    assert own.stdout.replace("\n", "").startswith(f"catalog {folder}, digest ")
    assert shipped.stdout.startswith("catalog (shipped), digest ")


def test_a_unit_without_an_address_is_found(folder: Path) -> None:
    addresses = folder / "addresses.yaml"
    lines = [line for line in addresses.read_text(encoding="utf-8").splitlines() if "unit: bhxh" not in line]
    addresses.write_text("\n".join(lines), encoding="utf-8")

    result = run("dispatch", "check", "--at", "2024-10-15", "--json", DATCHUAN_CATALOG=str(folder))

    findings = json.loads(result.stdout)["findings"]
    assert ("no_address", "bhxh") in {(finding["kind"], finding["subject"]) for finding in findings}


def test_a_dry_run_says_what_would_become_of_each_row_without_any_server(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    rows = [EVENT, {**EVENT, "commune": "99999"}, {**EVENT, "numerator": 101}]
    file.write_text("\n".join([*map(json.dumps, rows), "{"]), encoding="utf-8")

    result = run("import", str(file), "--dry-run", "--json", DATCHUAN_DATA=str(tmp_path))

    document = json.loads(result.stdout)
    reasons = [conflict["code"] for conflict in document["files"][0]["conflicts"]]
    assert result.exit_code == 1
    assert (document["rows"], document["accepted"], document["quarantined"]) == (4, 1, 3)
    assert reasons == ["unknown_commune", "numerator_over_denominator", "malformed_json"]


def test_a_row_that_would_be_set_aside_is_told_with_file_line_event_and_value(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    evil = "[bold red]x[/] :warning: [/oops]"
    file.write_text("\n".join(map(json.dumps, [EVENT, {**EVENT, "id": "e-2", "commune": evil}])), encoding="utf-8")

    result = run("import", str(file), "--dry-run", DATCHUAN_DATA=str(tmp_path))

    assert result.exit_code == 1
    assert f"{file}, line 2, event e-2: unknown_commune commune='{evil}' – " in result.stdout


def test_a_dhis2_file_needs_its_source_because_only_that_says_what_its_elements_mean(tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    value = {"dataElement": "AttpSuCo001", "categoryOptionCombo": "NganhYTe001", "period": "202409", "orgUnit": "06208"}
    file.write_text(json.dumps({"dataValues": [{**value, "value": "0"}]}), encoding="utf-8")

    unnamed = run("import", str(file), "--dry-run", DATCHUAN_DATA=str(tmp_path))
    named = run("import", str(file), "--dry-run", "--source", "hmis", "--json", DATCHUAN_DATA=str(tmp_path))

    assert unnamed.exit_code == 2
    assert "Give --source (" in unnamed.stderr
    assert "hmis" in unnamed.stderr
    assert json.loads(named.stdout)["accepted"] == 1


def test_a_folder_is_imported_file_by_file_and_a_refused_one_stops_no_other(tmp_path: Path) -> None:
    for name, text in {
        "a.ndjson": json.dumps(EVENT),
        "b.json": json.dumps({"ho_ten": "x", "indicator": "y"}),
        "c/d.json": json.dumps([EVENT]),
        "e.docx": "x",
    }.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(text, encoding="utf-8")

    shown = run("import", str(tmp_path / "in"), "--dry-run", DATCHUAN_DATA=str(tmp_path))
    result = run("import", str(tmp_path / "in"), "--dry-run", "--json", DATCHUAN_DATA=str(tmp_path))

    document = json.loads(result.stdout)
    assert result.exit_code == shown.exit_code == 2
    assert [Path(file["file"]).name for file in document["files"]] == ["a.ndjson", "b.json", "d.json"]
    assert [file["accepted"] for file in document["files"]] == [1, 0, 1]
    assert "single persons" in document["files"][1]["problem"]
    assert [Path(file["file"]).name for file in document["skipped"]] == ["e.docx"]
    assert document["knows_duplicates"] is False
    assert "e.docx: passed over: the ending .docx" in shown.stdout
    assert "which verdicts would change, is not known" in shown.stdout


def test_remedies_are_told_in_vietnamese_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps({**EVENT, "commune": "99999"}), encoding="utf-8")

    result = run("import", str(file), "--dry-run", "--lang", "vi", DATCHUAN_DATA=str(tmp_path))

    assert result.exit_code == 1
    assert "line 1, bản ghi 1: xã không có trong danh mục commune='99999' – " in result.stdout
    assert all(word in result.stdout for word in ("Chạy thử", "tệp", "số dòng", "nhận mới", "chờ xử lý", "Chưa hỏi"))
    assert "mã" in result.stdout.casefold()


def test_an_import_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(EVENT), encoding="utf-8")

    result = run("import", str(file), DATCHUAN_DATA=str(tmp_path))

    assert result.exit_code == 2
    assert "datchuan up" in result.stderr
