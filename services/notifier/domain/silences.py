"""Silences: news that an official has asked to hold back, with author, reason and end. Held, never dropped."""

import datetime as dt
from collections.abc import Iterable

import msgspec


class Silence(msgspec.Struct, frozen=True):
    """A silence; None stands for all. `units` holds every unit that it covers, those below included.

    `nodes` are chỉ tiêu ("standard/code"), `responsible_units` those of the dispatches.
    """

    id: str
    author: str
    reason: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    units: tuple[str, ...] | None = None
    nodes: tuple[str, ...] | None = None
    responsible_units: tuple[str, ...] | None = None

    def is_active(self, now: dt.datetime) -> bool:
        """Return whether it holds at a moment."""
        return self.starts_at <= now < self.ends_at

    def covers(self, unit: str, node: str, responsible_unit: str) -> bool:
        """Return whether it holds back news of a node of a unit for a responsible unit."""
        return (
            (self.units is None or unit in self.units)
            and (self.nodes is None or node in self.nodes)
            and (self.responsible_units is None or responsible_unit in self.responsible_units)
        )


def silenced_until(
    silences: Iterable[Silence], unit: str, node: str, responsible_unit: str, now: dt.datetime
) -> dt.datetime | None:
    """Return when the last active silence that covers some news ends, or None when none does."""
    ends = [each.ends_at for each in silences if each.is_active(now) and each.covers(unit, node, responsible_unit)]
    return max(ends, default=None)
