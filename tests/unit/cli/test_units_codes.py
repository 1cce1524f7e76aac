"""`datchuan units import`: codes without zeros, provinces and regions that are not there, provinces without names."""

import shutil
from pathlib import Path

import pytest

from shared.catalog.load import SHIPPED, load_catalog
from tests.unit.cli.unit_tables import HEAD, PLAIN, SUCCESSION, a_file, run

WITHOUT_ZEROS = HEAD + "1294,Xã Một,42,Huyện Xa,1294,Xã Mới,4,whole\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalog."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "catalog"))


def test_codes_of_a_table_of_succession_that_lost_their_zeros_are_refused(folder: Path) -> None:
    result = run(a_file(folder, WITHOUT_ZEROS), "--out", folder)

    assert result.exit_code == 1
    asked = "did a spreadsheet take the zeros of"
    for expected in (
        f"line 2: old_code = 1294 has 4 digits; commune codes have 5 digits: {asked} 01294?",
        f"line 2: new_code = 1294 has 4 digits; commune codes have 5 digits: {asked} 01294?",
        f"line 2: old_district_code = 42 has 2 digits; district codes have 3 digits: {asked} 042?",
        f"line 2: new_province_code = 4 has 1 digits; province codes have 2 digits: {asked} 04?",
    ):
        assert expected in result.output, result.output
    assert not (folder / "units").exists()


def test_codes_of_a_plain_table_that_lost_their_zeros_are_refused(folder: Path) -> None:
    text = (
        "code,name,level,parent,type,effective_to,successors\n4,Tỉnh Bốn,province,,,,\n"
        "42,Huyện Xa,district,4,,2025-06-30,\n1294,Xã Một,commune,42,xa,2025-06-30,1300@2025-07-01 1301\n"
        "012940,Xã Hai,commune,20,xa,,\n"
    )

    result = run(a_file(folder, text), "--out", folder)

    assert result.exit_code == 1
    for expected in (
        "line 2: code = 4 has 1 digits; province codes have 2 digits",
        "line 3: code = 42 has 2 digits; district codes have 3 digits",
        "line 3: parent = 4 has 1 digits; province codes have 2 digits",
        "line 4: code = 1294 has 4 digits; commune codes have 5 digits",
        "line 4: successors = 1301 has 4 digits; commune codes have 5 digits",
        "line 5: code = 012940 has 6 digits; commune codes have 5 digits\n",
    ):
        assert expected in result.output, result.output
    assert not (folder / "units").exists()


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        pytest.param(SUCCESSION, ("--province", "99"), "has no unit of a province 99. It has 30, 40.", id="unknown"),
        pytest.param(
            SUCCESSION.replace(",30,", ",03,"), ("--province", "3"), "Write 03: province codes have 2", id="option"
        ),
        pytest.param(WITHOUT_ZEROS, ("--province", "04"), "It has 4: did a spreadsheet take the zero?", id="file"),
        pytest.param(SUCCESSION, ("--province", "30", "--province", "4"), "no unit of a province 4", id="one of two"),
        pytest.param(PLAIN, ("--province", "99"), "has no unit of a province 99. It has 30", id="plain"),
        pytest.param(SUCCESSION, ("--old-province", "301=4"), "--old-province 4 is no province code", id="former"),
        pytest.param(
            SUCCESSION, ("--region", "MARS"), "no region MARS. Name one of TDMNPB (Trung du miền núi", id="region"
        ),
    ],
)
def test_a_province_or_region_that_is_not_there_is_refused(
    folder: Path, text: str, options: tuple[str, ...], words: str
) -> None:
    result = run(a_file(folder, text), "--out", folder, *options)

    assert result.exit_code == 2
    assert words in result.output
    assert not (folder / "units").exists()


def test_the_hint_how_to_name_provinces_is_true(folder: Path) -> None:
    told = ("--old-province", "301-302=30", "--old-province", "201=40")
    names = "code,name,level\n30,Tỉnh Ba Mươi,province\n40,Tỉnh Bốn Mươi,province\n"
    table, provinces = a_file(folder, SUCCESSION), a_file(folder, names, "provinces.csv")
    written = folder / "units" / "table.yaml"

    first = run(table, "--out", folder, *told)
    assert "Provinces known by their code only: 30, 40." in first.output
    assert f"To name them, remove {written}, then import them first" in first.output

    too_early = run(provinces, "--out", folder)
    assert too_early.exit_code == 1
    assert "units/table.yaml is of an earlier import: remove it first, or write over it with --out" in too_early.output

    written.unlink()
    assert run(provinces, "--out", folder).exit_code == 0
    assert "known by their code only" not in run(table, "--out", folder, *told).output
    units = load_catalog(folder).unit_by_id
    assert (units["301"].parent, units["10001@2025-07-01"].parent, units["30"].name_vi) == ("30", "30", "Tỉnh Ba Mươi")


def test_a_province_that_changed_is_named_in_two_rows(folder: Path) -> None:
    names = (
        "code,name,level,effective_from,effective_to,successors\n"
        "30,Tỉnh Cũ,province,,2025-06-30,30@2025-07-01\n30,Tỉnh Mới,province,2025-07-01,,\n"
    )
    assert run(a_file(folder, names, "provinces.csv"), "--out", folder).exit_code == 0
    result = run(a_file(folder, SUCCESSION), "--out", folder, "--province", "30", "--old-province", "30")

    assert result.exit_code == 0, result.output
    units = load_catalog(folder).unit_by_id
    assert (units["301"].parent, units["10001@2025-07-01"].parent) == ("30", "30@2025-07-01")
