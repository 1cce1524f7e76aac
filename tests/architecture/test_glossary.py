"""docs/glossary.md and shared/contracts/vocabulary.py hold the same closed lists."""

import re
import unicodedata
from enum import StrEnum
from pathlib import Path

import pytest

from datchuan.labels import QUARANTINE_REASON_VI
from shared.contracts import vocabulary

ENUMS = {
    name: member
    for name, member in vars(vocabulary).items()
    if isinstance(member, type) and issubclass(member, StrEnum) and member is not StrEnum
}
COLUMNS = ["Vietnamese", "English", "identifier", "meaning", "source"]


@pytest.fixture(scope="module")
def sections(root: Path) -> dict[str, list[list[str]]]:
    """The rows of every table of the glossary, by the heading above it."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in (root / "docs/glossary.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|") and not re.fullmatch(r"[|\-\s]+", line):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_every_closed_list_has_its_table_and_every_table_its_closed_list(sections: dict[str, list[list[str]]]) -> None:
    assert set(sections) - {"Terms"} == set(ENUMS)


@pytest.mark.parametrize("name", ENUMS)
def test_a_table_has_exactly_the_members_of_its_closed_list(sections: dict[str, list[list[str]]], name: str) -> None:
    written = [row[2].strip("`") for row in sections[name][1:]]

    assert written == [member.value for member in ENUMS[name]]


def test_the_reasons_are_printed_in_the_words_of_the_glossary(sections: dict[str, list[list[str]]]) -> None:
    written = {row[2].strip("`"): row[0] for row in sections["QuarantineReason"][1:]}

    assert written == {reason.value: text for reason, text in QUARANTINE_REASON_VI.items()}


def test_every_row_is_complete(sections: dict[str, list[list[str]]]) -> None:
    assert [rows[0] for rows in sections.values() if rows[0] != COLUMNS] == []
    assert [row for rows in sections.values() for row in rows if len(row) != len(COLUMNS) or not all(row)] == []


def test_the_vietnamese_of_the_glossary_is_composed_unicode(root: Path) -> None:
    text = (root / "docs/glossary.md").read_text(encoding="utf-8")

    assert unicodedata.is_normalized("NFC", text)
