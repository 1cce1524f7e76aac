"""What all catalog models share: frozen, no unknown keys, and validity by date."""

import datetime as dt

from pydantic import BaseModel, ConfigDict


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
