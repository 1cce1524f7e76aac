"""`datchuan dispatch check FILE` and `explain`: a dispatch before it is put into the catalog, everything at once."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from shared.catalog.load import SHIPPED

CAO_LOC = SHIPPED / "dispatches" / "cao-loc-2024-09.yaml"


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["dispatch", *arguments], env={"COLUMNS": "200", **environment})


def findings(*arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
    result = run("check", *arguments, "--json", **environment)
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A dispatch of 2025 for the commune that took over from Đồng Đăng, not in any catalog, with its text."""
    document = yaml.safe_load(CAO_LOC.read_text("utf-8"))
    document |= {"id": "dong-dang-2025", "scope": ["06184@2025-07-01"], "text_file": "dong-dang.txt"}
    document["effective_from"], document["effective_to"] = "2025-07-01", "2026-12-31"
    (tmp_path / "texts").mkdir()
    shutil.copy(SHIPPED / "dispatches" / "texts" / "cao-loc-2024-09.txt", tmp_path / "texts" / "dong-dang.txt")
    return write(tmp_path / "dong-dang.yaml", document)


def write(path: Path, document: dict[str, Any]) -> Path:
    text = yaml.safe_dump(document, allow_unicode=True)
    path.write_text(re.sub(r"^(effective_\w+: )'(.+)'$", r"\1\2", text, flags=re.MULTILINE), encoding="utf-8")
    return path


def test_a_file_is_checked_as_if_it_stood_in_the_catalog_and_only_it_is_reported_on(draft: Path) -> None:
    status, document = findings(str(draft))

    assert (status, document["errors"]) == (0, 0), document["findings"]
    assert {found["dispatch"] for found in document["findings"]} == {"dong-dang-2025"}
    assert "no_address" in {found["kind"] for found in document["findings"]}
    assert document["files"] == [str(draft)]


def test_a_file_of_another_catalog_comes_with_a_tip_how_its_addresses_are_used(tmp_path: Path) -> None:
    other = Path(shutil.copytree(SHIPPED, tmp_path / "catalog"))
    file = str(other / "dispatches" / CAO_LOC.name)
    tip = f"set DATCHUAN_CATALOG={other} to use its addresses"

    assert tip in run("check", file).stdout
    assert "Tip:" not in run("check", file, DATCHUAN_CATALOG=str(other)).stdout
    assert "Tip:" not in run("check", str(CAO_LOC)).stdout


def test_the_sample_of_the_documentation_has_no_errors_as_it_is_written(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "dispatches.md").read_text("utf-8")
    source, sample, *_ = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    (text,) = re.findall(r"```text\n(.*?)```", page, flags=re.DOTALL)
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "catalog"))
    rulesets = folder / "rulesets.yaml"
    rulesets.write_text(rulesets.read_text("utf-8").replace("sources:\n", source, 1), encoding="utf-8")
    (folder / "dispatches" / "texts" / "mau-2024.txt").write_text(text, encoding="utf-8")
    file = folder / "dispatches" / "mau-2024.yaml"
    file.write_text(sample, encoding="utf-8")

    status, document = findings(str(file), "--at", "2024-02-01", DATCHUAN_CATALOG=str(folder))

    assert (status, document["errors"]) == (0, 0), document["findings"]
    kinds = {found["kind"] for found in document["findings"]}
    assert kinds.isdisjoint({"no_text", "unused_unit", "unused_clause", "wrong_clause"}), document["findings"]


def test_a_file_stands_in_for_one_of_its_name(tmp_path: Path) -> None:
    copy = Path(shutil.copy(CAO_LOC, tmp_path))

    status, document = findings(str(copy))

    assert status == 0, "its text is found in the catalog"
    assert {found["kind"] for found in document["findings"]} == {"no_lead"}


def test_every_error_of_a_file_is_told_at_once(draft: Path) -> None:
    text = draft.read_text("utf-8")
    broken = yaml.safe_load(text)
    broken["rules"][0]["lead"] = ["bhxh", "ttyt"]
    broken["rules"][1]["directing"] = ["nobody"]
    broken["rules"] = [rule for rule in broken["rules"] if rule["indicator"] != "*"]
    broken["clauses"][0]["quote"] = "Không có trong văn bản"
    broken["units"].append({"id": "thua", "name_vi": "Đơn vị thừa", "kind": "office"})
    write(draft, broken)

    status, document = findings(str(draft))

    kinds = {found["kind"] for found in document["findings"]}
    assert status == 1
    assert {"catalog", "two_leads", "no_fallback", "unused_unit"} <= kinds
    told = [found["what_vi"] for found in document["findings"] if found["kind"] == "catalog"]
    assert any("nobody" in what for what in told)
    assert any("to the letter" in what for what in told)


def test_a_file_that_overlaps_a_dispatch_of_the_catalog_is_an_error(tmp_path: Path) -> None:
    document = yaml.safe_load(CAO_LOC.read_text("utf-8")) | {"id": "cao-loc-2"}

    status, found = findings(str(write(tmp_path / "second.yaml", document)))

    assert status == 1
    assert any("is in the scope of" in one["what_vi"] for one in found["findings"])


