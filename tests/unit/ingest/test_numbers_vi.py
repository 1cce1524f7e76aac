"""Numbers in Vietnamese writing: one meaning, or a refusal that says why."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.faults import RefusedError
from services.ingest.domain.numbers_vi import Style, is_empty, looks_like_a_number, read_count, read_percent

COUNTS = [
    ("3620", 3620), ("3.620", 3620), ("1.234.567", 1_234_567), (" 3620 ", 3620), ("1 150", 1150), ("1\u00a0150", 1150),
    ("1\u202f234\u202f567", 1_234_567), ("1.150 người", 1150), ("12 hộ", 12), ("1 150 người", 1150), ("3620,0", 3620),
    ("3.620,00", 3620), ("3401.0", 3401), ("+5", 5), ("0", 0), (3620, 3620), (3620.0, 3620), (0.0, 0),
    ("\uff11\uff12", 12),
]  # fmt: skip
NO_COUNTS = [
    ("3,620", "not_an_integer"), ("96,7", "not_an_integer"), ("12,000", "ambiguous_number"),
    ("3.62", "ambiguous_number"), ("0.123", "ambiguous_number"), (3.512, "ambiguous_number"),
    (3.62, "ambiguous_number"), (3620.5, "not_an_integer"), ("1.234.56", "not_a_number"), ("abc", "not_a_number"),
    ("12 nghìn", "not_a_number"), ("-5", "negative_number"), ("\u22125", "negative_number"), ("(5)", "negative_number"),
    (-5.0, "negative_number"), (-1, "negative_number"), (math.nan, "not_a_number"), (math.inf, "not_a_number"),
    ("1e400", "not_a_number"), ("=1+1", "not_a_number"), (True, "not_a_number"), (None, "not_a_number"),
    ("\u0663", "not_a_number"), ("9" * 200, "not_a_number"),
]  # fmt: skip
PERCENTS = [
    ("96,7", 96.7), ("96.7", 96.7), ("96,7 %", 96.7), ("96.7%", 96.7), ("98", 98.0), (96.7, 96.7), (0, 0.0), (0.0, 0.0),
    ("0,98%", 0.98), ("1%", 1.0), (100, 100.0), ("1.234,5", 1234.5),
]  # fmt: skip
NO_PERCENTS = [
    (0.9829, "ambiguous_number"), ("0,98", "ambiguous_number"), (1, "ambiguous_number"), ("1", "ambiguous_number"),
    ("3.512", "ambiguous_number"), ("-1", "negative_number"), (-0.5, "negative_number"), ("nhiều", "not_a_number"),
    (True, "not_a_number"), (math.inf, "not_a_number"), ("96,7,1", "not_a_number"),
]  # fmt: skip


def reason(run: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        run()
    return caught.value.fault.reason.value


@pytest.mark.parametrize(("cell", "expected"), COUNTS)
def test_a_count_is_read_as_it_is_meant(cell: Any, expected: int) -> None:
    assert read_count(cell) == expected


@pytest.mark.parametrize(("cell", "expected"), NO_COUNTS)
def test_a_count_that_could_be_another_is_refused(cell: Any, expected: str) -> None:
    assert reason(lambda: read_count(cell)) == expected


@pytest.mark.parametrize(("cell", "expected"), PERCENTS)
def test_a_percentage_is_read_as_it_is_meant(cell: Any, expected: float) -> None:
    assert read_percent(cell) == expected


@pytest.mark.parametrize(("cell", "expected"), NO_PERCENTS)
def test_a_percentage_that_could_be_another_is_refused(cell: Any, expected: str) -> None:
    assert reason(lambda: read_percent(cell)) == expected


def test_a_fraction_is_read_only_where_it_is_declared() -> None:
    assert [read_percent(cell, is_fraction=True) for cell in ("0,967", 0.967, "96,7%", 1)] == [96.7, 96.7, 96.7, 100.0]
    assert reason(lambda: read_percent("96,7", is_fraction=True)) == "ambiguous_number"


def test_the_hint_of_a_lost_separator_names_the_number_that_was_meant() -> None:
    with pytest.raises(RefusedError) as caught:
        read_count(3.512)

    assert caught.value.fault.detail == "did the spreadsheet take 3.512 for a decimal? write 3512 if that is meant"


def test_a_point_is_unclear_where_commas_part_the_columns() -> None:
    assert reason(lambda: read_count("3.620", Style.UNCLEAR)) == "ambiguous_number"
    assert read_count("1.234.567", Style.UNCLEAR) == 1_234_567
    assert read_percent("96.7", Style.UNCLEAR) == 96.7


def test_plain_numbers_have_no_separators() -> None:
    assert read_percent("96.7", Style.PLAIN) == 96.7
    assert reason(lambda: read_count("3.620", Style.PLAIN)) == "not_an_integer"
    assert reason(lambda: read_count("3,620", Style.PLAIN)) == "not_a_number"


@pytest.mark.parametrize("cell", ["", " ", "-", "–", "…", "...", None])
def test_the_marks_of_nothing_are_empty(cell: str | None) -> None:
    assert is_empty(cell)


@pytest.mark.parametrize("cell", ["x", "X", "N/A", "na", "0"])
def test_words_that_nobody_can_read_are_not_empty(cell: str) -> None:
    assert not is_empty(cell)


@pytest.mark.parametrize(("cell", "expected"), [("3.620", True), ("1.150 người", True), (3, True), ("Giám đốc", False),
                                                ("ngày 5", False), ("", False), (True, False)])  # fmt: skip
def test_what_was_meant_as_a_number_is_told_from_words(cell: Any, expected: bool) -> None:
    assert looks_like_a_number(cell) is expected


@given(st.integers(0, 10**12))
def test_a_whole_number_in_vietnamese_groups_is_itself(number: int) -> None:
    grouped = f"{number:,}".replace(",", ".")

    assert read_count(grouped) == read_count(str(number)) == read_count(grouped.replace(".", "\u00a0")) == number


@given(st.decimals(min_value="1.1", max_value=100, places=1))
def test_a_rate_with_a_comma_is_itself(number: Any) -> None:
    assert read_percent(str(number).replace(".", ",")) == float(number)


@given(st.text(max_size=80) | st.floats() | st.integers() | st.booleans() | st.none())
def test_any_cell_gives_a_number_of_0_or_more_or_a_refusal(cell: Any) -> None:
    for run in (read_count, read_percent):
        try:
            number = run(cell)
        except RefusedError:
            continue
        assert math.isfinite(number)
        assert number >= 0
