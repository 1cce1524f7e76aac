"""Periods in Vietnamese words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.periods import parse_period
from services.ingest.domain.periods_vi import find_periods, read_period

WORDS = [
    ("9T/2024", "2024-9M"), ("9t/2024", "2024-9M"), ("T10/2024", "2024-10"), ("10/2024", "2024-10"),
    ("9/2024", "2024-09"), ("Tháng 10/2024", "2024-10"), ("THÁNG 10 NĂM 2024", "2024-10"), ("Q3/2024", "2024Q3"),
    ("Quý III/2024", "2024Q3"), ("QUÝ III NĂM 2024", "2024Q3"), ("Quý 4 năm 2024", "2024Q4"),
    ("9 THÁNG NĂM 2024", "2024-9M"), ("9 tháng đầu năm 2024", "2024-9M"), ("9 tháng 2024", "2024-9M"),
    ("6 THÁNG ĐẦU NĂM 2024", "2024-6M"), ("6 tháng cuối năm 2024", "2024S2"), ("3T/2024", "2024-3M"),
    ("NĂM 2024", "2024"), ("2024", "2024"), ("cả năm 2024", "2024"), ("8 tháng năm 2024", "2024-01-01/2024-08-31"),
    ("2 tháng năm 2024", "2024-01-01/2024-02-29"), ("2 tháng năm 2023", "2023-01-01/2023-02-28"),
    ("15/10/2024", "2024-10-15"), ("từ ngày 01/01/2024 đến ngày 30/09/2024", "2024-01-01/2024-09-30"),
    ("Tuần 36/2024", "2024W36"), ("THA\u0301NG 10 NĂM 2024", "2024-10"),
]  # fmt: skip
TITLES = [
    ("BIỂU TỔNG HỢP TỶ LỆ THAM GIA BHYT 9 THÁNG NĂM 2024", ("2024-9M",)),
    ("BÁO CÁO QUÝ III NĂM 2024 (lần 2)", ("2024Q3",)),
    ("Cao Lộc, ngày 05 tháng 10 năm 2024", ()),
    ("Cao Lộc, ngày ... tháng 10 năm 2024", ()),
    ("Theo Quyết định số 51/2025/QĐ-TTg", ()),
    ("THÁNG 9 NĂM 2024 so với cùng kỳ năm 2023", ("2024-09", "2023")),
    ("Kỳ báo cáo: 9T/2024", ("2024-9M",)),
    ("BÁO CÁO THÁNG 13 NĂM 2024", ()),
    ("BÁO CÁO THÁNG ..... NĂM 2024", ()),
    ("BÁO CÁO QUÝ ... NĂM 2024", ()),
    ("BÁO CÁO NĂM 2024", ("2024",)),
]


@pytest.mark.parametrize(("text", "expected"), WORDS)
def test_a_period_in_words_is_read(text: str, expected: str) -> None:
    assert read_period(text) == expected
    assert parse_period(expected) is not None


@pytest.mark.parametrize(
    "text", ["", "9 tháng", "tháng 9", "quý III", "13/2024", "T13/2024", "Q5/2024", "sớm", "2024-9M"]
)
def test_what_is_no_period_in_words_is_none(text: str) -> None:
    assert read_period(text) is None


@pytest.mark.parametrize(("text", "expected"), TITLES)
def test_a_title_names_its_periods_and_no_date_of_a_letter(text: str, expected: tuple[str, ...]) -> None:
    assert find_periods(text) == expected


@given(st.text(alphabet="0123456789/-. qtQTnămthágquýđầIV", max_size=40))
def test_any_text_gives_a_short_period_or_none(text: str) -> None:
    for found in (read_period(text) or "", *find_periods(text)):
        assert len(found) < 30