def test_a_file_with_a_misspelt_key_is_told_with_its_place(draft: Path) -> None:
    draft.write_text(draft.read_text("utf-8").replace("issuer_vi:", "isuer_vi:"), encoding="utf-8")

    status, document = findings(str(draft))

    assert status == 1
    assert any(found["subject"] == "isuer_vi" for found in document["findings"])


def test_a_file_that_is_not_there_is_a_usage_error() -> None:
    result = run("check", "nowhere.yaml")

    assert result.exit_code == 2
    assert "nowhere.yaml" in result.stderr


def test_broken_dispatches_of_a_catalog_are_findings_too(tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED, tmp_path / "catalog")
    file = folder / "dispatches" / CAO_LOC.name
    file.write_text(file.read_text("utf-8").replace("lead: [bhxh]", "lead: [bhxh, nobody]"), encoding="utf-8")

    status, document = findings("--at", "2024-10-15", DATCHUAN_CATALOG=str(folder))

    kinds = {found["kind"] for found in document["findings"]}
    assert status == 1
    assert {"catalog", "two_leads", "no_dispatch"} <= kinds


def test_check_names_the_last_dispatch_of_a_place_and_the_document_that_is_missing() -> None:
    _, document = findings("--at", "2025-07-01")

    told = {found["subject"]: found["what_vi"] for found in document["findings"] if found["kind"] == "no_dispatch"}
    assert "UBND huyện Cao Lộc" in told["20"]
    assert "Cần văn bản phân công mới của UBND tỉnh Lạng Sơn" in told["20"]


def test_explain_shows_the_unit_and_the_department_in_it() -> None:
    shown = run("explain", "30791", "15.3", "--at", "2025-04-01")
    document = json.loads(run("explain", "30791", "15.3", "--at", "2025-04-01", "--json").stdout)

    (answer,) = document["answers"]
    lead = next(found for found in answer["assignments"] if found["role"] == "lead")
    assert "└ Khoa Kiểm soát bệnh tật" in shown.stdout
    assert (lead["responsible_unit"], lead["unit_vi"]) == ("khoa_ksbt", "Trung tâm Y tế Giang Thành")
    assert lead["name_vi"] == "Khoa Kiểm soát bệnh tật HIV/AIDS-YTCC, Trung tâm Y tế Giang Thành"


def test_the_routes_of_a_commune_are_shown_role_by_role_with_clause_and_address() -> None:
    """AM TestAmtoolRoutesShow."""
    result = run("explain", "06208", "15.1", "--at", "2024-10-15", "--json")

    (answer,) = json.loads(result.stdout)["answers"]
    shown = [(found["role"], found["responsible_unit"], found["addresses"]) for found in answer["assignments"]]
    assert result.exit_code == 0
    assert answer["phase"] == "implementation"
    assert shown[:4] == [
        ("lead", "bhxh", ["bhxh.caoloc@langson.example"]),
        ("consolidating", "vp_hdnd_ubnd", ["vanphong.caoloc@langson.example"]),
        ("implementing", "ubnd_xa", ["ubnd.xa.thuyhung.caoloc@langson.example"]),
        ("data", "bhxh", ["bhxh.caoloc@langson.example"]),
    ]
    assert [unit for role, unit, _ in shown if role == "informed"] == ["chu_tich", "pho_chu_tich", "lanh_dao_vp"]
    assert all(found["clauses"] for found in answer["assignments"])


def test_explain_says_who_follows_a_unit_that_has_ended(tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED, tmp_path / "catalog")
    file = folder / "dispatches" / CAO_LOC.name
    old = "{id: bhxh, name_vi: Bảo hiểm xã hội huyện, kind: social_security}"
    new = old.replace("}", ", effective_to: 2024-12-31, successor: ttyt}")
    file.write_text(file.read_text("utf-8").replace(old, new), encoding="utf-8")

    result = run("explain", "06208", "15.1", "--at", "2025-01-01", "--json", DATCHUAN_CATALOG=str(folder))
    shown = run("explain", "06208", "15.1", "--at", "2025-01-01", DATCHUAN_CATALOG=str(folder))

    (answer,) = json.loads(result.stdout)["answers"]
    lead = answer["assignments"][0]
    assert (lead["role"], lead["responsible_unit"], lead["succeeds"]) == ("lead", "ttyt", "bhxh")
    assert "(kế thừa nhiệm vụ" in shown.stdout


def test_the_check_of_the_whole_catalog_says_that_the_dispatches_leave_something_open() -> None:
    """D7: warned of when a catalog is checked as a whole, too."""
    shown = CliRunner().invoke(app, ["catalog", "check"], env={"COLUMNS": "200"})
    document = json.loads(CliRunner().invoke(app, ["catalog", "check", "--json"]).stdout)

    found = document["dispatch_findings"]
    assert found["error"] == 0
    assert found["warning"] > 0
    assert f"0 error(s) and {found['warning']} warning(s): see `datchuan dispatch check`." in shown.stdout
