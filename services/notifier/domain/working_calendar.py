"""Working days of public offices in Viet Nam: Tết, holidays, swapped days, make-up Saturdays, and local corrections."""

import datetime as dt
import functools
import re
from collections.abc import Iterable

import holidays

from shared.catalog.policies import CalendarDay

_WEEKEND_VI = {6: "thứ Bảy", 7: "Chủ nhật"}
# A day off that another day makes up for is called so by the library, in Vietnamese.
_SWAPPED = re.compile(r"thay cho ngày (\d{2})/(\d{2})/(\d{4})")
_ONE_DAY = dt.timedelta(days=1)


class WorkingCalendar:
    """Which days public offices work, and why; a correction (policies.yaml: calendar) wins over what is built in."""

    def __init__(self, overrides: Iterable[CalendarDay] = ()) -> None:
        self._overrides = {each.day: each for each in overrides}
        self._corrected_years = frozenset(day.year for day in self._overrides)
        self._reasons: dict[dt.date, tuple[bool, str | None]] = {}
        self._counted: dict[tuple[dt.date, int], dt.date] = {}

    def is_working(self, day: dt.date) -> bool:
        """Return whether offices work on a day."""
        return self._reason(day)[0]

    def name_of(self, day: dt.date) -> str | None:
        """Return why a day is off ("Mùng hai Tết Nguyên Đán", "thứ Bảy") or made up for; None for any other day."""
        return self._reason(day)[1]

    def add_working_days(self, day: dt.date, count: int) -> dt.date:
        """Return the `count`-th working day after `day`, which itself does not count; `day` for 0."""
        asked = (day, count)
        if asked not in self._counted:
            found = day
            for _ in range(count):
                found = self.next_working_day(found + _ONE_DAY)
            self._counted[asked] = found
        return self._counted[asked]

    def next_working_day(self, day: dt.date) -> dt.date:
        """Return `day` when it is a working day, else the first one after it."""
        while not self.is_working(day):
            day += _ONE_DAY
        return day

    def is_announced(self, year: int) -> bool:
        """Return whether the days off of a year are known as announced; else Tết is computed and swaps are unknown.

        A year is known up to the last one with a swap in the library, and when the corrections name a day of it.
        """
        return year <= _last_announced() or year in self._corrected_years

    def caveat_vi(self, day: dt.date) -> str | None:
        """Return what must stand beside a deadline on `day` when that year's days off are not announced, else None."""
        if self.is_announced(day.year):
            return None
        return f"Lịch nghỉ lễ, Tết năm {day.year} chưa công bố trong hệ thống; thời hạn có thể thay đổi."

    def _reason(self, day: dt.date) -> tuple[bool, str | None]:
        if day not in self._reasons:
            self._reasons[day] = self._find_reason(day)
        return self._reasons[day]

    def _find_reason(self, day: dt.date) -> tuple[bool, str | None]:
        override = self._overrides.get(day)
        if override is not None:
            return override.working, override.name_vi
        off = _days_off(day.year).get(day)
        if off is not None:
            return False, off
        instead_of = _made_up(day.year).get(day)
        if instead_of is not None:
            return True, f"làm bù cho ngày {instead_of:%d/%m/%Y}"
        weekend = _WEEKEND_VI.get(day.isoweekday())
        return weekend is None, weekend


@functools.cache
def _days_off(year: int) -> dict[dt.date, str]:
    return dict(holidays.country_holidays("VN", years=year, language="vi"))


@functools.cache
def _made_up(year: int) -> dict[dt.date, dt.date]:
    """Return the working Saturdays and Sundays of a year, each with the day off that it makes up for."""
    made_up = {}
    for near in (year - 1, year, year + 1):
        for off, name in _days_off(near).items():
            swapped = _SWAPPED.search(name)
            if swapped is not None:
                day, month, of_year = (int(part) for part in swapped.groups())
                made_up[dt.date(of_year, month, day)] = off
    return {day: off for day, off in made_up.items() if day.year == year}


@functools.cache
def _last_announced() -> int:
    swaps: dict[int, object] = holidays.country_holidays("VN").special_public_holidays
    return max(swaps)
