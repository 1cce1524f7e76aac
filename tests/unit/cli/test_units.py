"""`datchuan units import`: units of any province from a CSV file."""

import csv
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from datchuan.units.known import MARK
from services.ingest.domain.normalize import Normalizer
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import CommuneType, Confidence, UnitLevel
from tests.unit.cli.unit_tables import HEAD, PLAIN, SUCCESSION, a_file, run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalog."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "catalog"))


def test_a_table_of_succession_becomes_units_that_the_catalog_loads(folder: Path) -> None:
    result = run(a_file(folder, SUCCESSION), "--out", folder, "--source", "S-UNITS")

    assert result.exit_code == 0, result.output
    units = load_catalog(folder).unit_by_id
    old, new = units["10001"], units["10001@2025-07-01"]
    assert (str(old.effective_to), old.successors, old.split) == ("2025-06-30", ("10001@2025-07-01",), False)
    assert (str(new.effective_from), new.name_vi, new.parent) == ("2025-07-01", "Xã Mới", "30@2025-07-01")
    assert (units["10003"].successors, units["10003"].split) == (("10003@2025-07-01", "10004@2025-07-01"), True)
    assert units["10002"].type is CommuneType.THI_TRAN
    assert units["10004@2025-07-01"].type is CommuneType.DAC_KHU
    assert (old.confidence, old.source, old.parent) == (Confidence.RECALLED, "S-UNITS", "301")
    district = units["301"]
    assert (district.level, district.parent, district.confidence) == (UnitLevel.DISTRICT, None, Confidence.UNCERTAIN)


def test_the_imported_units_follow_their_codes(folder: Path) -> None:
    run(a_file(folder, SUCCESSION), "--out", folder)
    communes = Normalizer(load_catalog(folder)).communes(load_catalog(folder).unit_by_id["10001"].effective_to)

    assert communes.find("10001", "", "2026").parts == ("10001", "10002")
    assert communes.find("20001", "", "2026").unit == "20001@2025-07-01"


def test_only_the_provinces_asked_for_are_imported(folder: Path) -> None:
    run(a_file(folder, SUCCESSION), "--out", folder, "--province", "40")

    units = load_catalog(folder).unit_by_id
    assert (folder / "units" / "40.yaml").exists()
    assert "20001@2025-07-01" in units
    assert "10001" not in units


def test_the_former_province_of_districts_is_taken_where_it_is_told(folder: Path) -> None:
    told = ("--old-province", "39", "--old-province", "301-302=30")
    result = run(a_file(folder, SUCCESSION), "--out", folder, *told)

    assert result.exit_code == 0, result.output
    units = load_catalog(folder).unit_by_id
    assert (units["301"].parent, units["302"].parent, units["201"].parent) == ("30", "30", "39")
    assert (str(units["30"].effective_to), units["30"].successors) == ("2025-06-30", ("30@2025-07-01",))
    assert units["39"].successors == ("40@2025-07-01",)


def test_the_former_province_is_taken_from_the_file_that_tells_it(folder: Path) -> None:
    text = (
        "old_province,old_district_code,old_district,old_code,old_name,new_province,new_code,new_name,split\n"
        "20,190,Huyện Thử,10001,Xã Một,20,10001,Xã Một Mới,False\n"
    )
    result = run(a_file(folder, text), "--out", folder)

    assert result.exit_code == 0, result.output
    units = load_catalog(folder).unit_by_id
    assert (units["190"].parent, units["10001@2025-07-01"].parent) == ("20", "20"), "Lạng Sơn is in the catalog"


def test_what_the_catalog_has_is_not_written_again_and_must_agree(folder: Path) -> None:
    text = HEAD + "06223,Xã Hoà Cư,183,Huyện Cao Lộc,06220,Xã Công Sơn,20,whole\n"
    assert run(a_file(folder, text), "--out", folder).exit_code == 0
    assert load_catalog(folder).digest != load_catalog().digest
    assert len(load_catalog(folder).units) == len(load_catalog().units)

    other = HEAD + "06223,Xã Hòa Cư,183,Huyện Cao Lộc,06184,Xã Đồng Đăngg,20,whole\n"
    result = run(a_file(folder, other), "--out", folder)
    assert result.exit_code == 1
    assert "line 2: Xã Đồng Đăngg is Xã Đồng Đăng (06184@2025-07-01) in the catalog" in result.output
    assert "line 2: 06223 becomes 06220@2025-07-01 in the catalog, 06184@2025-07-01 here" in result.output


