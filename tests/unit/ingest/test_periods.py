"""Periods as senders write them."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.periods import parse_period

D = dt.date


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        pytest.param("2024", D(2024, 1, 1), D(2024, 12, 31), id="year"),
        pytest.param("9999", D(9999, 1, 1), D(9999, 12, 31), id="the last year there is"),
        pytest.param("2024-02", D(2024, 2, 1), D(2024, 2, 29), id="month"),
        pytest.param("202402", D(2024, 2, 1), D(2024, 2, 29), id="month of DHIS2"),
        pytest.param("202403B", D(2024, 3, 1), D(2024, 4, 30), id="two months"),
        pytest.param("2024Q3", D(2024, 7, 1), D(2024, 9, 30), id="quarter"),
        pytest.param("2024-Q3", D(2024, 7, 1), D(2024, 9, 30), id="quarter with a dash"),
        pytest.param("2024S2", D(2024, 7, 1), D(2024, 12, 31), id="six months"),
        pytest.param("2024-10-15", D(2024, 10, 15), D(2024, 10, 15), id="day"),
        pytest.param("20241015", D(2024, 10, 15), D(2024, 10, 15), id="day of DHIS2"),
        pytest.param("2024W05", D(2024, 1, 29), D(2024, 2, 4), id="week"),
        pytest.param("2024W5", D(2024, 1, 29), D(2024, 2, 4), id="week of one digit"),
        pytest.param("2024BiW3", D(2024, 1, 29), D(2024, 2, 11), id="two weeks"),
        pytest.param("2024-9M", D(2024, 1, 1), D(2024, 9, 30), id="nine months of Circular 37"),
        pytest.param("2024-3M", D(2024, 1, 1), D(2024, 3, 31), id="three months of Circular 37"),
        pytest.param("2024-01-01/2024-09-30", D(2024, 1, 1), D(2024, 9, 30), id="start and end"),
        pytest.param("2024-01-01/P9M", D(2024, 1, 1), D(2024, 9, 30), id="start and months"),
        pytest.param("2023-03-01/P1Y", D(2023, 3, 1), D(2024, 2, 29), id="start and years"),
        pytest.param("2024-01-31/P1M", D(2024, 1, 31), D(2024, 2, 28), id="start and a shorter month"),
        pytest.param("2024-01-01/P7D", D(2024, 1, 1), D(2024, 1, 7), id="start and days"),
    ],
)
def test_a_period_names_its_first_and_last_day(text: str, start: dt.date, end: dt.date) -> None:
    period = parse_period(text)

    assert period is not None
    assert (period.start, period.end) == (start, end)


@pytest.mark.parametrize(
    "text",
    [
        *("", " 2024", "24", "0000", "2024-13", "202413", "20241", "2024Q5", "2024S3", "2024W54", "2023W53", "2024W00"),
        *("2024-02-30", "20240230", "2024-8M", "2024-10-15T00:00:00Z", "2024-09-30/2024-01-01", "2024-01-01/P0D"),
        *("9999-06-01/P1Y", "9999W53", "2024BiW27", "202412B", "٢٠٢٤", "2024-01-01/P", "2024NovB", "today"),
    ],
)
def test_what_is_no_period_is_refused(text: str) -> None:
    assert parse_period(text) is None


@given(st.text(alphabet="0123456789-/PMWQSBiYD", max_size=24))
def test_any_text_gives_a_period_in_order_or_none(text: str) -> None:
    period = parse_period(text)

    assert period is None or period.start <= period.end
