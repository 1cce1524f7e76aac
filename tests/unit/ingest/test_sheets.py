"""Workbooks of communes: the form is found by its header, each cell with a number is one data value."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from services.ingest.domain.errors import MalformedBodyError, UnsupportedRequestError
from services.ingest.domain.values import BadValue, DataValue
from tests.unit.ingest.sheet_files import (
    BHYT_HEAD,
    CATALOG,
    LONG_HEAD,
    good,
    in_part,
    numbers,
    ods,
    read,
    table_of,
    xls,
    xlsx,
)

MERGES = ("A2:I2", "A4:A5", "B4:B5", "C4:C5", "D4:E4", "F4:G4", "H4:H5", "I4:I5")
DONG_DANG = (1, "06184", "Thị trấn Đồng Đăng", 3512, "3.620", 3401, "3.498", "96,7", "")
CAO_LOC = (2, 6187, "TT Cao Lộc", 4100, 4203, 4012, 4150, 0.9829, "Đạt")


def long(*rows: Any) -> bytes:
    return xlsx((LONG_HEAD, *rows))


@pytest.mark.parametrize(
    "write",
    [pytest.param(lambda rows: xlsx(rows, MERGES), id="xlsx merged"), pytest.param(xlsx, id="xlsx plain"),
     pytest.param(xls, id="xls"), pytest.param(ods, id="ods")],
)  # fmt: skip
def test_a_wide_form_with_two_header_rows_is_read_in_every_format(write: Callable[[Any], bytes]) -> None:
    placed = read(write((*BHYT_HEAD, DONG_DANG, CAO_LOC)))

    assert [row.value for _, row in placed if isinstance(row, DataValue)] == [
        3512, 3620, 3401, 3498, 4100, 4203, 4012, 4150,
    ]  # fmt: skip
    assert placed[3][1] == DataValue(
        org_unit="06184", org_unit_name="Thị trấn Đồng Đăng", period="2024-9M", indicator="bhyt_coverage",
        role="numerator", sex="female", value=3498,
    )  # fmt: skip
    assert placed[3][0].endswith("!G6")
    assert good(placed)[4].org_unit == "06187"


def test_totals_empty_rows_column_numbers_and_signatures_are_no_data() -> None:
    rows = (
        *BHYT_HEAD,
        ("A", "B", "C", 1, 2, 3, 4, 5, 6),
        DONG_DANG,
        ("", "06223", "Xã Hoà Cư (bổ sung)", "", "-", "…", "--", "", ""),
        ("I", "", "Các xã vùng III", "", "", "", "", "", ""),
        ("", "", "Tổng cộng", 3512, 3620, 3401, 3498, "96,7", ""),
        (),
        ("", "", "", "", "", "Cao Lộc, ngày 05 tháng 10 năm 2024", "", "", ""),
        ("", "", "NGƯỜI LẬP BIỂU", "", "", "GIÁM ĐỐC", "", "", ""),
        ("", "", "Nguyễn Văn A", "", "", "(Ký, ghi rõ họ tên)", "", "", ""),
    )

    assert list(numbers(read(xlsx(rows)))) == ["BHYT!D7", "BHYT!E7", "BHYT!F7", "BHYT!G7"]


def test_a_header_that_is_repeated_on_the_next_page_is_no_data() -> None:
    rows = (*BHYT_HEAD, DONG_DANG, *BHYT_HEAD[3:], CAO_LOC)

    assert len(read(xlsx(rows))) == 8


def test_a_commune_whose_name_begins_like_a_total_is_data() -> None:
    rows = (*BHYT_HEAD, ("", "", "Cộng Hòa", 10, 10, 5, 5, "", ""), ("", "01234", "Tổng Cọt", 10, 10, 5, 5, "", ""))

    assert len(read(xlsx(rows))) == 8


def test_numbers_in_a_row_without_code_and_name_are_set_aside() -> None:
    placed = read(xlsx((*BHYT_HEAD, ("", "", "", 10, "", 5, "", "", ""))))

    assert numbers(placed) == {"BHYT!D6": "missing_field", "BHYT!F6": "missing_field"}


def test_a_bad_cell_spoils_no_other() -> None:
    row = (1, "06184", "TT Đồng Đăng", 3.512, "3,620", "abc", -5, "", "")

    assert numbers(read(xlsx((*BHYT_HEAD, row, CAO_LOC)))) == {
        "BHYT!D6": "ambiguous_number", "BHYT!E6": "not_an_integer", "BHYT!F6": "not_a_number",
        "BHYT!G6": "negative_number", "BHYT!D7": 4100, "BHYT!E7": 4203, "BHYT!F7": 4012, "BHYT!G7": 4150,
    }  # fmt: skip


def test_what_the_quarantine_keeps_of_a_bad_cell_can_never_be_taken_by_a_retry() -> None:
    placed = read(xlsx((*BHYT_HEAD, (1, "06184", "TT Đồng Đăng", 3.512, "", "", "", "", ""))))

    bad = placed[0][1]
    assert isinstance(bad, BadValue)
    assert bad.raw.startswith(b'{"form":"bhyt-xa","place":"BHYT!D6","cells":{')


def test_a_formula_without_a_result_an_error_and_a_date_are_set_aside() -> None:
    row = (1, "06184", "TT Đồng Đăng", "=1+1", dt.date(2024, 9, 30), 5, "#REF!", "", "")

    assert numbers(read(xlsx((*BHYT_HEAD, row)))) == {
        "BHYT!D6": "uncomputed_formula", "BHYT!E6": "not_a_number", "BHYT!F6": 5, "BHYT!G6": "uncomputed_formula",
    }  # fmt: skip


def test_an_error_cell_is_set_aside_and_not_taken_for_empty() -> None:
    row = (1, "06184", "TT Đồng Đăng", "=1/0", 5, 5, 5, "", "")

    assert numbers(read(xlsx((*BHYT_HEAD, row), result="#DIV/0!")))["BHYT!D6"] == "uncomputed_formula"


def test_a_formula_of_a_program_that_cannot_compute_is_not_taken_for_0() -> None:
    row = (1, "06184", "TT Đồng Đăng", "=1+1", 5, 5, 5, "", "")

    assert numbers(read(xlsx((*BHYT_HEAD, row), result=0)))["BHYT!D6"] == "uncomputed_formula"
    assert numbers(read(xlsx((*BHYT_HEAD, row), result=7)))["BHYT!D6"] == 7


def test_formulas_below_the_last_value_are_told_too() -> None:
    rows = (*BHYT_HEAD, DONG_DANG, ("", "", "", "=1", "=1", "=1", "=1", "", ""))

    assert [row.fault.reason for _, row in read(xlsx(rows)) if isinstance(row, BadValue)] == ["missing_field"] * 4


def test_formulas_and_errors_of_old_workbooks_are_told() -> None:
    row = (1, "06184", "TT Đồng Đăng", "=1+1", "#DIV/0!", 5, 5, "", "")

    told = numbers(read(xls((*BHYT_HEAD, row))))

    assert [told[f"Sheet1!{place}"] for place in ("D6", "E6", "F6")] == ["uncomputed_formula", "uncomputed_formula", 5]


def test_formulas_and_errors_of_open_documents_are_told() -> None:
    cell = b'<table:table-cell office:value-type="float" office:value="10"/>'
    body = ods((*BHYT_HEAD, (1, "06184", "TT Đồng Đăng", 10, 10, 10, 10, "", "")))
    odd = (
        b'<table:table-cell table:formula="of:=1+1"/><table:table-cell table:formula="of:=1/0" '
        b'office:value-type="string" office:string-value="" calcext:value-type="error" '
        b'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"/>'
    )

    told = numbers(read(in_part("content.xml", cell + cell, odd, body)))

    assert told == {"BHYT!D6": "uncomputed_formula", "BHYT!E6": "uncomputed_formula", "BHYT!F6": 10, "BHYT!G6": 10}


def test_uncomputed_formulas_in_ignored_columns_harm_nobody() -> None:
    row = (*DONG_DANG[:7], "=F6/D6", "")

    assert not [row for _, row in read(xlsx((*BHYT_HEAD, row))) if isinstance(row, BadValue)]


def test_a_misspelt_column_is_named_and_the_file_refused() -> None:
    head = [list(row) for row in BHYT_HEAD]
    head[3][5] = "Số người có the BHYT"

    with pytest.raises(MalformedBodyError) as caught:
        read(xlsx((*head, DONG_DANG)))

    assert str(caught.value) == (
        "Nearly the form bhyt-xa (sheet 'BHYT'): missing Số người có thẻ BHYT / Nam, Số người có thẻ BHYT / Nữ; "
        "unknown Số người có the BHYT / Nam, Số người có the BHYT / Nữ. "
        "Gần giống biểu bhyt-xa (trang tính «BHYT»): thiếu Số người có thẻ BHYT / Nam, Số người có thẻ BHYT / Nữ; "
        "không có trong biểu Số người có the BHYT / Nam, Số người có the BHYT / Nữ."
    )


def test_a_column_too_many_is_named() -> None:
    rows = [list(row) for row in (*BHYT_HEAD, DONG_DANG)]
    rows[3] += ["Hộ nghèo"]

    with pytest.raises(MalformedBodyError, match=r"Nearly the form bhyt-xa \(sheet 'BHYT'\): unknown Hộ nghèo\."):
        read(xlsx(rows))


def test_a_column_that_stands_twice_is_named() -> None:
    with pytest.raises(MalformedBodyError, match=r"Nearly the form chi-tieu \(sheet 'BHYT'\): twice Tử số\."):
        read(xlsx((("Mã xã", "Chỉ tiêu", "Tử số", "TỬ SỐ"), ("06184", "BHYT", 1, 2))))


def test_headers_match_in_any_writing_of_tones_case_and_spaces() -> None:
    head = [list(row) for row in BHYT_HEAD]
    head[3][:4] = ["Stt", "MÃ  XÃ:", "Tên xã, thị\ntrấn", "Da\u0302n so\u0302\u0301"]

    assert len(read(xlsx((*head, DONG_DANG)))) == 4


def test_headers_that_do_not_say_what_is_counted_need_the_name_of_the_form() -> None:
    body = xls((("Mã xã", "Tên xã", "Nam", "Nữ"), ("06184", "Thị trấn Đồng Đăng", 3401, "3.498")))

    with pytest.raises(MalformedBodyError, match=r"bhyt-so-the .*: missing its name in the parameter `form`"):
        read(body, period="9T/2024")
    named = read(body, form="bhyt-so-the", period="9T/2024")
    by_profile = read(body, table_of("bhyt-so-the"), period="2024-9M")

    assert numbers(named) == {"Sheet1!C2": 3401, "Sheet1!D2": 3498}
    assert by_profile == named


def test_a_profile_narrows_the_forms() -> None:
    with pytest.raises(MalformedBodyError, match="Nearly the form chi-tieu"):
        read(xlsx((*BHYT_HEAD, DONG_DANG)), table_of("chi-tieu"))


def test_a_form_that_is_not_in_the_catalog_is_named() -> None:
    with pytest.raises(UnsupportedRequestError, match="The form 'bhyt' is not in the catalog"):
        read(xlsx((*BHYT_HEAD, DONG_DANG)), form="bhyt")


def test_every_visible_sheet_of_a_form_is_read_and_hidden_ones_are_not() -> None:
    more = (("BÁO CÁO THÁNG 10 NĂM 2024",), *BHYT_HEAD[3:], CAO_LOC)
    others = (("Tháng 10", more, False), ("Cũ", (*BHYT_HEAD, CAO_LOC), True), ("Ghi chú", (("x",),), False))

    placed = read(xlsx((*BHYT_HEAD, DONG_DANG), others=others))

    assert [place for place, _ in placed][3:5] == ["BHYT!G6", "Tháng 10!D4"]
    assert [row.period for _, row in placed if isinstance(row, DataValue)] == ["2024-9M"] * 4 + ["2024-10"] * 4


def test_a_sheet_with_numbers_that_is_nearly_a_form_is_not_passed_over() -> None:
    near = (("Mã xã", "Tên xã", "Chỉ tiêu", "Tử số", "Mãu số"), ("06184", "", "BHYT", 1, 2))

    with pytest.raises(MalformedBodyError, match=r"Nearly the form chi-tieu \(sheet 'Lỗi'\): unknown Mãu số"):
        read(xlsx((*BHYT_HEAD, DONG_DANG), others=(("Lỗi", near, False),)))


def test_a_hidden_sheet_alone_is_no_data_and_that_is_said() -> None:
    with pytest.raises(MalformedBodyError, match="Hidden sheets are not read"):
        read(xlsx((("x",),), others=(("Cũ", (*BHYT_HEAD, CAO_LOC), True),)))


@pytest.mark.parametrize(
    ("above", "wished", "expected"),
    [
        ((("Kỳ báo cáo:", "Quý III/2024"),), "", "2024Q3"),
        ((("Kỳ báo cáo: T10/2024",),), "", "2024-10"),
        ((("KỲ BÁO CÁO", "2024-9M"),), "", "2024-9M"),
        ((("6 THÁNG ĐẦU NĂM 2024",), ("Kỳ báo cáo:", "")), "", "2024-6M"),
        ((("Kỳ báo cáo:", 2024),), "", "2024"),
        ((), "9T/2024", "2024-9M"),
        ((("BÁO CÁO 9 THÁNG NĂM 2024",),), "2024-01-01/2024-09-30", "2024-9M"),
        ((("THÁNG 9 NĂM 2024 so với năm 2023",),), "2024-09", "2024-09"),
    ],
)
def test_the_period_is_found_above_the_table_or_in_the_request(above: Any, wished: str, expected: str) -> None:
    placed = read(xlsx((*above, *BHYT_HEAD[3:], DONG_DANG)), period=wished)

    assert {row.period for _, row in placed if isinstance(row, DataValue)} == {expected}


@pytest.mark.parametrize("above", [(), (("Cao Lộc, ngày 05 tháng 10 năm 2024",),), (("THÁNG ... NĂM 2024",),)])
def test_a_period_that_nobody_says_is_never_guessed(above: Any) -> None:
    placed = read(xlsx((*above, *BHYT_HEAD[3:], DONG_DANG)))

    faults = [row.fault for _, row in placed if isinstance(row, BadValue)]
    assert [(fault.reason, fault.field) for fault in faults] == [("missing_field", "period")] * 4
    assert "give the parameter `period`" in faults[0].detail


def test_a_request_and_a_title_with_different_periods_are_refused() -> None:
    with pytest.raises(MalformedBodyError, match="The request says the period '2024-10', but the sheet 'BHYT' says"):
        read(xlsx((*BHYT_HEAD, DONG_DANG)), period="T10/2024")


def test_a_period_that_the_spreadsheet_made_a_date_is_refused_with_the_way_out() -> None:
    head = ("Mã xã", "Chỉ tiêu", "Kỳ", "Tử số")

    placed = read(xlsx((head, ("06184", "Thấp còi", dt.date(2024, 10, 1), 5), ("06184", "Thấp còi", "10/2024", 5))))

    assert numbers(placed) == {"BHYT!D2": "bad_period", "BHYT!D3": 5}
    with pytest.raises(MalformedBodyError, match="the spreadsheet made a date of it"):
        read(xlsx((("Kỳ báo cáo:", dt.date(2024, 10, 1)), *BHYT_HEAD[3:], DONG_DANG)))


def test_the_long_form_takes_every_indicator_of_the_catalog_by_key_and_by_name() -> None:
    indicators = CATALOG.indicators
    rows = [("06184", "", text, "2024", "", "", "", "", 0) for i in indicators for text in (i.key, i.name_vi)]
    rows += [("06184", "", word, "2024", "", "", "", "", 0) for word in CATALOG.form_by_id["chi-tieu"].words.indicators]

    placed = read(long(*rows))

    read_ones = {row.indicator for _, row in placed if isinstance(row, DataValue)}
    assert read_ones == {indicator.key for indicator in indicators}
    assert {*CATALOG.form_by_id["chi-tieu"].words.indicators.values()} == read_ones


def test_the_long_form_takes_counts_rates_yes_no_events_sexes_and_sectors() -> None:
    placed = read(
        long(
            ("06184", "", "BHYT", "9T/2024", "Nữ", "", "3.498", 3620, ""),
            ("06184", "", "Tập huấn ATTP", "2024", "", "Công Thương", 5, 10, ""),
            ("06184", "", "Sự cố ATTP", "2024", "Chung", "Y tế", "", "", 0),
            ("06184", "", "Khám chữa bệnh từ xa", "2024", "", "", "", "", "Có"),
            ("06184", "", "Thấp còi", "2024", "", "", "", "", "12,5"),
            ("06184", "", "Trung tâm Y tế huyện", "2024", "", "", "", "", "Chưa đạt"),
        )
    )

    said = [
        (row.indicator, row.role, row.sex, row.sector, row.value) for _, row in placed if isinstance(row, DataValue)
    ]
    assert said == [
        ("bhyt_coverage", "numerator", "female", None, 3498),
        ("bhyt_coverage", "denominator", "female", None, 3620),
        ("food_safety_training", "numerator", None, "industry_trade", 5),
        ("food_safety_training", "denominator", None, "industry_trade", 10),
        ("food_safety_incident", "value", None, "health", 0),
        ("telemedicine", "value", None, None, True),
        ("stunting_u5", "value", None, None, 12.5),
        ("district_health_centre", "value", None, None, False),
    ]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("BHXH", "2024", "Nam", "", 1, 2, ""), "unknown_indicator"),
        (("", "2024", "Nam", "", 1, 2, ""), "missing_field"),
        (("BHYT", "2024", "Trẻ em", "", 1, 2, ""), "unknown_sex"),
        (("Tập huấn ATTP", "2024", "", "Giáo dục", 1, 2, ""), "unknown_sector"),
        (("Thấp còi", "2024", "", "", "", "", 0.125), "ambiguous_number"),
        (("Khám chữa bệnh từ xa", "2024", "", "", "", "", "x"), "not_a_number"),
        (("Trung tâm Y tế huyện", "2024", "", "", "", "", "nhiều"), "not_a_number"),
    ],
)
def test_a_row_of_the_long_form_says_what_is_wrong_with_it(cells: Any, expected: str) -> None:
    assert set(numbers(read(long(("06184", "", *cells)))).values()) == {expected}


def test_merged_codes_and_names_hold_for_all_their_rows() -> None:
    head = ("Mã xã", "Tên xã", "Chỉ tiêu", "Giới tính", "Tử số")
    rows = (head, ("", "", "BHYT", "Nam", 5), ("", "", "BHYT", "Nữ", 6), ("06187", "", "BHYT", "Nữ", 7))
    body = xlsx(rows, ("A2:A3", "B2:B3"), texts={(1, 0): "06184", (1, 1): "Đồng Đăng"})

    placed = read(body, period="2024")

    assert [(row.org_unit, row.org_unit_name) for _, row in placed if isinstance(row, DataValue)] == [
        ("06184", "Đồng Đăng"),
        ("06184", "Đồng Đăng"),
        ("06187", ""),
    ]


def test_evidence_is_named_by_address_and_hash() -> None:
    head = ("Mã xã", "Chỉ tiêu", "Giá trị", "Số quyết định", "Địa chỉ văn bản", "Mã băm SHA-256", "Ngày ban hành",
            "Có hiệu lực đến")  # fmt: skip
    whole = ("06184", "Tiêu chí quốc gia về y tế xã", "Có", "QĐ 12/2024", "https://vb.example/12.pdf", "ab" * 32,
            dt.date(2024, 3, 1), "31/12/2026")  # fmt: skip
    cut = ("06187", "Tiêu chí quốc gia về y tế xã", "Có", "", "", "abc", "", "")

    placed = read(xlsx((head, whole, cut)), period="2024")

    evidence = good(placed)[0].evidence
    assert evidence is not None
    assert (evidence.note, evidence.uri, evidence.sha256) == ("QĐ 12/2024", "https://vb.example/12.pdf", "ab" * 32)
    assert (evidence.issued_on, evidence.valid_until) == (dt.date(2024, 3, 1), dt.date(2026, 12, 31))
    assert numbers(placed)["BHYT!C3"] == "wrong_type"


def test_a_row_is_taken_back_with_a_cross_and_needs_no_number_when_there_is_no_doubt() -> None:
    head = ("Mã xã", "Chỉ tiêu", "Giới tính", "Tử số", "Giá trị", "Hủy", "Tình trạng số liệu", "Thời điểm ghi nhận")
    rows = (
        ("06184", "BHYT", "Nam", "", "", "x", "", ""),
        ("06184", "Sổ khám chữa bệnh điện tử", "", "", "", "x", "", ""),
        ("06184", "Thấp còi", "", 5, "", "", "Sơ bộ", "05/10/2024 08:30"),
    )

    placed = read(xlsx((head, *rows)), period="2024")

    assert [(row.role, row.deleted) for _, row in placed if isinstance(row, DataValue)] == [
        ("numerator", True), ("denominator", True), ("numerator", False),
    ]  # fmt: skip
    assert numbers(placed)["BHYT!F3"] == "no_measure"
    last = placed[-1][1]
    assert isinstance(last, DataValue)
    assert (last.stage, last.observed_at) == ("provisional", "2024-10-05T08:30")


def test_a_request_may_take_all_rows_back_and_say_when_they_were_observed() -> None:
    placed = read(xlsx((*BHYT_HEAD, DONG_DANG)), delete=True, observed_at="2024-10-05T00:00:00+07:00")

    assert all(isinstance(row, DataValue) and row.deleted and row.observed_at for _, row in placed)


def test_values_far_from_any_table_are_told_by_the_list_of_forms() -> None:
    with pytest.raises(MalformedBodyError, match="Forms: an-toan-thuc-pham, bhyt-so-the, bhyt-xa"):
        read(xlsx((("x", "y"), (1, 2))))
