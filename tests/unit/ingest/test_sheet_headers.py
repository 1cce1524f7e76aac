"""Headers that people vary, and headers of lists of persons."""

import pytest

from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError
from tests.unit.ingest.sheet_files import BHYT_HEAD, numbers, read, xlsx
from tests.unit.ingest.test_sheets import DONG_DANG


def test_columns_of_both_sexes_and_marks_of_required_columns_do_no_harm() -> None:
    head = (
        ("Mã xã (*)", "Tên xã*", "Dân số", "", "", "Số người có thẻ BHYT", "", "", "Tỷ lệ (%)", "", ""),
        ("", "", "Tổng", "Nam", "Nữ", "Chung", "Nam", "Nữ", "Nam", "Nữ", "Chung"),
    )
    row = ("06184", "Đồng Đăng", 30, 10, 20, 13, 6, 7, 60, 35, "43,3")

    assert numbers(read(xlsx((*head, row)), period="2024")) == {
        "BHYT!D3": 10, "BHYT!E3": 20, "BHYT!G3": 6, "BHYT!H3": 7,
    }  # fmt: skip


def test_the_columns_of_a_form_may_stand_in_any_order() -> None:
    head = (("Số người có thẻ BHYT", "", "Mã xã", "Tên xã", "Dân số", ""), ("Nữ", "Nam", "", "", "Nam", "Nữ"))

    assert numbers(read(xlsx((*head, (7, 6, "06184", "x", 10, 20))), period="2024")) == {
        "BHYT!A3": 7, "BHYT!B3": 6, "BHYT!E3": 10, "BHYT!F3": 20,
    }  # fmt: skip


def test_a_form_without_a_column_of_numbers_is_none() -> None:
    with pytest.raises(MalformedBodyError, match=r"chi-tieu: missing a column of numbers\. .* thiếu cột số liệu\."):
        read("Mã xã;Chỉ tiêu;Kỳ\n06184;BHYT;2024\n".encode())


@pytest.mark.parametrize("header", ["Họ và tên", "HO_TEN", "Ngày sinh", "Số CCCD", "Số thẻ BHYT", "Mã BHXH", "MA_THE"])
def test_a_list_of_persons_is_refused_in_any_sheet(header: str) -> None:
    persons = (("STT", header, "Tên xã"), (1, "Nguyễn Văn A", "Hòa Cư"))

    with pytest.raises(PatientLevelDataError):
        read(xlsx(persons))
    with pytest.raises(PatientLevelDataError):
        read(xlsx((*BHYT_HEAD, DONG_DANG), others=(("Danh sách", persons, True),)))


@pytest.mark.parametrize("header", ["Số người có thẻ BHYT", "Số người tham gia BHYT", "Số thẻ BHYT đã cấp"])
def test_counts_of_cards_are_not_taken_for_persons(header: str) -> None:
    head = [list(row) for row in BHYT_HEAD]
    head[3][5] = header

    assert len(read(xlsx((*head, DONG_DANG)))) == 4
