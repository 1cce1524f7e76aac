"""Silences: news that an official has asked to hold back, with author, reason and end. Held, never dropped."""

import datetime as dt
from collections.abc import Iterable

import msgspec

from shared.contracts.vocabulary import NoticeKind

# A report that is due is owed whatever happens, and a drill tests the way of a message: neither is held back.
NEVER_SILENCED = frozenset({NoticeKind.REPORT, NoticeKind.DRILL})


class Silence(msgspec.Struct, frozen=True):
    """A silence; None stands for all. `units` holds every unit that it covers, those below included.

    `nodes` are chỉ tiêu ("standard/code"), `responsible_units` those of the dispatches.
    """

    id: str
    author: str
    reason: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    units: frozenset[str] | None = None
    nodes: frozenset[str] | None = None
    responsible_units: frozenset[str] | None = None

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


def is_silenceable(notice: NoticeKind) -> bool:
    """Return whether a silence may hold back this kind of news: all but reports and drills."""
    return notice not in NEVER_SILENCED


def silenced_until(
    silences: Iterable[Silence], unit: str, node: str, responsible_unit: str, now: dt.datetime
) -> dt.datetime | None:
    """Return when the silences that cover some news let it go, or None when none holds it at the moment `now`.

    One that begins before another ends passes it on.
    """
    covering = [each for each in silences if each.covers(unit, node, responsible_unit)]
    until = now
    while ends := [each.ends_at for each in covering if each.is_active(until)]:
        until = max(ends)
    return until if until > now else None
