"""Units in several files of one catalog: units.yaml and every file of the folder units."""

import shutil
from pathlib import Path

import pytest

from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.problems import CatalogError

HA_GIANG = """\
units:
  - {id: "08", code: "08", level: province, name_vi: Tỉnh Tuyên Quang}
  - {id: "02269", code: "02269", level: commune, type: xa, name_vi: Xã Sơn Dương, parent: "08"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalog with a second file of units."""
    catalog = Path(shutil.copytree(SHIPPED, tmp_path / "catalog"))
    (catalog / "units").mkdir()
    (catalog / "units" / "08.yaml").write_text(HA_GIANG, "utf-8")
    return catalog


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(folder)
    return str(caught.value).splitlines()


def rewrite(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / "units" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_the_units_of_all_files_are_one_catalog(folder: Path) -> None:
    alone, together = load_catalog(), load_catalog(folder)

    assert len(together.units) == len(alone.units) + 2
    assert together.unit_by_id["02269"].parent == "08"
    assert together.digest != alone.digest


def test_an_empty_folder_changes_nothing(folder: Path) -> None:
    (folder / "units" / "08.yaml").unlink()

    assert load_catalog(folder).digest == load_catalog().digest


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            'parent: "08"',
            'parent: "09"',
            "units/08.yaml: units[1] (02269).parent = 09: is not the id of any unit; correct it or define that unit",
            id="parent",
        ),
        pytest.param(
            'id: "02269"',
            'id: "06184"',
            "units/08.yaml: units[1] (06184).id = 06184: is also the id of units[8] of units.yaml; "
            "give each its own, or remove one",
            id="an id of another file",
        ),
        pytest.param(
            'code: "02269"',
            'code: "06223"',
            "units/08.yaml: units[1] (02269).code = 06223: is held by 06223 (Xã Hòa Cư) on the same days; "
            "let one end before the other starts",
            id="a code of another file",
        ),
        pytest.param(
            'id: "02269"',
            'id: "06223"',
            "units/08.yaml: units[1] (06223).id = 06223: is the code of another unit; "
            "choose another id, such as 02269@DAY",
            id="an id that is another unit's code",
        ),
        pytest.param(
            "type: xa,",
            "type: xa, region: MARS,",
            "units/08.yaml: units[1] (02269).region = MARS: is not defined in regions; "
            "use one of BTB, DBSCL, DBSH, DHNTB, DNB, TDMNPB, TN, or define it there",
            id="region",
        ),
        pytest.param(
            "type: xa,",
            "type: xa, source: NOWHERE,",
            "units/08.yaml: units[1] (02269).source = NOWHERE: is not defined in sources of rulesets.yaml; "
            "correct it, or define it there",
            id="source",
        ),
        pytest.param(
            "type: xa,",
            "type: xa, split: true,",
            "units/08.yaml: units[1] (02269).split = True: says that the unit was split, but it has fewer than two "
            "successors; name all, or remove split",
            id="split",
        ),
        pytest.param(
            "type: xa,",
            "kind: xa,",
            "units/08.yaml: units[1] (02269).kind = xa: is not a known key; correct the spelling or remove it",
            id="shape",
        ),
        pytest.param(
            "name_vi: Tỉnh Tuyên Quang}",
            'name_vi: Tỉnh Tuyên Quang, parent: "20"}',
            "units/08.yaml: units[0] (08).parent = 20: is a province, which cannot be above a province; "
            "remove it: nothing is above a province",
            id="province",
        ),
    ],
)
def test_a_problem_names_the_file_that_it_is_in(folder: Path, old: str, new: str, expected: str) -> None:
    rewrite(folder, "08.yaml", old, new)

    assert expected in problems_of(folder)


def test_a_problem_of_the_first_file_still_names_it(folder: Path) -> None:
    path = folder / "units.yaml"
    path.write_text(path.read_text("utf-8").replace('parent: "914"', 'parent: "915"', 1), "utf-8")

    assert problems_of(folder)[0].startswith("units.yaml: units[30] (30791).parent = 915: is not the id of any unit")


def test_a_file_of_another_kind_in_the_folder_is_refused(folder: Path) -> None:
    (folder / "units" / "09.yml").write_text(HA_GIANG, "utf-8")

    assert problems_of(folder)[0].startswith("units/09.yml: is not a file of a catalog; name it")


def test_a_former_district_may_lack_its_province_only_when_that_is_uncertain(folder: Path) -> None:
    district = '  - {id: "030", code: "030", level: district, name_vi: Huyện Bắc Mê, %s}\n'
    path = folder / "units" / "08.yaml"

    path.write_text(HA_GIANG + district % "effective_to: 2025-06-30, confidence: uncertain", "utf-8")
    assert load_catalog(folder).unit_by_id["030"].parent is None

    for fields in ("effective_to: 2025-06-30", "confidence: uncertain"):
        path.write_text(HA_GIANG + district % fields, "utf-8")
        assert "units/08.yaml: units[2] (030).parent: is missing; give the id of the province above" in problems_of(
            folder
        )
