"""`datchuan source`: what a file would become by a profile, without any server."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from shared.catalog.load import SHIPPED

HEADER = "dataelement,period,orgunit,categoryoptioncombo,attributeoptioncombo,value,storedby,lastupdated"


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", **environment})


def a_value(**fields: Any) -> dict[str, Any]:
    known = {
        "dataElement": "BhytCoThe01", "categoryOptionCombo": "GioiTinhNam", "period": "202409", "orgUnit": "06208",
        "value": "95", "lastUpdated": "2024-10-02T08:30:00",
    }  # fmt: skip
    return {name: value for name, value in (known | fields).items() if value is not None}


def a_file(folder: Path, *values: dict[str, Any]) -> Path:
    file = folder / "values.json"
    file.write_text(json.dumps({"dataValues": values}), encoding="utf-8")
    return file


def lines_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_sources_of_the_catalog_are_listed() -> None:
    listed = json.loads(run("source", "list", "--json").stdout)

    assert "hmis" in [source["source"] for source in listed]
    assert "hmis" in run("source", "list").stdout


def test_each_value_is_shown_with_what_it_becomes(tmp_path: Path) -> None:
    file = a_file(tmp_path, a_value(), a_value(dataElement="BhytDanSo01", value="100"))

    result = run("source", "check", "hmis", str(file), "--json", DATCHUAN_DATA=str(tmp_path))

    first, second, summary = lines_of(result)
    assert result.exit_code == 0
    assert (first["place"], first["outcome"], first["sent"]["option"]) == ("dataValues[0]", "taken", "GioiTinhNam")
    assert first["becomes"] == {
        "indicator": "bhyt_coverage", "role": "numerator", "sex": "male", "unit": "06208",
        "unit_name_vi": "Xã Thụy Hùng", "by_code": "06208", "codes_as_of": "2024-09-30", "period_start": "2024-09-01",
        "period_end": "2024-09-30", "number": 95, "observed_at": "2024-10-02T08:30:00+07:00",
    }  # fmt: skip
    assert second["becomes"]["role"] == "denominator"
    assert summary["summary"]["outcomes"] == {"taken": 2}


def test_what_cannot_be_taken_is_shown_with_reason_and_remedy_and_counted(tmp_path: Path) -> None:
    file = a_file(
        tmp_path, a_value(), a_value(), a_value(dataElement="Nope"), a_value(dataElement="Nope"),
        a_value(categoryOptionCombo="Khac"), a_value(orgUnit="99999"), a_value(value=[1]),
    )  # fmt: skip

    result = run("source", "check", "hmis", str(file), "--json", DATCHUAN_DATA=str(tmp_path))

    *values, last = lines_of(result)
    summary = last["summary"]
    assert result.exit_code == 1
    assert [value["outcome"] for value in values] == [
        "taken", "repeated", "unknown_alias", "unknown_alias", "unknown_alias", "unknown_commune", "wrong_type",
    ]  # fmt: skip
    assert values[5]["value"] == "99999"
    assert values[5]["remedy"]
    assert values[5]["remedy_vi"]
    assert summary["unknown"] == {"Nope": 2, "BhytCoThe01 / categoryOptionCombo=Khac": 1}
    assert "BhytCoThe01 / GioiTinhNam" not in summary["unused_aliases"]
    assert "BhytDanSo01 / GioiTinhNu0" in summary["unused_aliases"]


def test_a_person_reads_one_line_a_value_and_the_summary(tmp_path: Path) -> None:
    file = a_file(tmp_path, a_value(), a_value(dataElement="Nope"))

    shown = run("source", "check", "hmis", str(file), DATCHUAN_DATA=str(tmp_path)).stdout
    vietnamese = run("source", "check", "hmis", str(file), "--lang", "vi", DATCHUAN_DATA=str(tmp_path)).stdout

    assert (
        "dataValues[0]: BhytCoThe01 / GioiTinhNam = 95 → bhyt_coverage numerator male, 06208 Xã Thụy Hùng "
        "(code 06208 as of 2024-09-30), 2024-09-01 to 2024-09-30, 95, observed 2024-10-02T08:30:00+07:00 – taken"
    ) in shown
    assert (
        "dataValues[1]: Nope / GioiTinhNam = 95 – unknown_alias dataElement='Nope': not in the profile hmis. Add"
        in shown
    )
    assert "In the profile, and not in the file: " in shown
    assert "Bổ sung" in vietnamese


def test_a_profile_is_tried_before_it_is_in_the_catalog(tmp_path: Path) -> None:
    shipped = (SHIPPED / "profiles" / "hmis.yaml").read_text(encoding="utf-8")
    profile = tmp_path / "mine.yaml"
    profile.write_text(shipped.replace("source: hmis", "source: mine").replace("BhytCoThe01", "MyCards"), "utf-8")
    file = a_file(tmp_path, a_value(dataElement="MyCards"), a_value())

    result = run("source", "check", str(profile), str(file), "--json", DATCHUAN_DATA=str(tmp_path))

    assert [line["outcome"] for line in lines_of(result)[:2]] == ["taken", "unknown_alias"]


def test_dhis2_csv_is_traced_with_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "values.csv"
    file.write_text(f"{HEADER}\nBhytCoThe01,202409,06208,GioiTinhNam,,95,x,2024-10-02\n", encoding="utf-8")

    result = run("source", "check", "hmis", str(file), "--json", DATCHUAN_DATA=str(tmp_path))

    assert (lines_of(result)[0]["place"], lines_of(result)[0]["outcome"]) == ("line 2", "taken")


def test_a_form_explains_itself_and_the_profile_is_not_asked(tmp_path: Path) -> None:
    file = tmp_path / "bhyt-xa.xlsx"
    template = run("template", "bhyt-xa", "--out", str(file), "--commune", "06208", "--on", "2024-10-01")
    assert template.exit_code == 0, template.output

    result = run("source", "check", "hmis", str(file), "--json", "--period", "202409", DATCHUAN_DATA=str(tmp_path))

    assert lines_of(result)[-1]["summary"]["unused_aliases"] == []


def test_native_events_are_traced_too(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    event = {
        "id": "e1", "commune": "06208", "indicator": "bhyt_coverage", "sex": "female", "period": "202409",
        "numerator": 95, "denominator": 100, "observed_at": "2024-10-01T00:00:00Z",
    }  # fmt: skip
    file.write_text("\n".join(json.dumps({**event, **more}) for more in ({}, {"id": "e2", "commune": "9"})), "utf-8")

    good, bad, _ = lines_of(run("source", "check", "hmis", str(file), "--json", DATCHUAN_DATA=str(tmp_path)))

    assert (good["place"], good["outcome"], good["becomes"]["unit_name_vi"]) == ("line 1", "taken", "Xã Thụy Hùng")
    assert (bad["place"], bad["outcome"]) == ("line 2", "unknown_commune")


@pytest.mark.parametrize(
    ("profile", "content", "said"),
    [
        pytest.param("nobody", "{}", "no source 'nobody' has a profile", id="unknown source"),
        pytest.param("nowhere.yaml", "{}", "cannot read nowhere.yaml", id="no profile file"),
        pytest.param("hmis", '{"dataValues":[{"ho_ten":"x"}]}', "data of single persons", id="data of persons"),
        pytest.param("hmis", '{"dataValues":[', "not JSON", id="a broken file"),
    ],
)
def test_what_cannot_be_checked_is_told_with_a_remedy(tmp_path: Path, profile: str, content: str, said: str) -> None:
    file = tmp_path / "values.json"
    file.write_text(content, encoding="utf-8")

    result = run("source", "check", profile, str(file), DATCHUAN_DATA=str(tmp_path))

    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_every_fault_of_a_profile_is_told_in_the_words_of_the_catalog_check(tmp_path: Path) -> None:
    profile, file = tmp_path / "mine.yaml", a_file(tmp_path, a_value())
    profile.write_text("source: mine\nname_vi: x\naliases:\n- {elemnt: x, indicator: 1, role: value}\n", "utf-8")
    shape = run("source", "check", str(profile), str(file))
    profile.write_text(
        "source: mine\nname_vi: x\naliases:\n- {element: x, indicator: nope, role: value}\n"
        "- {element: y, indicator: bhyt_coverage, role: numerator}\n",
        "utf-8",
    )
    meaning = run("source", "check", str(profile), str(file))

    assert (shape.exit_code, meaning.exit_code) == (2, 2)
    assert "aliases[0] (1).elemnt = x: is not a known key; correct the spelling or remove it" in shape.stderr
    assert "aliases[0] (1).element: is missing; add it" in shape.stderr
    assert "aliases[0] (1).indicator = 1" in shape.stderr
    assert "aliases[0] (x/default).indicator = nope" in meaning.stderr
    assert "aliases[1] (y/default).sex: is missing, but bhyt_coverage is reported by sex" in meaning.stderr


def test_a_form_is_checked_for_a_source_without_a_profile(tmp_path: Path) -> None:
    file = tmp_path / "bhyt-xa.xlsx"
    run("template", "bhyt-xa", "--out", str(file), "--commune", "06208", "--on", "2024-10-01")

    asked = ("source", "check", "nobody", str(file), "--period", "202409")
    told = run(*asked, DATCHUAN_DATA=str(tmp_path))
    document = run(*asked, "--json", DATCHUAN_DATA=str(tmp_path))

    assert "no source" not in told.stderr
    assert "outcome without a profile" in told.stdout
    assert lines_of(document)[-1]["summary"]["unused_aliases"] == []


def test_a_profile_with_a_misspelt_key_is_told(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text("source: mine\nnmae_vi: x\n", encoding="utf-8")

    result = run("source", "check", str(profile), str(a_file(tmp_path, a_value())))

    assert result.exit_code == 2
    assert "mine.yaml" in result.stderr
