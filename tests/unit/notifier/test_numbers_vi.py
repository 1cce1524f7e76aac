import datetime as dt
from decimal import Decimal

import pytest

from services.notifier.domain.numbers_vi import count_vi, date_vi, moment_vi, percent_of, percent_vi, threshold_vi


@pytest.mark.parametrize(("number", "written"), [(0, "0"), (999, "999"), (1234, "1.234"), (1234567, "1.234.567")])
def test_thousands_are_set_apart_by_points(number: int, written: str) -> None:
    assert count_vi(number) == written


@pytest.mark.parametrize(("number", "written"), [(90.0, "90"), (21.8, "21,8"), (0.0, "0"), (100.0, "100")])
def test_a_threshold_has_no_more_decimals_than_it_needs(number: float, written: str) -> None:
    assert threshold_vi(number) == written


@pytest.mark.parametrize(
    ("percent", "operator", "threshold", "written"),
    [
        pytest.param("91.25", None, None, "91,25", id="plain"),
        pytest.param("91.255", None, None, "91,26", id="rounded"),
        pytest.param("89.9999", ">=", 90.0, "89,99", id="just under a floor"),
        pytest.param("24.0001", "<=", 24.0, "24,01", id="just over a ceiling"),
        pytest.param("24", "<", 24.0, "24,00", id="on a ceiling that must not be reached"),
        pytest.param("23.9999", "<", 24.0, "24,00", id="met by a hair, rounded"),
        pytest.param("92.8793", ">=", 95.0, "92,88", id="missed by far, rounded like any figure"),
        pytest.param("25.1549", "<=", 24.0, "25,15", id="above a ceiling by far, rounded like any figure"),
    ],
)
def test_a_missed_target_never_reads_as_met(
    percent: str, operator: str | None, threshold: float | None, written: str
) -> None:
    assert percent_vi(Decimal(percent), operator, threshold) == written


def test_a_percentage_comes_from_the_counts_where_there_are_counts() -> None:
    assert percent_of(1, 3, 33.3) == Decimal(100) / Decimal(3)
    assert percent_of(None, None, 91.25) == Decimal("91.25")
    assert percent_of(0, 0, None) is None


def test_days_are_those_of_viet_nam() -> None:
    late = dt.datetime(2024, 10, 14, 18, 5, tzinfo=dt.UTC)

    assert date_vi(late) == "15/10/2024"
    assert moment_vi(late) == "01:05 ngày 15/10/2024"
    assert date_vi(dt.date(2024, 1, 2)) == "02/01/2024"
