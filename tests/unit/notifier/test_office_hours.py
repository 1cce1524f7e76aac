"""Office hours and digests: when an addressee may be written to."""

import datetime as dt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.office_hours import next_digest, next_open
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.policies import CalendarDay, DigestTime, OfficeHours, OfficeSpan

CALENDAR = WorkingCalendar()
OFFICE = OfficeHours(
    id="office",
    spans=(
        OfficeSpan(since=dt.time(7, 30), until=dt.time(11, 30)),
        OfficeSpan(since=dt.time(13, 30), until=dt.time(17)),
    ),
)
DAILY = DigestTime(at=dt.time(16))


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=VIET_NAM)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        pytest.param("2026-11-23 07:30", "2026-11-23 07:30", id="the first moment is open"),
        pytest.param("2026-11-23 10:00", "2026-11-23 10:00", id="open"),
        pytest.param("2026-11-23 11:30", "2026-11-23 13:30", id="noon"),
        pytest.param("2026-11-23 17:00", "2026-11-25 07:30", id="evening before 24/11, which is off"),
        pytest.param("2026-11-23 03:00", "2026-11-23 07:30", id="night"),
        pytest.param("2026-11-20 18:00", "2026-11-23 07:30", id="Friday evening"),
        pytest.param("2026-08-22 08:00", "2026-08-22 08:00", id="a make-up Saturday"),
        pytest.param("2026-02-13 17:30", "2026-02-23 07:30", id="Tết"),
    ],
)
def test_quiet_hours_end_when_the_office_opens(moment: str, opens: str) -> None:
    """TestTimeMuteStage, TestTimeActiveStage: muted outside the office hours, active within them."""
    assert next_open(OFFICE, CALENDAR, at(moment)) == at(opens)


def test_an_addressee_without_office_hours_is_always_open() -> None:
    assert next_open(None, CALENDAR, at("2026-02-17 03:00")) == at("2026-02-17 03:00")


@pytest.mark.parametrize(
    ("moment", "leaves"),
    [
        ("2026-11-23 08:00", "2026-11-23 16:00"),
        ("2026-11-23 16:00", "2026-11-23 16:00"),
        ("2026-11-23 16:01", "2026-11-25 16:00"),
        ("2026-11-21 08:00", "2026-11-23 16:00"),
        ("2026-02-14 08:00", "2026-02-23 16:00"),
    ],
)
def test_a_digest_leaves_on_working_days_at_its_time(moment: str, leaves: str) -> None:
    assert next_digest(DAILY, OFFICE, CALENDAR, at(moment)) == at(leaves)


def test_a_digest_of_some_weekdays_leaves_on_the_next_working_day_when_its_own_is_off() -> None:
    weekly = DigestTime(at=dt.time(8), weekdays=(2,))

    assert next_digest(weekly, None, CALENDAR, at("2026-11-18 09:00")) == at("2026-11-25 08:00"), "24/11 is a Tuesday"
    assert next_digest(weekly, None, CALENDAR, at("2026-11-24 12:00")) == at("2026-11-25 08:00")
    assert next_digest(weekly, None, CALENDAR, at("2026-11-25 08:01")) == at("2026-12-01 08:00")


def test_a_digest_after_the_office_has_closed_leaves_when_it_opens_again() -> None:
    late = DigestTime(at=dt.time(20))

    assert next_digest(late, OFFICE, CALENDAR, at("2026-11-19 18:00")) == at("2026-11-20 07:30")
    assert next_digest(late, OFFICE, CALENDAR, at("2026-11-23 06:00")) == at("2026-11-23 07:30"), "that of Friday"


DAYS = st.dates(dt.date(2024, 1, 1), dt.date(2027, 12, 1))
TIMES = st.times().map(lambda time: time.replace(microsecond=0))


@st.composite
def office_hours(draw: st.DrawFn) -> OfficeHours:
    edges = sorted(draw(st.sets(st.integers(0, 24 * 60 - 1), min_size=2, max_size=8)))
    times = [dt.time(*divmod(minutes, 60)) for minutes in edges]
    pairs = zip(times[::2], times[1::2], strict=False)
    return OfficeHours(id="x", spans=tuple(OfficeSpan(since=since, until=until) for since, until in pairs))


@st.composite
def calendars(draw: st.DrawFn, near: dt.date) -> WorkingCalendar:
    offsets = draw(st.dictionaries(st.integers(-3, 12), st.booleans(), max_size=8))
    return WorkingCalendar(
        CalendarDay(day=near + dt.timedelta(days=offset), working=working, name_vi="thử", source="thử")
        for offset, working in offsets.items()
    )


def is_open(hours: OfficeHours, calendar: WorkingCalendar, moment: dt.datetime) -> bool:
    local = moment.astimezone(VIET_NAM)
    return calendar.is_working(local.date()) and any(span.since <= local.time() < span.until for span in hours.spans)


@given(data=st.data(), day=DAYS, time=TIMES, hours=office_hours())
def test_the_next_opening_is_open_not_before_the_moment_and_nothing_open_lies_between(
    data: st.DataObject, day: dt.date, time: dt.time, hours: OfficeHours
) -> None:
    calendar = data.draw(calendars(day))
    moment = dt.datetime.combine(day, time, tzinfo=VIET_NAM).astimezone(dt.UTC)

    opens = next_open(hours, calendar, moment)

    assert is_open(hours, calendar, opens)
    assert opens >= moment
    # A span opens at its beginning: with the moment itself and every beginning before `opens`, all that could be open.
    for number in range((opens - moment).days + 2):
        for span in hours.spans:
            start = dt.datetime.combine(day + dt.timedelta(days=number), span.since, tzinfo=VIET_NAM)
            between = max(start, moment)
            assert not (between < opens and is_open(hours, calendar, between))


@given(data=st.data(), day=DAYS, time=TIMES, hours=st.none() | office_hours(), at_time=TIMES)
def test_the_next_digest_is_open_not_before_the_moment_and_the_same_until_it_leaves(
    data: st.DataObject, day: dt.date, time: dt.time, hours: OfficeHours | None, at_time: dt.time
) -> None:
    calendar = data.draw(calendars(day))
    digest = DigestTime(at=at_time, weekdays=tuple(data.draw(st.sets(st.integers(1, 7), max_size=3))))
    moment = dt.datetime.combine(day, time, tzinfo=VIET_NAM)

    leaves = next_digest(digest, hours, calendar, moment)

    assert leaves >= moment
    assert calendar.is_working(leaves.date())
    assert hours is None or is_open(hours, calendar, leaves)
    between = moment + (leaves - moment) * data.draw(st.floats(0, 1))
    assume(between <= leaves)
    assert next_digest(digest, hours, calendar, between) == leaves
