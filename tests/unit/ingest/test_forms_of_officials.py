"""Forms as officials fill them in: signatures, sums, dashes, crosses and notes, and what is said of each."""

import datetime as dt
import json
from typing import Any

import pytest

from services.ingest.adapters.formats.sheets import SheetReader
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError
from services.ingest.domain.faults import Fault
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.receipts import Quarantined, Receipt
from services.ingest.domain.remedies import REMEDIES
from services.ingest.domain.report import make_report
from services.ingest.domain.tokens import Grant
from services.ingest.domain.values import BadValue
from tests.unit.ingest.sheet_files import (
    BHYT_HEAD,
    CATALOG,
    LONG_HEAD,
    good,
    numbers,
    opened,
    read,
    table_of,
    text,
    xlsx,
)
from tests.unit.ingest.test_sheets import CAO_LOC, DONG_DANG

NOW = dt.datetime(2024, 12, 1, tzinfo=dt.UTC)
NORMALIZER = Normalizer(CATALOG)


def bhyt(*rows: Any) -> bytes:
    return xlsx((*BHYT_HEAD, *rows))


def long(*cells: Any) -> bytes:
    return xlsx((LONG_HEAD, ("06184", "", *cells)))


def fault_of(body: bytes, **wishes: Any) -> Fault:
    (fault,) = {row.fault for _, row in read(body, **wishes) if isinstance(row, BadValue)}
    return fault


async def taken(body: bytes, table: AliasTable | None = None) -> Reading:
    table = table or AliasTable.empty("bhxh")
    reader = SheetReader(CATALOG.forms, CATALOG.indicators, units=CATALOG.units)
    values = await reader.read_workbook(body, Wishes(), table)
    reading = Reading(PayloadFormat.SPREADSHEET, locate=values.locate, line=values.line)
    for _ in read_values(values.rows, Desk(NORMALIZER, Grant("bhxh"), NOW), reading, table):
        pass
    return reading


def test_the_quarantine_keeps_nothing_of_ignored_columns() -> None:
    note = "Nguyễn Văn A, thẻ HC4010123456789"
    row = (1, "06184", "TT Đồng Đăng", 3512, 3620, "abc", 3498, "96,7", note)

    (raw,) = [bad.raw for _, bad in read(bhyt(row)) if isinstance(bad, BadValue)]

    assert json.loads(raw) == {
        "form": "bhyt-xa",
        "place": "BHYT!F6",
        "cells": {
            "Mã xã": "06184", "Tên xã, thị trấn": "TT Đồng Đăng", "Dân số / Nam": "3512",
            "Số người có thẻ BHYT / Nam": "abc",
        },
    }  # fmt: skip


def test_the_quarantine_keeps_no_evidence_beside_a_bad_number() -> None:
    head = ("Mã xã", "Chỉ tiêu", "Tử số", "Mẫu số", "Số quyết định", "Ghi chú")

    placed = read(xlsx((head, ("06184", "Thấp còi", "abc", 10, "QĐ của ông B", "bà C"))), period="2024")

    (raw,) = [bad.raw for _, bad in placed if isinstance(bad, BadValue)]
    assert json.loads(raw)["cells"] == {"Mã xã": "06184", "Chỉ tiêu": "Thấp còi", "Tử số": "abc", "Mẫu số": "10"}


def test_the_quarantine_keeps_no_cell_of_a_row_whose_cells_are_shifted() -> None:
    head = ("Mã xã", "Chỉ tiêu", "Kỳ", "Giá trị", "Ghi chú")
    body = text((head, ("06184", "Thấp còi", "2024", "12", "5", "Nguyễn Văn A")), ",")

    (raw,) = [bad.raw for _, bad in read(body) if isinstance(bad, BadValue)]

    assert json.loads(raw)["cells"] == {}


