"""The clock: the only module that reads the time of day."""

import datetime as dt
from typing import Protocol
from zoneinfo import ZoneInfo

VN_TZ = ZoneInfo("Asia/Ho_Chi_Minh")


class Clock(Protocol):
    """Tells the time, so that a demo, a drill or a test can run as of another date."""

    def now(self) -> dt.datetime:
        """Return the present moment as an aware UTC datetime."""
        ...

    def today(self) -> dt.date:
        """Return the present date in Viet Nam."""
        ...


class SystemClock:
    """The machine's clock, moved by a fixed number of days."""

    def __init__(self, offset_days: int = 0) -> None:
        self._offset = dt.timedelta(days=offset_days)

    def now(self) -> dt.datetime:
        """Return the machine's time plus the offset, as an aware UTC datetime."""
        return dt.datetime.now(dt.UTC) + self._offset  # noqa: TID251 - the one place that reads the time

    def today(self) -> dt.date:
        """Return the date in Viet Nam of `now()`."""
        return self.now().astimezone(VN_TZ).date()
