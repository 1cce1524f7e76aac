"""Any cells under the headers of any form: data values of whole meaning, or rows that say what is wrong."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.adapters.formats.form_cells import FormVocabulary
from services.ingest.adapters.formats.form_rows import FormRows, SheetContext
from services.ingest.adapters.formats.sheet_grids import Grid
from services.ingest.domain.forms import DATE, ERROR, FORMULA, FormReader, Head, Header, OddCell
from services.ingest.domain.values import BadValue, DataValue
from shared.catalog.forms import Form
from tests.unit.ingest.sheet_files import CATALOG

FORMS = [pytest.param(form, id=form.id) for form in CATALOG.forms]
WORDS = ("06184", "Xã Hòa Cư", "BHYT", "Thấp còi", "Nam", "Y tế", "9T/2024", "3.620", "96,7", "Có", "x", "-",
         "Tổng cộng", "30/09/2024", "Sơ bộ", "")  # fmt: skip
CELLS = (
    st.sampled_from(WORDS)
    | st.text(max_size=12)
    | st.floats()
    | st.integers(-5, 10**12)
    | st.booleans()
    | st.none()
    | st.builds(OddCell, st.sampled_from((DATE, ERROR, FORMULA)), st.sampled_from(("2024-09-30", "#REF!", "=")))
)


def rows_under(form: Form, rows: list[list[Any]], **context: Any) -> list[Any]:
    height = form.levels
    heads: list[Any] = [[(*column.header, "")[level] for column in form.columns] for level in range(height)]
    everything = [*heads, *rows]
    grid = Grid(name="S", head=everything, rows=lambda: iter(enumerate(everything)), place=lambda r, c: f"{r}:{c}")
    header = FormReader(form).match(Head(everything))
    assert isinstance(header, Header)
    return list(FormRows(grid, header, FormVocabulary(form, CATALOG.indicators), SheetContext(**context)))


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60)
@given(st.data())
def test_any_cells_give_whole_data_values_or_faults(form: Form, data: st.DataObject) -> None:
    width = len(form.columns)
    rows = data.draw(st.lists(st.lists(CELLS, max_size=width + 2), max_size=6))

    for row, number, column in rows_under(form, rows, period="2024"):
        assert number >= form.levels
        assert 0 <= column <= width + 2
        if isinstance(row, BadValue):
            assert set(json.loads(row.raw)) == {"form", "place", "cells"}
            continue
        assert isinstance(row, DataValue)
        assert row.indicator in CATALOG.indicator_by_key
        assert row.role in ("numerator", "denominator", "value")
        assert row.org_unit or row.org_unit_name
        assert row.value is None or (isinstance(row.value, int | float) and math.isfinite(row.value))
        assert row.deleted or row.value is not None


@pytest.mark.parametrize("form", FORMS)
def test_a_row_of_good_cells_loses_none_of_its_numbers(form: Form) -> None:
    good = {"commune_code": "06184", "commune_name": "Xã", "indicator": "Thấp còi", "numerator": 5, "denominator": 10}
    row = [
        good.get(column.holds.value, 7 if column.role in ("numerator", "denominator") else "")
        for column in form.columns
    ]

    placed = rows_under(form, [row], period="2024")

    assert sorted(column for _, _, column in placed) == [
        index for index, cell in enumerate(row) if isinstance(cell, int) and not isinstance(cell, bool)
    ]