@pytest.mark.parametrize("gap", [(), ((),)], ids=["at once", "after an empty row"])
@pytest.mark.parametrize("column", [1, 2], ids=["under the code", "under the name"])
def test_signatures_below_the_table_are_neither_values_nor_kept(gap: Any, column: int) -> None:
    def signed(left: str, right: str) -> tuple[str, ...]:
        row = [""] * 9
        row[column], row[5] = left, right
        return tuple(row)

    rows = (
        signed("", "Cao Lộc, ngày 05 tháng 10 năm 2024"),
        signed("NGƯỜI LẬP BIỂU", "TM. UỶ BAN NHÂN DÂN"),
        signed("P. KẾ HOẠCH", "CHỦ TỊCH"),
        signed("(Ký, họ tên)", "(Ký tên, đóng dấu)"),
        signed("Nguyễn Văn B", "Trần Thị C"),
    )

    placed, remarks = opened(bhyt(DONG_DANG, CAO_LOC, *gap, *rows))

    assert len(good(placed)) == len(placed) == 8
    assert not any("Nguyễn" in remark.text + remark.text_vi for remark in remarks)


def test_a_telephone_number_under_a_signature_is_no_number() -> None:
    rows = (
        ("", "Nguyễn Văn B (0912345678)", "", "", "", "Trần Thị C", "", "", ""),
        ("", "", "Điện thoại: bà C", "", "", "0912 345 678", "", "", ""),
    )

    assert len(read(bhyt(DONG_DANG, *rows))) == 4


def test_a_commune_with_words_for_numbers_at_the_end_of_the_table_is_set_aside_and_not_dropped() -> None:
    by_code = (2, "06187", "TT Cao Lộc", "chưa có", "", "", "", "", "")
    by_name = (3, "", "Xã Hòa Cư", "chưa có", "", "", "", "", "")

    assert numbers(read(bhyt(DONG_DANG, by_code, by_name)))["BHYT!D7"] == "not_a_number"
    assert numbers(read(bhyt(DONG_DANG, (), by_code, by_name)))["BHYT!D9"] == "not_a_number"


def test_words_between_rows_of_numbers_are_set_aside() -> None:
    assert numbers(read(bhyt(("", "", "Hòa Cư", "nhiều", "", "", "", "", ""), DONG_DANG)))["BHYT!D6"] == "not_a_number"


def test_rows_that_were_passed_over_below_the_table_are_told_by_their_places() -> None:
    _, remarks = opened(bhyt(DONG_DANG, ("", "", "Nguyễn Văn B", "", "", "Trần Thị C", "", "", "")))

    assert [(remark.place, remark.text) for remark in remarks] == [
        ("BHYT!F7", "Rows without a number passed over below the table: 1, at BHYT!F7.")
    ]


def test_dashes_are_empty_and_that_is_remarked_once() -> None:
    rows = [("", f"0618{number}", "", "-", "…", 5, 6, "", "") for number in range(8)]

    placed, (remark,) = opened(bhyt(*rows))

    assert len(placed) == 16
    assert remark.text.startswith("16 cells with '- …' were read as empty: BHYT!D6, BHYT!E6, BHYT!D7, ")
    assert remark.text.count("BHYT!") == 10
    assert "16 ô" in remark.text_vi


def test_a_commune_of_dashes_alone_is_remarked() -> None:
    placed, (remark,) = opened(bhyt(DONG_DANG, (2, "06187", "TT Cao Lộc", "-", "-", "-", "-", "", "")))

    assert len(placed) == 4
    assert remark.place == "BHYT!D7"


@pytest.mark.parametrize("word", ["x", "X", "N/A", "na"])
def test_crosses_and_words_in_a_column_of_numbers_are_set_aside(word: str) -> None:
    row = (1, "06184", "TT Đồng Đăng", word, 3620, 3401, 3498, "", "")

    assert numbers(read(bhyt(row)))["BHYT!D6"] == "not_a_number"


@pytest.mark.parametrize("name", ["Huyện Cao Lộc", "HUYỆN CAO LỘC", "H. Cao Lộc", "Tỉnh Lạng Sơn"])
def test_a_row_of_a_district_or_province_in_a_form_of_communes_is_a_sum(name: str) -> None:
    placed, (remark,) = opened(bhyt(DONG_DANG, ("", "", name, 10, 10, 5, 5, "", "")))

    assert len(placed) == 4
    assert (remark.place, name in remark.text, name in remark.text_vi) == ("BHYT!C7", True, True)


