"""Empty forms: filled in and sent back they are read without a question."""

import csv
import zipfile
from io import BytesIO, StringIO
from typing import Any

import pytest
import python_calamine

from services.ingest.adapters.formats.form_guide import GUIDE, word_lists
from services.ingest.adapters.formats.form_workbook import csv_of, workbook_of
from services.ingest.domain.values import DataValue
from shared.catalog.forms import Column, Form, Holds
from shared.contracts.vocabulary import MeasureKind
from tests.unit.ingest.sheet_files import CATALOG, read, table_of, text, xlsx

COMMUNES = (("06184", "Thị trấn Đồng Đăng"), ("06187", "Thị trấn Cao Lộc"))
FORMS = [pytest.param(form, id=form.id) for form in CATALOG.forms]
FILLED = {
    Holds.COMMUNE_CODE: "06184", Holds.COMMUNE_NAME: "Thị trấn Đồng Đăng", Holds.PERIOD: "9T/2024",
    Holds.INDICATOR: "BHYT", Holds.SEX: "Nữ", Holds.NUMERATOR: "3.498", Holds.DENOMINATOR: "3.620",
    Holds.STAGE: "Chính thức", Holds.EVIDENCE_URI: "https://vb.example/1", Holds.EVIDENCE_SHA256: "0a" * 32,
    Holds.EVIDENCE_NOTE: "QĐ 1", Holds.ISSUED_ON: "01/03/2024", Holds.VALID_UNTIL: "31/12/2026",
    Holds.OBSERVED_AT: "05/10/2024", Holds.IGNORED: "",
}  # fmt: skip


def filled(column: Column) -> Any:
    """What an official writes into a column."""
    if column.holds is not Holds.MEASURE:
        return FILLED.get(column.holds, "")
    measures = CATALOG.indicator_by_key[column.indicator or ""].measures
    if column.role != "value":
        return "3.620" if column.role == "denominator" else "3.401"
    return "0" if MeasureKind.COUNT in measures else "Có"


def expected(form: Form) -> list[Any]:
    holders = [column for column in form.offered if column.holds in (Holds.MEASURE, Holds.NUMERATOR, Holds.DENOMINATOR)]
    worth = {"3.620": 3620, "3.401": 3401, "3.498": 3498, "0": 0, "Có": True}
    return [worth[filled(column)] for column in holders]


def rows_of(workbook: bytes) -> list[list[Any]]:
    sheet = python_calamine.load_workbook(BytesIO(workbook)).get_sheet_by_index(0)
    return sheet.to_python(skip_empty_area=False)


def values(placed: Any) -> list[Any]:
    return [row.value if isinstance(row, DataValue) else row.fault for _, row in placed]


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_workbook_filled_in_and_sent_back_is_read(form: Form) -> None:
    rows = rows_of(workbook_of(form, CATALOG.indicator_by_key))
    rows[1][1] = "9T/2024"
    body = xlsx((*rows, [filled(column) for column in form.offered]), sheet=form.id)

    placed = read(body, table_of(form.id) if form.named_only else None)

    assert values(placed) == expected(form)
    assert {row.period for _, row in placed if isinstance(row, DataValue)} == {"2024-9M"}


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_csv_filled_in_and_sent_back_is_read(form: Form) -> None:
    rows = list(csv.reader(StringIO(csv_of(form).decode("utf-8-sig"), newline=""), delimiter=";"))
    rows[1][1] = "9T/2024"
    body = text((*rows, [filled(column) for column in form.offered]))

    placed = read(body, table_of(form.id) if form.named_only else None)

    assert values(placed) == expected(form)
    assert {row.period for _, row in placed if isinstance(row, DataValue)} == {"2024-9M"}


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_form_with_communes_holds_no_data_yet_and_no_mistake(form: Form) -> None:
    table = table_of(form.id)

    assert read(workbook_of(form, CATALOG.indicator_by_key, COMMUNES), table) == []
    assert read(csv_of(form, COMMUNES), table) == []


def test_an_empty_form_keeps_the_zeros_of_codes_and_numbers_its_rows() -> None:
    rows = rows_of(workbook_of(CATALOG.form_by_id["bhyt-xa"], CATALOG.indicator_by_key, COMMUNES))

    assert [row[:3] for row in rows[5:]] == [[1.0, *COMMUNES[0]], [2.0, *COMMUNES[1]]]


def test_an_empty_form_explains_every_column_in_vietnamese() -> None:
    for form in CATALOG.forms:
        book = python_calamine.load_workbook(BytesIO(workbook_of(form, CATALOG.indicator_by_key)))
        told = "\n".join(str(row[0]) for row in book.get_sheet_by_name(GUIDE).to_python())
        assert [column.title for column in form.offered if f"Cột «{column.title}»" not in told] == []


def test_two_header_rows_are_merged_over_their_groups() -> None:
    sheet = python_calamine.load_workbook(
        BytesIO(workbook_of(CATALOG.form_by_id["bhyt-xa"], CATALOG.indicator_by_key))
    ).get_sheet_by_index(0)

    assert ((3, 3), (3, 4)) in (sheet.merged_cell_ranges or [])
    assert ((3, 1), (4, 1)) in (sheet.merged_cell_ranges or [])


def guide_of(form: str) -> list[list[Any]]:
    book = python_calamine.load_workbook(BytesIO(workbook_of(CATALOG.form_by_id[form], CATALOG.indicator_by_key)))
    return book.get_sheet_by_name(GUIDE).to_python()


def test_the_instructions_of_a_form_that_must_be_named_say_how() -> None:
    assert "form=bhyt-so-the" in str(guide_of("bhyt-so-the"))
    assert "form=bhyt-xa" not in str(guide_of("bhyt-xa"))


def test_the_instructions_and_the_check_of_a_cell_say_the_same_of_separators() -> None:
    workbook = workbook_of(CATALOG.form_by_id["bhyt-xa"], CATALOG.indicator_by_key)
    with zipfile.ZipFile(BytesIO(workbook)) as parts:
        checks = parts.read("xl/worksheets/sheet1.xml").decode()

    assert "không cần dấu phân cách hàng nghìn" in checks
    assert "không cần dấu phân cách hàng nghìn" in str(guide_of("bhyt-xa"))


def test_the_words_to_choose_from_name_each_indicator_once() -> None:
    words = word_lists(CATALOG.form_by_id["chi-tieu"])

    assert len(words[Holds.INDICATOR]) == len(CATALOG.indicators)
    assert words[Holds.SEX] == ("Nam", "Nữ", "Chung")
