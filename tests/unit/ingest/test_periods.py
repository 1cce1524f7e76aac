"""Periods as senders write them."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.periods import ACCEPTED_FORMS, PeriodKind, last_complete, parse_period

D = dt.date


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        pytest.param("2024", D(2024, 1, 1), D(2024, 12, 31), id="year"),
        pytest.param("9999", D(9999, 1, 1), D(9999, 12, 31), id="the last year there is"),
        pytest.param("2024-02", D(2024, 2, 1), D(2024, 2, 29), id="month"),
        pytest.param("202402", D(2024, 2, 1), D(2024, 2, 29), id="month of DHIS2"),
        pytest.param("202402B", D(2024, 3, 1), D(2024, 4, 30), id="the second two months, as DHIS2 counts them"),
        pytest.param("202406B", D(2024, 11, 1), D(2024, 12, 31), id="the last two months"),
        pytest.param("2024Q3", D(2024, 7, 1), D(2024, 9, 30), id="quarter"),
        pytest.param("2024-Q3", D(2024, 7, 1), D(2024, 9, 30), id="quarter with a dash"),
        pytest.param("2024S2", D(2024, 7, 1), D(2024, 12, 31), id="six months"),
        pytest.param("2024-10-15", D(2024, 10, 15), D(2024, 10, 15), id="day"),
        pytest.param("20241015", D(2024, 10, 15), D(2024, 10, 15), id="day of DHIS2"),
        pytest.param("2024W05", D(2024, 1, 29), D(2024, 2, 4), id="week"),
        pytest.param("2024W5", D(2024, 1, 29), D(2024, 2, 4), id="week of one digit"),
        pytest.param("2020W53", D(2020, 12, 28), D(2021, 1, 3), id="week 53 of a year that has it"),
        pytest.param("2015WedW5", D(2015, 1, 28), D(2015, 2, 3), id="week from Wednesday"),
        pytest.param("2015ThuW6", D(2015, 2, 5), D(2015, 2, 11), id="week from Thursday"),
        pytest.param("2015SatW7", D(2015, 2, 14), D(2015, 2, 20), id="week from Saturday"),
        pytest.param("2015SunW8", D(2015, 2, 22), D(2015, 2, 28), id="week from Sunday"),
        pytest.param("2024BiW3", D(2024, 1, 29), D(2024, 2, 11), id="two weeks"),
        pytest.param("2020BiW27", D(2020, 12, 28), D(2021, 1, 10), id="two weeks from week 53, as DHIS2 has it"),
        pytest.param("2004April", D(2004, 4, 1), D(2005, 3, 31), id="financial year from April"),
        pytest.param("2004July", D(2004, 7, 1), D(2005, 6, 30), id="financial year from July"),
        pytest.param("2004Oct", D(2004, 10, 1), D(2005, 9, 30), id="financial year from October"),
        pytest.param("2004Sep", D(2004, 9, 1), D(2005, 8, 31), id="financial year from September"),
        pytest.param("2004Nov", D(2003, 11, 1), D(2004, 10, 31), id="financial year to October: named by its end"),
        pytest.param("2004AprilS1", D(2004, 4, 1), D(2004, 9, 30), id="half of a year from April"),
        pytest.param("2004AprilS2", D(2004, 10, 1), D(2005, 3, 31), id="second half of a year from April"),
        pytest.param("2004NovS1", D(2003, 11, 1), D(2004, 4, 30), id="half of a year from November"),
        pytest.param("2004NovS2", D(2004, 5, 1), D(2004, 10, 31), id="second half of a year from November"),
        pytest.param("2004NovQ1", D(2003, 11, 1), D(2004, 1, 31), id="quarter of a year from November"),
        pytest.param("2004NovQ4", D(2004, 8, 1), D(2004, 10, 31), id="last quarter of a year from November"),
        pytest.param("9999W51", D(9999, 12, 20), D(9999, 12, 26), id="the last whole week there is"),
        pytest.param("0001W01", D(1, 1, 1), D(1, 1, 7), id="the first week there is"),
        pytest.param("2024-9M", D(2024, 1, 1), D(2024, 9, 30), id="nine months of Circular 37"),
        pytest.param("2024-3M", D(2024, 1, 1), D(2024, 3, 31), id="three months of Circular 37"),
        pytest.param("2024-01-01/2024-09-30", D(2024, 1, 1), D(2024, 9, 30), id="start and end"),
        pytest.param("2024-01-01/P9M", D(2024, 1, 1), D(2024, 9, 30), id="start and months"),
        pytest.param("2023-03-01/P1Y", D(2023, 3, 1), D(2024, 2, 29), id="start and years"),
        pytest.param("2024-01-31/P1M", D(2024, 1, 31), D(2024, 2, 28), id="start and a shorter month"),
        pytest.param("2024-01-01/P7D", D(2024, 1, 1), D(2024, 1, 7), id="start and days"),
        pytest.param("2024-02-28/P1D", D(2024, 2, 28), D(2024, 2, 28), id="start and a day"),
        pytest.param("2024-02-23/P14D", D(2024, 2, 23), D(2024, 3, 7), id="start and days over a leap day"),
        pytest.param("2024-01-01/P1W", D(2024, 1, 1), D(2024, 1, 7), id="start and a week"),
        pytest.param("2024-01-01/P2M", D(2024, 1, 1), D(2024, 2, 29), id="start and two months"),
        pytest.param("2024-01-01/P3M", D(2024, 1, 1), D(2024, 3, 31), id="start and a quarter"),
        pytest.param("2024-01-01/P6M", D(2024, 1, 1), D(2024, 6, 30), id="start and six months"),
        pytest.param("2024-01-01/P1Y", D(2024, 1, 1), D(2024, 12, 31), id="start and a year"),
        pytest.param("2024-02-29/P1Y", D(2024, 2, 29), D(2025, 2, 27), id="a year from 29 February"),
        pytest.param("2023-01-15/P1Y2M1W3D", D(2023, 1, 15), D(2024, 3, 24), id="the longest duration"),
        pytest.param("9999-01-01/P1Y", D(9999, 1, 1), D(9999, 12, 31), id="the last year there is, as a duration"),
        pytest.param("9999-12-31/P1D", D(9999, 12, 31), D(9999, 12, 31), id="the last day there is"),
        pytest.param("2024-01/2024-09", D(2024, 1, 1), D(2024, 9, 30), id="FHIR: months, both included"),
        pytest.param("2024/2024", D(2024, 1, 1), D(2024, 12, 31), id="FHIR: a year"),
        pytest.param(
            "2024-01-01T00:00:00+07:00/2024-09-30T23:59:59+07:00", D(2024, 1, 1), D(2024, 9, 30), id="FHIR: moments"
        ),
        pytest.param("2024-01-01T00:00:00Z/2024-10-01T00:00:00Z", D(2024, 1, 1), D(2024, 9, 30), id="FHIR: midnights"),
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
        *("202407B", "202400B", "0000-01-01", "0000W01", "0001Nov", "0001NovQ1", "9999Oct", "9999AprilS2", "9999BiW26"),
        *("2023-02-29", "2023-02-29/P1D", "2024TueW3", "2024NovS3", "2024NovQ5", "2024OctS1", "2015SunW53", "2024W00"),
        *("2024-01-01/PT24H", "2024-01-01/P1.5M", "2024-01-01/-P1M", "2024-01-01/P9999999D", "2024-01-01/P0M"),
        *("2024-01-01T08:00:00+07:00/2024-09-30", "2023-12-31T17:00:00Z/2024-09-30T16:59:59Z", "2024-01-01/2024-13"),
        *("R/2024-01-01/P1M", "P1M/2024-01-01", "2024-01-01/", "2024-01-01--2024-02-01", "2024-12M-", "20240"),
    ],
)
def test_what_is_no_period_is_refused(text: str) -> None:
    assert parse_period(text) is None


@given(st.text(alphabet="0123456789-/PMWQSBiYDNovAprilT:Z", max_size=24))
def test_any_text_gives_a_period_in_order_or_none(text: str) -> None:
    period = parse_period(text)

    assert period is None or period.start <= period.end


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(("2024-10-15", "day"), ("2024W05", "week"), ("2024SunW5", "week"), ("2024-03-06/P7D", "week")),
        *(("2024BiW3", "biweek"), ("2024-02", "month"), ("2021-02-01/P28D", "month"), ("202402B", "bimonth")),
        *(("2024Q3", "quarter"), ("2024NovQ1", "quarter"), ("2024-3M", "quarter"), ("2024S1", "half")),
        *(("2024AprilS2", "half"), ("2024-6M", "half"), ("2024-9M", "nine_months"), ("2024-01-01/P9M", "nine_months")),
        *(("2024", "year"), ("2024Oct", "year"), ("2024-12M", "year"), ("2024-04-01/P9M", "span")),
        *(("2024-01-02/2024-09-30", "span"), ("2024-01-01/2024-10-31", "span"), ("2023/2024", "span")),
    ],
)
def test_the_days_say_what_a_period_is_however_it_is_written(text: str, kind: str) -> None:
    period = parse_period(text)

    assert period is not None
    assert period.kind == PeriodKind(kind)


@pytest.mark.parametrize(
    ("day", "month", "quarter", "half", "nine_months", "year"),
    [
        (D(2024, 1, 1), "2023-12", "2023Q4", "2023S2", "2023-9M", "2023"),
        (D(2024, 3, 31), "2024-02", "2023Q4", "2023S2", "2023-9M", "2023"),
        (D(2024, 6, 30), "2024-05", "2024Q1", "2023S2", "2023-9M", "2023"),
        (D(2024, 7, 1), "2024-06", "2024Q2", "2024S1", "2023-9M", "2023"),
        (D(2024, 9, 30), "2024-08", "2024Q2", "2024S1", "2023-9M", "2023"),
        (D(2024, 10, 1), "2024-09", "2024Q3", "2024S1", "2024-9M", "2023"),
        (D(2024, 12, 31), "2024-11", "2024Q3", "2024S1", "2024-9M", "2023"),
    ],
)
def test_the_last_complete_period_had_ended_the_day_before(
    day: dt.date, month: str, quarter: str, half: str, nine_months: str, year: str
) -> None:
    kinds = {"month": month, "quarter": quarter, "half": half, "nine_months": nine_months, "year": year}

    assert {kind: last_complete(kind, day) for kind in kinds} == kinds


@given(st.dates(D(1900, 1, 1), D(9000, 1, 1)), st.sampled_from(("month", "quarter", "half", "nine_months", "year")))
def test_a_last_complete_period_is_of_its_kind_and_over_and_the_next_one_is_not(day: dt.date, kind: str) -> None:
    period = parse_period(last_complete(kind, day))

    assert period is not None
    assert period.kind == kind
    assert period.end < day
    assert (day - period.end).days <= {"month": 31, "quarter": 92, "half": 184}.get(kind, 366)


def test_every_form_that_is_offered_is_read() -> None:
    for form in ACCEPTED_FORMS.split(", "):
        assert parse_period(form.split(" (")[0]) is not None, form


@given(st.integers(1900, 2100), st.integers(1, 53), st.sampled_from(("", "Wed", "Thu", "Sat", "Sun")))
def test_the_weeks_of_a_year_follow_each_other_and_belong_to_the_year_of_their_fourth_day(
    year: int, week: int, first: str
) -> None:
    period, before = parse_period(f"{year}{first}W{week}"), parse_period(f"{year}{first}W{week - 1}")
    if period is None:
        assert week == 53
        return
    assert (period.start + dt.timedelta(days=3)).year == year
    assert period.start.isoweekday() == {"": 1, "Wed": 3, "Thu": 4, "Sat": 6, "Sun": 7}[first]
    assert (before is None) == (week == 1)
    assert before is None or before.end + dt.timedelta(days=1) == period.start
    if not first:
        assert period.start == D.fromisocalendar(year, week, 1)
