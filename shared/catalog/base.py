"""What all catalog models share: frozen, no unknown keys, and validity by date."""

import datetime as dt
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

_CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be one line of text, not empty and without line breaks or invisible characters")
    return text


def _clock_time(value: object) -> object:
    """Take a time of day only as it is meant: YAML reads 16:00 without quotes as 960, and that is 16 minutes."""
    is_time = isinstance(value, dt.time) and value.tzinfo is None
    if not is_time and not (isinstance(value, str) and _CLOCK_TIME.fullmatch(value)):
        why = " (YAML reads 16:00 without quotes as the number 960)" if isinstance(value, int) else ""
        raise ValueError(f'must be a time of day in Viet Nam, hours and minutes in quotes: "16:00"{why}')
    return value


# What officials read in subject lines and lists.
OneLine = Annotated[str, AfterValidator(_one_line)]
ClockTime = Annotated[dt.time, BeforeValidator(_clock_time)]


class CatalogModel(BaseModel):
    """Base of every catalog model. An unknown key is an error: a misspelt rule must never be ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dated(CatalogModel):
    """Something in force from a day to a day, both included; None is open."""

    effective_from: dt.date | None = None
    effective_to: dt.date | None = None

    def in_force(self, on: dt.date) -> bool:
        """Return whether this is in force on the day `on`."""
        return (self.effective_from is None or self.effective_from <= on) and (
            self.effective_to is None or on <= self.effective_to
        )

    @property
    def span(self) -> tuple[dt.date, dt.date]:
        """The first and the last day in force, an open end as the earliest or latest possible day."""
        return self.effective_from or dt.date.min, self.effective_to or dt.date.max

    def overlaps(self, other: "Dated") -> bool:
        """Return whether some day has both in force."""
        return self.span[0] <= other.span[1] and other.span[0] <= self.span[1]

    def covers(self, other: "Dated") -> bool:
        """Return whether this is in force on every day that `other` is."""
        return self.span[0] <= other.span[0] and other.span[1] <= self.span[1]