def test_a_plain_table_becomes_units_that_the_catalog_loads(folder: Path) -> None:
    result = run(a_file(folder, PLAIN), "--out", folder, "--source", "S-UNITS")

    assert result.exit_code == 0, result.output
    units = load_catalog(folder).unit_by_id
    assert (units["10001"].parent, units["10001@2025-07-01"].parent) == ("301", "30")
    assert (units["10001@2025-07-01"].group, units["10001@2025-07-01"].type) == ("N2", CommuneType.XA)
    assert (units["10003"].split, units["10003"].successors) == (True, ("10001@2025-07-01", "10002"))
    assert units["10002"].type is CommuneType.PHUONG, "the name says it"


def test_provinces_named_first_are_used(folder: Path) -> None:
    provinces = "code,name,level\n30,Tỉnh Ba Mươi,province\n40,Tỉnh Bốn Mươi,province\n"
    run(a_file(folder, provinces, "provinces.csv"), "--out", folder)
    result = run(a_file(folder, SUCCESSION), "--out", folder, "--old-province", "301-302=30")

    assert result.exit_code == 0, result.output
    units = load_catalog(folder).unit_by_id
    assert (units["10001@2025-07-01"].parent, units["301"].parent) == ("30", "30")
    assert "known by their code only" not in result.output


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_separator_and_a_bom_do_not_matter(folder: Path, delimiter: str, encoding: str) -> None:
    text = SUCCESSION.replace(",", delimiter).replace("\n", "\r\n")

    assert run(a_file(folder, text, encoding=encoding), "--out", folder).exit_code == 0
    assert "10001" in load_catalog(folder).unit_by_id


def test_the_same_table_gives_the_same_file_whatever_the_order_of_its_rows(folder: Path) -> None:
    written = folder / "units" / "table.yaml"
    head, *rows = SUCCESSION.splitlines(keepends=True)

    run(a_file(folder, SUCCESSION), "--out", folder)
    first = written.read_bytes()
    run(a_file(folder, head + "".join(reversed(rows))), "--out", folder)

    assert first.decode().startswith(MARK)
    assert written.read_bytes() == first


def test_a_dry_run_counts_and_writes_nothing(folder: Path) -> None:
    result = run(a_file(folder, SUCCESSION), "--out", folder, "--dry-run", "--json")

    assert result.exit_code == 0
    assert json.loads(result.output) | {"file": ""} == {
        "file": "", "written": False, "units": 14, "commune_since": 4, "commune_until": 5, "district_until": 3,
        "province_since": 2, "provinces_without_name": ["30", "40"], "districts_without_province": 3,
    }  # fmt: skip
    assert not (folder / "units").exists()


def test_a_file_of_another_hand_is_not_overwritten(folder: Path) -> None:
    (folder / "units").mkdir()
    (folder / "units" / "table.yaml").write_text("units: []\n")

    result = run(a_file(folder, SUCCESSION), "--out", folder)

    assert "was not written by this command" in result.output
    assert (folder / "units" / "table.yaml").read_text() == "units: []\n"


def test_every_problem_of_a_table_is_told_at_once_with_its_line(folder: Path) -> None:
    text = HEAD + (
        "10001,Xã Một,301,Huyện Xa,10001,Xã Mới,30,whole\n"
        "10001,Xã Một,301,Huyện Xa,10002,Xã Hai,30,whole\n"
        "10003,Xã Ba,301,Huyện Khác,10001,Xã Mới hơn,30,split\n"
        "10004,Bốn,301,Huyện Xa,10001,Xã Mới,30,perhaps\n"
        ",Xã Năm,301,Huyện Xa,10001,Xã Mới,,whole\n"
        "10006,Xã Sáu,301,Huyện Xa,10001,Xã Mới,30,whole,more\n"
        "10007,Xã Bảy,301,Huyện Xa,10001,Xã Mới,30,whole\n"
        "10007,Xã Bảy,301,Huyện Xa,10001,Xã Mới,30,whole\n"
    )

    result = run(a_file(folder, text), "--out", folder)

    assert result.exit_code == 1
    for expected in (
        "line 3: is whole, but 10001 has other lines; write split",
        "line 4: old_district = Huyện Khác, but line 2 has Huyện Xa for old_district_code 301; correct one",
        "line 4: new_name = Xã Mới hơn, but line 2 has Xã Mới for new_code 10001; correct one",
        "line 4: is split, but has no second successor; add the others, or write whole",
        "line 5: kind = perhaps is not known; use whole, split or split-default",
        "line 5: old_name = Bốn does not begin with its kind; begin it with Xã, Phường, Thị trấn or Đặc khu",
        "line 6: old_code is empty; fill it in",
        "line 6: new_province_code is empty; fill it in",
        "line 7: has 9 cells, the header 8; quote the cells that hold a separator",
        "line 9: says the same as line 8; remove one of the two",
    ):
        assert expected in result.output, result.output
    assert not (folder / "units").exists()