def test_the_code_of_a_district_in_a_form_of_communes_is_set_aside() -> None:
    fault = fault_of(bhyt(("", "183", "Huyện Cao Lộc", 10, 10, 5, 5, "", "")))

    assert (fault.reason, fault.field, fault.value) == ("indicator_not_for_level", "commune", "183")
    assert "is a district" in fault.detail


def test_a_district_whose_code_was_taken_for_a_number_is_set_aside_as_a_district() -> None:
    fault = fault_of(bhyt(("", 183, "Huyện Cao Lộc", 10, 10, 5, 5, "", "")))

    assert (fault.reason, fault.value) == ("indicator_not_for_level", "00183")
    assert "Huyện Cao Lộc" in fault.detail


def test_the_long_form_takes_a_district_by_its_name() -> None:
    body = xlsx((LONG_HEAD, ("", "Huyện Cao Lộc", "Trung tâm Y tế huyện", "2024", "", "", "", "", "Đạt")))

    assert [row.org_unit_name for row in good(read(body))] == ["Huyện Cao Lộc"]


@pytest.mark.parametrize(
    "text", ["Cộng toàn huyện", "CỘNG:", "Tổng (I+II)", "Tổng các xã", "Cộng 22 xã", "Tổng cộng: 22 xã", "Toàn xã",
             "Chung", "Bình quân", "Tổng số huyện", "Chung toàn huyện"],
)  # fmt: skip
@pytest.mark.parametrize("column", [1, 2])
def test_a_row_that_begins_with_a_word_of_sums_is_none_of_the_data(text: str, column: int) -> None:
    row: list[Any] = ["", "", "", 10, 10, 5, 5, "", ""]
    row[column] = text

    assert len(read(bhyt(DONG_DANG, row))) == 4


@pytest.mark.parametrize("name", ["Cộng Hòa", "Chung Chải", "Tổng Cọt", "Toàn Thắng"])
def test_communes_whose_names_begin_with_such_a_word_are_data(name: str) -> None:
    assert len(read(bhyt(("", "", name, 10, 10, 5, 5, "", "")))) == 4


def test_a_note_that_begins_like_a_sum_makes_a_row_none() -> None:
    assert len(read(bhyt(("", "", "Xã Hòa Cư", 10, 10, 5, 5, "", "Tổng số đã đối chiếu")))) == 4


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (bhyt((1, "06184", "", "chưa có", "", "", "", "", "")), "3620 hoặc 3.620"),
        (bhyt((1, "06184", "", dt.date(2024, 9, 3), "", "", "", "", "")), "Định dạng ô là số"),
        (long("Thấp còi", "2024", "", "", "", "", "cao"), "96,7 hoặc 96,7%"),
        (long("Trung tâm Y tế huyện", "2024", "", "", "", "", 2), "Có hoặc Không"),
        (long("BHYT", "2024", "Nu", "", 1, "", ""), "Nam, Nữ, Male, Female, Chung"),
        (long("Tập huấn ATTP", "2024", "", "Giáo dục", 1, "", ""), "Y tế, Công Thương, Nông nghiệp"),
        (long("Mắt", "2024", "", "", 1, "", ""), "Ghi một trong các từ: BHYT, "),
        (long("Thấp còi", "tháng chín", "", "", 1, "", ""), "T9/2024"),
        (long("Thấp còi", "", "", "", 1, "", ""), "Ghi kỳ báo cáo vào cột kỳ báo cáo"),
    ],
)
def test_the_remedy_of_a_bad_cell_follows_the_rules_of_the_form(body: bytes, told: str) -> None:
    fault = fault_of(body)

    assert fault.remedy is not None
    assert told in fault.remedy.vi
    assert told in fault.detail
    assert fault.remedy.vi != REMEDIES[fault.reason].vi


def test_commas_between_columns_change_what_is_told_of_points() -> None:
    body = text((("Mã xã", "Chỉ tiêu", "Tử số"), ("06184", "Thấp còi", "3.620")), ",")

    assert "tệp dùng dấu phẩy để ngăn cột" in fault_of(body, period="2024").detail


