"""The texts of dispatches in a catalog folder: read, hashed, and refused when they are no text."""

import shutil
import unicodedata
from pathlib import Path

import pytest

from shared.catalog.load import SHIPPED, CatalogError, load_catalog, read_catalog

CAO_LOC = "caoloc-ubnd-vp-2024-09"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalog that a test may change."""
    return shutil.copytree(SHIPPED, tmp_path / "catalog")


@pytest.fixture
def text(folder: Path) -> Path:
    """The text of the Cao Lộc dispatch in that copy."""
    return folder / "dispatches" / "texts" / "cao-loc-2024-09.txt"


def test_a_text_is_part_of_the_version_of_the_rules(folder: Path, text: Path) -> None:
    before = load_catalog(folder)
    text.write_text(text.read_text("utf-8") + "\nMột dòng nữa.", encoding="utf-8")

    after = load_catalog(folder)

    assert before.digest != after.digest
    assert after.texts[CAO_LOC].endswith("Một dòng nữa.")
    assert before.rules_digest == after.rules_digest, "nothing is judged by it"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param("Cộng hòa".encode("utf-16"), "line 1: is not UTF-8; save the file as UTF-8", id="utf-16"),
        pytest.param(
            unicodedata.normalize("NFD", "a\nCộng hòa").encode(),
            "line 2: is not in Unicode form NFC; save the file in NFC",
            id="nfd",
        ),
    ],
)
def test_a_text_that_is_not_utf8_in_nfc_is_refused_with_its_line(
    folder: Path, text: Path, content: bytes, what: str
) -> None:
    text.write_bytes(content)

    with pytest.raises(CatalogError) as error:
        load_catalog(folder)

    assert str(error.value) == f"dispatches/texts/cao-loc-2024-09.txt: {what}", "its quotes are not told to be missing"


def test_a_catalog_without_texts_is_a_catalog(folder: Path, text: Path) -> None:
    file = folder / "dispatches" / "cao-loc-2024-09.yaml"
    file.write_text(file.read_text("utf-8").replace("text_file: cao-loc-2024-09.txt\n", ""), encoding="utf-8")
    text.unlink()

    assert set(load_catalog(folder).texts) == {"giangthanh-ttyt-496-2025"}


def test_what_can_be_read_is_there_beside_every_problem(folder: Path, text: Path) -> None:
    text.unlink()

    reading = read_catalog(folder)

    assert [problem.key for problem in reading.problems] == ["text_file"]
    assert reading.dispatches["dispatches/cao-loc-2024-09.yaml"] == CAO_LOC
    assert CAO_LOC in reading.catalog.dispatch_by_id