def test_every_problem_of_a_plain_table_is_told_at_once_with_its_line(folder: Path) -> None:
    text = (
        "code,name,level,parent,type,effective_from,effective_to,successors,split,confidence\n"
        "30,Tỉnh Ba Mươi,land,,,,,,,\n"
        "31,,province,,,1.7.2025,,,,\n"
        "32,Xã Hai,commune,20,town,,,,maybe,sure\n"
    )

    result = run(a_file(folder, text), "--out", folder)

    assert result.exit_code == 1
    for expected in (
        "line 2: level = land is not known; use province, district, commune",
        "line 3: effective_from = 1.7.2025 is no day; write it as 2025-07-01",
        "line 3: name is empty; fill it in",
        "line 4: type = town is not known; use xa, thi_tran, phuong, dac_khu",
        "line 4: split = maybe is neither yes nor no; write true or false",
        "line 4: confidence = sure is not known; use verified, recalled, uncertain",
    ):
        assert expected in result.output, result.output


def test_what_the_catalog_would_not_take_is_told_with_the_line_of_the_table(folder: Path) -> None:
    text = (
        "code,name,level,parent,successors,region\n10001,Xã Một,commune,999,nobody,MARS\n06223,Xã Hòa Cư,commune,20,,\n"
    )

    result = run(a_file(folder, text), "--out", folder)

    assert result.exit_code == 1
    assert "line 2: units/table.yaml: units[0] (10001).parent = 999: is not the id of any unit" in result.output
    assert "line 2: units/table.yaml: units[0] (10001).region = MARS: is not defined in regions" in result.output
    assert "line 2: units/table.yaml: units[0] (10001).successors = nobody: is not defined in units" in result.output
    assert "line 3: units/table.yaml: units[1] (06223).id = 06223: is also the id of" in result.output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"code,name\n1,\xff\n", "line 2 is not UTF-8", id="encoding"),
        pytest.param(b"code,name\n1,a\n", "has no column level", id="column"),
        pytest.param(b"", "has no column code, name, level", id="empty"),
        pytest.param(b'code,name,level\n1,"a"b,c\n', "line 2", id="quotes"),
    ],
)
def test_a_file_that_is_no_table_is_refused(folder: Path, content: bytes, words: str) -> None:
    path = folder.parent / "bad.csv"
    path.write_bytes(content)

    result = run(path, "--out", folder)

    assert result.exit_code != 0
    assert words in result.output


def test_a_file_that_is_missing_is_refused(folder: Path) -> None:
    assert "cannot be read" in run(folder / "nothing.csv", "--out", folder).output


@pytest.mark.skipif("DATCHUAN_TEST_DATA" not in os.environ, reason="needs DATCHUAN_TEST_DATA")
def test_the_whole_country_becomes_a_catalog_that_loads_in_bearable_time(folder: Path) -> None:
    table = Path(os.environ["DATCHUAN_TEST_DATA"]) / "domain" / "communes_old_new.csv"

    result = run(table, "--out", folder, "--source", "S-UNITS", "--region", "DBSH")

    assert result.exit_code == 0, result.output
    began = time.perf_counter()
    catalog = load_catalog(folder)
    assert time.perf_counter() - began < 30
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    old = {row["old_code"] for row in rows}
    new = {row["new_code"] for row in rows}
    ended = {unit.code for unit in catalog.units if unit.level is UnitLevel.COMMUNE and unit.effective_to}
    begun = {unit.code for unit in catalog.units if unit.level is UnitLevel.COMMUNE and unit.effective_from}
    assert (ended, begun) == (old, new)
    communes = Normalizer(catalog).communes(catalog.unit_by_id["05971"].effective_to)
    assert "05971" in communes.find("06187", "TT Cao Lộc", "2026").parts, "what the shipped catalog lacked is there now"
    split = {row["old_code"] for row in rows if row["kind"] != "whole"}
    assert {unit.code for unit in catalog.units if unit.split} == split
