"""Working days against the announced calendars of public offices of 2024, 2025 and 2026."""

import datetime as dt

import pytest

from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import CalendarDay


def days(first: str, last: str) -> list[dt.date]:
    start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    return [start + dt.timedelta(days=number) for number in range((end - start).days + 1)]


@pytest.fixture(scope="module")
def calendar() -> WorkingCalendar:
    return WorkingCalendar(load_catalog(SHIPPED).policies.calendar)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param("2024-02-08", "2024-02-14", id="Tết 2024"),
        pytest.param("2024-04-18", "2024-04-18", id="Giỗ Tổ 2024"),
        pytest.param("2024-04-27", "2024-05-01", id="30/4 and 1/5/2024, 29/4 swapped"),
        pytest.param("2024-08-31", "2024-09-03", id="Quốc khánh 2024"),
        pytest.param("2025-01-01", "2025-01-01", id="Tết Dương lịch 2025"),
        pytest.param("2025-01-25", "2025-02-02", id="Tết 2025"),
        pytest.param("2025-04-05", "2025-04-07", id="Giỗ Tổ 2025"),
        pytest.param("2025-04-30", "2025-05-04", id="30/4 and 1/5/2025, 2/5 swapped"),
        pytest.param("2025-08-30", "2025-09-02", id="Quốc khánh 2025"),
        pytest.param("2026-01-01", "2026-01-04", id="Tết Dương lịch 2026, 2/1 swapped by local correction"),
        pytest.param("2026-02-14", "2026-02-22", id="Tết 2026"),
        pytest.param("2026-04-25", "2026-04-27", id="Giỗ Tổ 2026, a Sunday made up for"),
        pytest.param("2026-04-30", "2026-05-03", id="30/4 and 1/5/2026"),
        pytest.param("2026-08-29", "2026-09-02", id="Quốc khánh 2026, 31/8 swapped"),
        pytest.param("2026-11-24", "2026-11-24", id="Ngày Văn hóa Việt Nam 2026"),
    ],
)
def test_the_announced_breaks_are_off_and_end_on_a_working_day(
    calendar: WorkingCalendar, first: str, last: str
) -> None:
    off = days(first, last)

    assert [day for day in off if calendar.is_working(day)] == []
    assert all(calendar.name_of(day) for day in off), "every day off says why"
    assert calendar.is_working(off[-1] + dt.timedelta(days=1))
    assert calendar.is_working(off[0] - dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("off", "worked"),
    [
        ("2024-04-29", "2024-05-04"),
        ("2025-05-02", "2025-04-26"),
        ("2026-01-02", "2026-01-10"),
        ("2026-08-31", "2026-08-22"),
        pytest.param("2018-12-31", "2019-01-05", id="made up for in the next year"),
    ],
)
def test_a_swapped_day_is_off_and_the_saturday_for_it_is_worked(
    calendar: WorkingCalendar, off: str, worked: str
) -> None:
    day, saturday = dt.date.fromisoformat(off), dt.date.fromisoformat(worked)

    assert not calendar.is_working(day)
    assert calendar.is_working(saturday)
    assert calendar.name_of(saturday) == f"làm bù cho ngày {day:%d/%m/%Y}"


def test_the_year_has_as_many_working_days_as_were_announced(calendar: WorkingCalendar) -> None:
    """Week-days less the days off by law that are week-days (11, 11 and, since 24/11 is one, 12); swaps cancel out."""
    years = (2024, 2025, 2026)

    worked = {year: sum(map(calendar.is_working, days(f"{year}-01-01", f"{year}-12-31"))) for year in years}

    assert worked == {2024: 262 - 11, 2025: 261 - 11, 2026: 261 - 12}


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2024-02-11", "Mùng hai Tết Nguyên Đán"),
        ("2024-10-12", "thứ Bảy"),
        ("2024-10-13", "Chủ nhật"),
        ("2024-10-14", None),
        ("2026-11-24", "Ngày Văn hóa Việt Nam"),
        ("2025-01-27", "29 Tết"),
    ],
)
def test_a_day_off_says_why(calendar: WorkingCalendar, day: str, why: str | None) -> None:
    assert calendar.name_of(dt.date.fromisoformat(day)) == why


def test_working_days_are_counted_over_tet_and_week_ends(calendar: WorkingCalendar) -> None:
    friday = dt.date(2026, 2, 13)

    assert calendar.add_working_days(friday, 0) == friday
    assert calendar.add_working_days(friday, 1) == dt.date(2026, 2, 23)
    assert calendar.add_working_days(dt.date(2026, 11, 20), 2) == dt.date(2026, 11, 25), "24/11 is off"
    assert calendar.add_working_days(dt.date(2026, 8, 21), 1) == dt.date(2026, 8, 22), "the make-up Saturday counts"
    assert calendar.add_working_days(dt.date(2026, 2, 15), 1) == dt.date(2026, 2, 23), "from a day off"


def test_a_correction_wins_over_the_built_in_calendar() -> None:
    worked, off = dt.date(2026, 11, 24), dt.date(2026, 11, 25)
    corrected = WorkingCalendar(
        (
            CalendarDay(day=worked, working=True, name_vi="trực báo cáo", source="thử"),
            CalendarDay(day=off, working=False, name_vi="nghỉ bão", source="thử"),
        )
    )

    assert (corrected.is_working(worked), corrected.name_of(worked)) == (True, "trực báo cáo")
    assert (corrected.is_working(off), corrected.name_of(off)) == (False, "nghỉ bão")


def test_a_year_whose_swaps_nobody_has_announced_is_told(calendar: WorkingCalendar) -> None:
    assert [calendar.is_announced(year) for year in (2024, 2025, 2026, 2027)] == [True, True, True, False]
    assert calendar.caveat_vi(dt.date(2026, 12, 31)) is None
    assert "2027 chưa công bố trong hệ thống" in str(calendar.caveat_vi(dt.date(2027, 2, 15)))
    assert not calendar.is_working(dt.date(2027, 2, 8)), "Tết itself is computed"


def test_a_year_is_announced_once_the_operator_has_entered_a_day_of_it() -> None:
    swap = CalendarDay(day=dt.date(2027, 2, 3), working=False, name_vi="hoán đổi", source="thông báo")

    assert WorkingCalendar((swap,)).is_announced(2027)
    assert not WorkingCalendar((swap,)).is_announced(2028)
