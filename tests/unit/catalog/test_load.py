"""Reading a catalog folder: what is refused, and how the refusal reads."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.problems import CatalogError
from shared.catalog.strict_yaml import parse_yaml

Folder = Path


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A copy of the shipped catalog, to be spoilt."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "catalog"))


def change(folder: Folder, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text, f"{file} has no {old!r}"
    path.write_text(text.replace(old, new, 1), "utf-8")


def problems_of(folder: Folder) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(folder)
    return str(caught.value).splitlines()


CAO_LOC = "dispatches/cao-loc-2024-09.yaml"
HMIS = "profiles/hmis.yaml"
BAO_LAM = 'name_vi: Xã Bảo Lâm, parent: "183", region: TDMNPB, '
BAD_VALUES = yaml.safe_load((Path(__file__).parent / "bad_values.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["expect"][:60]) for case in BAD_VALUES])
def test_a_bad_value_is_refused_with_file_key_value_and_remedy(folder: Folder, case: dict[str, str]) -> None:
    change(folder, case["file"], case["old"], case["new"])

    lines = problems_of(folder)

    assert case["expect"] in lines


def test_a_second_profile_of_one_source_is_refused(folder: Folder) -> None:
    shutil.copy(folder / HMIS, folder / "profiles" / "second.yaml")

    assert problems_of(folder)[0].startswith("profiles/second.yaml: source = hmis: has a profile in profiles/hmis.yaml")


def test_forms_that_no_header_could_tell_apart_are_refused(folder: Folder) -> None:
    form = (folder / "forms" / "bhyt-xa.yaml").read_text("utf-8")
    (folder / "forms" / "second.yaml").write_text(form.replace("id: bhyt-xa", "id: second"), "utf-8")

    (problem,) = problems_of(folder)
    assert problem == (
        "forms/second.yaml: columns = second: no header could tell this form from bhyt-xa; require a column that the "
        "other has not, name the sheets, or say named_only: true"
    )


def test_a_circle_of_parents_is_refused_and_does_not_hang(folder: Folder) -> None:
    change(folder, "units.yaml", 'name_vi: Huyện Cao Lộc, parent: "20"', 'name_vi: Huyện Cao Lộc, parent: "914"')
    change(
        folder, "units.yaml", 'name_vi: Huyện Giang Thành, parent: "91"', 'name_vi: Huyện Giang Thành, parent: "183"'
    )

    lines = problems_of(folder)

    assert "units.yaml: units (183).parent = 183 -> 914 -> 183: goes round in a circle; break the circle" in lines


def into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILT_FILES: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing", Path.unlink, "units.yaml: the file is missing; create it in "),
    ("empty", lambda path: path.write_text(""), "units.yaml: is empty; give the keys: regions, groups, units"),
    ("list", lambda path: path.write_text("- 1"), "units.yaml: is not a mapping of keys; give the keys: regions"),
    ("yaml", lambda path: path.write_text("units:\n  - {id: 1\n"), "units.yaml: line 3: is not valid YAML ("),
    ("tab", lambda path: path.write_text("units:\n\t- a\n"), "units.yaml: line 2: is not valid YAML ("),
    (
        "utf8",
        lambda path: path.write_bytes(b"units:\n  - \xff\xfe"),
        "units.yaml: line 2: is not UTF-8; save the file as",
    ),
    (
        "nfd",
        lambda path: path.write_text("units: []\n# xa\u0303"),
        "units.yaml: line 2: is not in Unicode form NFC; save",
    ),
    (
        "twice",
        lambda path: path.write_text("units: []\ngroups: []\nunits: []\n"),
        "line 3 = units: this key is given twi",
    ),
    (
        "code",
        lambda path: path.write_text("units: !!python/object/apply:os.system [id]"),
        "line 1: is not valid YAML (c",
    ),
    ("depth", lambda path: path.write_text("[" * 3000), "units.yaml"),
    (
        "folder",
        into_a_folder,
        "units.yaml: cannot be read (Is a directory); make it readable",
    ),
]


@pytest.mark.parametrize(("spoil", "expected"), [pytest.param(*case[1:], id=case[0]) for case in SPOILT_FILES])
def test_a_file_that_cannot_be_read_is_named_with_its_line(
    folder: Folder, spoil: Callable[[Path], object], expected: str
) -> None:
    spoil(folder / "units.yaml")

    lines = problems_of(folder)

    assert len(lines) == 1, "what only follows from an unreadable file is not repeated"
    assert expected in lines[0]


def test_a_misspelt_file_name_is_not_ignored(folder: Folder) -> None:
    (folder / "adresses.yaml").write_text("addresses: []")
    (folder / "dispatches" / "other.yml").write_text("{}")

    lines = problems_of(folder)

    assert [line.split(": ", 1)[0] for line in lines] == ["adresses.yaml", "dispatches/other.yml"]


def test_all_problems_of_all_files_are_told_at_once(folder: Folder) -> None:
    change(folder, "units.yaml", BAO_LAM, BAO_LAM.replace("TDMNPB", "MARS"))
    change(folder, "rulesets.yaml", "indicator: bhyt_coverage", "indicator: bhyt")
    change(folder, "addresses.yaml", "unit: phong_ktht", "unit: phong_x")
    change(folder, CAO_LOC, "clauses: [c7a,", "clauses: [c9z,")
    (folder / "indicators.yaml").write_text("indicators: [")

    files = {line.split(": ", 1)[0] for line in problems_of(folder)}

    assert files == {"units.yaml", "addresses.yaml", CAO_LOC, "indicators.yaml"}


def test_a_folder_that_is_missing_is_named_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="the catalog folder is missing; set DATCHUAN_CATALOG"):
        load_catalog(tmp_path / "nowhere")


def test_the_digest_changes_with_any_byte_and_only_then(folder: Folder) -> None:
    before = load_catalog(folder).digest
    again = load_catalog(SHIPPED).digest
    change(folder, "addresses.yaml", "bhxh.caoloc@", "bhxh2.caoloc@")

    after = load_catalog(folder).digest

    assert before == again
    assert len(after) == 12
    assert after != before


def test_a_national_list_of_units_loads_quickly(folder: Folder) -> None:
    lines = ["regions: [{code: R0, name_vi: Vùng}]", "units:"]
    lines += ['  - {id: "P0", code: "P0", level: province, name_vi: Tỉnh}']
    lines += [
        f'  - {{id: "D{d}", code: "D{d}", level: district, name_vi: Huyện {d}, parent: "P0"}}' for d in range(705)
    ]
    lines += [
        f'  - {{id: "X{c:05}", code: "X{c:05}", level: commune, type: xa, name_vi: Xã {c}, parent: "D{c % 705}", '
        f"region: R0, effective_from: 2020-01-01}}"
        for c in range(10_600)
    ]
    (folder / "units.yaml").write_text("\n".join(lines), "utf-8")
    (folder / "rulesets.yaml").write_text("rulesets: []\nstandards: []\nrules: []\n")
    for name in ("dispatches", "profiles", "forms", "addresses.yaml", "policies.yaml"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    started = time.process_time()
    catalog = load_catalog(folder)

    assert len(catalog.units) == 11_306
    assert time.process_time() - started < 3


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_give_data_or_a_problem_and_never_an_exception(content: bytes) -> None:
    data, problem = parse_yaml("any.yaml", content)

    assert problem is None or (data is None and str(problem).startswith("any.yaml: "))
