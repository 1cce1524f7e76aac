"""A clock that only moves when told to."""

import datetime as dt

from shared.runtime.clock import VN_TZ


class ManualClock:
    """Tells the time it was set to."""

    def __init__(self, now: dt.datetime) -> None:
        self.set(now)

    def now(self) -> dt.datetime:
        """Return the time it was set to, as an aware UTC datetime."""
        return self._now

    def today(self) -> dt.date:
        """Return the date in Viet Nam of `now()`."""
        return self._now.astimezone(VN_TZ).date()

    def set(self, now: dt.datetime) -> None:
        """Set the time; it must be aware."""
        if now.tzinfo is None:
            raise ValueError("the time must be aware")
        self._now = now.astimezone(dt.UTC)

    def advance(self, delta: dt.timedelta) -> None:
        """Move the time forward."""
        self._now += delta