async def test_the_report_prefers_the_remedy_of_the_fault() -> None:
    reading = await taken(bhyt((1, "06184", "TT Đồng Đăng", "chưa có", 3620, 3401, 3498, "", "")))
    (bad,) = [bad for bad in reading.bad if bad.fault.reason == "not_a_number"]

    (conflict,) = make_report("bhxh", reading, Receipt(quarantined=[Quarantined.of(bad)])).conflicts

    assert "3620 hoặc 3.620" in conflict.remedy_vi
    assert "3620 or 3.620" in conflict.remedy


async def test_one_wrong_name_makes_one_conflict_of_all_cells_of_its_row() -> None:
    reading = await taken(bhyt((1, "06184", "Xã Hòa Cư", 3512, 3620, 3401, 3498, "", ""), DONG_DANG))

    (bad,) = reading.bad
    assert [reading.place(row) for row in (bad.row, *bad.mates)] == ["BHYT!D6", "BHYT!E6", "BHYT!F6", "BHYT!G6"]
    assert bad.fault.reason == "commune_name_differs"
    assert [value["value"] for value in json.loads(bad.raw)] == [3512, 3620, 3401, 3498]
    assert len(reading.good) == 2


async def test_the_same_wrong_name_on_two_rows_makes_two_conflicts() -> None:
    row = (1, "06184", "Xã Hòa Cư", 3512, 3620, 3401, 3498, "", "")

    assert [(bad.row, bad.mates) for bad in (await taken(bhyt(row, row))).bad] == [(0, (1, 2, 3)), (4, (5, 6, 7))]


async def test_a_period_that_a_row_lacks_makes_one_conflict_of_its_cells() -> None:
    reading = await taken(xlsx((*BHYT_HEAD[3:], DONG_DANG)))

    assert [(bad.fault.field, bad.mates) for bad in reading.bad] == [("period", (1, 2, 3))]


async def test_bad_numbers_of_one_row_are_told_one_by_one() -> None:
    reading = await taken(bhyt((1, "06184", "TT Đồng Đăng", "abc", "abc", 3401, 3498, "", "")))

    assert [(bad.row, bad.mates) for bad in reading.bad if bad.fault.reason == "not_a_number"] == [(0, ()), (1, ())]


def test_a_list_of_persons_is_refused_with_its_sheet_and_our_word_for_its_column() -> None:
    persons = (("STT", "HỌ VÀ TÊN: ", "Tên xã"), (1, "Nguyễn Văn A", "Hòa Cư"))

    with pytest.raises(PatientLevelDataError) as caught:
        read(xlsx((*BHYT_HEAD, DONG_DANG), others=(("DS", persons, True),)))

    assert str(caught.value) == "Sheet 'DS' (hidden), column 'Họ và tên': data of single persons."


def test_a_form_that_must_be_named_says_so_in_both_languages() -> None:
    with pytest.raises(MalformedBodyError, match="thiếu tên biểu trong tham số `form`"):
        read(text((("Mã xã", "Tên xã", "Nam", "Nữ"), ("06184", "x", 1, 2))))


@pytest.mark.parametrize(
    ("word", "indicator"),
    [("Bảo hiểm y tế", "bhyt_coverage"), ("sdd thấp còi", "stunting_u5"), ("KCB từ xa", "telemedicine"),
     ("Tập huấn an toàn thực phẩm", "food_safety_training")],
)  # fmt: skip
def test_natural_words_for_indicators_are_known(word: str, indicator: str) -> None:
    assert [row.indicator for row in good(read(long(word, "2024", "", "", 5, "", "")))] == [indicator]


def test_people_may_be_named_behind_their_number() -> None:
    assert numbers(read(bhyt((1, "06184", "", "1.200 người", "", "", "", "", "")))) == {"BHYT!D6": 1200}


def test_a_profile_with_codes_of_another_day_decides_whose_name_is_meant() -> None:
    table = table_of("bhyt-xa")
    table.profile = table.profile.model_copy(update={"codes_as_of": dt.date(2024, 12, 31)})

    assert len(read(bhyt(DONG_DANG), table)) == 4
