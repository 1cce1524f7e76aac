"""When news is due: digest, office hours and holds, of which the latest counts."""

import datetime as dt

import pytest

from services.notifier.domain.due import Due, DueTimes, Hold, deadline_after
from services.notifier.domain.ledger import HeldFor
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import ALWAYS
from shared.contracts.vocabulary import Timing

IMMEDIATE, DIGEST = Timing.IMMEDIATE, Timing.DIGEST
MORNING = dt.datetime(2026, 11, 23, 9, 30, tzinfo=VIET_NAM)
EVENING = dt.datetime(2026, 11, 23, 20, 0, tzinfo=VIET_NAM)
HOUR = 3_600.0


@pytest.fixture(scope="module")
def times() -> DueTimes:
    return DueTimes(load_catalog(SHIPPED).policies, WorkingCalendar())


def until(hour: int, minute: int = 0, day: int = 23) -> dt.datetime:
    return dt.datetime(2026, 11, day, hour, minute, tzinfo=VIET_NAM)


def test_what_is_told_at_once_waits_for_its_neighbours_only(times: DueTimes) -> None:
    assert times.due(IMMEDIATE, ALWAYS, EVENING, 5) == Due(5, None)
    assert times.due(IMMEDIATE, "office", MORNING, 5) == Due(5, None)


def test_outside_the_office_hours_it_waits_for_them(times: DueTimes) -> None:
    assert times.due(IMMEDIATE, "office", EVENING, 5) == Due(35.5 * HOUR, HeldFor.QUIET_HOURS), "24/11 is off"


def test_a_digest_waits_for_its_time(times: DueTimes) -> None:
    assert times.due(DIGEST, ALWAYS, MORNING, 5) == Due(6.5 * HOUR, HeldFor.DIGEST)


def test_what_must_wait_past_one_digest_is_in_the_next(times: DueTimes) -> None:
    before = until(15, 59) + dt.timedelta(seconds=57)

    assert times.due(DIGEST, ALWAYS, before, 5).wait_seconds == 48 * HOUR + 3


@pytest.mark.parametrize(
    ("timing", "hold", "due", "held_for"),
    [
        pytest.param(IMMEDIATE, until(10), until(10), HeldFor.SILENCE, id="a silence"),
        pytest.param(
            IMMEDIATE, until(12), until(13, 30), HeldFor.SILENCE, id="a silence into noon: the office is later"
        ),
        pytest.param(DIGEST, until(10), until(16), HeldFor.DIGEST, id="a silence that ends before the digest"),
        pytest.param(DIGEST, until(18), until(16, day=25), HeldFor.SILENCE, id="a silence past the digest"),
        pytest.param(IMMEDIATE, until(8), until(9, 30), None, id="a silence that is over"),
    ],
)
def test_when_several_hold_the_later_wins(
    times: DueTimes, timing: Timing, hold: dt.datetime, due: dt.datetime, held_for: HeldFor | None
) -> None:
    """TestIntervener_Mutes: what mutes is told, and for how long."""
    found = times.due(timing, "office", MORNING, 0, (Hold(hold, HeldFor.SILENCE),))

    assert (MORNING + dt.timedelta(seconds=found.wait_seconds), found.held_for) == (due, held_for)


def test_of_a_silence_and_calming_down_the_later_is_named(times: DueTimes) -> None:
    holds = (Hold(until(15), HeldFor.SILENCE), Hold(until(10), HeldFor.FLAPPING))

    assert times.due(IMMEDIATE, ALWAYS, MORNING, 0, holds) == Due(5.5 * HOUR, HeldFor.SILENCE)
    assert times.due(IMMEDIATE, ALWAYS, MORNING, 0, holds[::-1]) == Due(5.5 * HOUR, HeldFor.SILENCE)


def test_a_deadline_is_the_end_of_a_working_day_counted_from_the_day_in_viet_nam() -> None:
    calendar = WorkingCalendar()
    late_in_utc = dt.datetime(2026, 11, 22, 18, 0, tzinfo=dt.UTC)  # 01:00 on Monday in Viet Nam

    assert deadline_after(calendar, late_in_utc, 1) == until(17, day=25)
    assert deadline_after(calendar, EVENING, 5) == dt.datetime(2026, 12, 1, 17, tzinfo=VIET_NAM)
