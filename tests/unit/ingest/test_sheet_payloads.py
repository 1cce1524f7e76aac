"""The real files of DATCHUAN_TEST_DATA: what comes out of each, by outcome."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from services.ingest.domain.values import BadValue
from tests.unit.ingest.sheet_files import Placed, read

DATA = os.environ.get("DATCHUAN_TEST_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="DATCHUAN_TEST_DATA names no folder")


def counts(placed: Placed) -> Counter[str]:
    return Counter(row.fault.reason.value if isinstance(row, BadValue) else "value" for _, row in placed)


def payload(name: str, **wishes: Any) -> Placed:
    return read((Path(DATA or "") / "payloads" / "vietnam" / name).read_bytes(), **wishes)


def test_the_wide_workbook_gives_eleven_values_and_one_ambiguous_number() -> None:
    placed = payload("synthetic_bhyt_xa_9thang_2024.xlsx")

    assert counts(placed) == {"value": 11, "ambiguous_number": 1}
    assert [place for place, row in placed if isinstance(row, BadValue)] == ["BHYT 9 tháng!D6"]


def test_the_old_workbook_gives_two_values_once_its_form_and_period_are_named() -> None:
    assert counts(payload("synthetic_legacy.xls", form="bhyt-so-the", period="9T/2024")) == {"value": 2}


def test_the_text_file_gives_four_values() -> None:
    assert counts(payload("synthetic_semicolon_utf8bom.csv")) == {"value": 4}
