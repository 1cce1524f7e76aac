"""Which unit a commune code means in a period: codes are reused after mergers and mean nothing without a date."""

import datetime as dt
from collections.abc import Container, Mapping, Sequence
from typing import Final

import msgspec

from services.ingest.domain.faults import refuse
from services.ingest.domain.periods import parse_period
from shared.catalog.catalog import Catalog
from shared.catalog.lineage import Lineage
from shared.catalog.units import AdminUnit, resolve_unit
from shared.contracts.vocabulary import QuarantineReason, UnitLevel

_MAX_REMEMBERED: Final = 200_000
MAX_NAMED: Final = 6
_COUNTED_EVERY: Final = 64  # counting costs more than reading a period does


class Place(msgspec.Struct, frozen=True, gc=False):
    """A unit."""

    unit: str
    level: UnitLevel


class PlacesOnDay(dict[str, Place]):
    """Look-up from the code as sent to the unit that held it on one day; remembers what it resolved.

    `always` holds the codes that have never changed hands. A unit id that is no code ("06187@2025-07-01") names its
    unit directly, within its dates.
    """

    def __init__(
        self,
        always: Mapping[str, Place],
        by_code: Mapping[str, tuple[AdminUnit, ...]],
        day: dt.date,
        lineage: Lineage,
    ) -> None:
        super().__init__(always)
        self._by_code = by_code
        self._day = day
        self._lineage = lineage

    def __missing__(self, code: str) -> Place:
        held_by = self._by_code.get(code)
        if held_by is None:
            raise refuse(QuarantineReason.UNKNOWN_COMMUNE, "commune", code, zero_hint(code, self._by_code))
        unit = resolve_unit(held_by, self._day)
        if unit is None:
            detail = not_held(held_by, self._day, self._lineage)
            raise refuse(QuarantineReason.COMMUNE_NOT_VALID_THEN, "commune", code, detail)
        place = self[code] = Place(unit.id, unit.level)
        return place


def zero_hint(code: str, known: Container[str]) -> str:
    """Return a question when an unknown code is a known one that lost its leading zeros, else nothing.

    >>> zero_hint("6187.0", {"06187"})
    'did a spreadsheet turn 06187 into a number?'
    """
    padded = code.removesuffix(".0").zfill(5)
    return f"did a spreadsheet turn {padded} into a number?" if padded in known else ""


def dated(units: Sequence[AdminUnit]) -> str:
    """Return units in words with their days, for a fault: "06199 (Xã Thạch Đạn, until 2025-06-30)"."""

    def days(unit: AdminUnit) -> str:
        since = f"from {unit.effective_from}" if unit.effective_from else ""
        until = f"until {unit.effective_to}" if unit.effective_to else ""
        return " ".join(text for text in (since, until) if text) or "always"

    text = ", ".join(f"{unit.id} ({unit.name_vi}, {days(unit)})" for unit in units[:MAX_NAMED])
    return text if len(units) <= MAX_NAMED else f"{text} and {len(units) - MAX_NAMED} more"


def heirs_of(units: Sequence[AdminUnit], day: dt.date, lineage: Lineage) -> tuple[AdminUnit, ...]:
    """Return the units of a day that the last of `units` to end before it has gone into."""
    ended = [unit for unit in units if unit.span[1] < day]
    return lineage.heirs(max(ended, key=lambda unit: unit.span[1]), day) if ended else ()


def followed(units: Sequence[AdminUnit], day: dt.date, lineage: Lineage) -> str:
    """Return who came after units that had ended by a day: "; since 2025-07-01: 06211 Xã Cao Lộc", or nothing."""
    heirs = heirs_of(units, day, lineage)
    if not heirs:
        return ""
    named = ", ".join(f"{heir.code} {heir.name_vi}" for heir in heirs[:MAX_NAMED])
    more = f" and {len(heirs) - MAX_NAMED} more" if len(heirs) > MAX_NAMED else ""
    since = max((heir.effective_from for heir in heirs if heir.effective_from), default=None)
    return f"; {f'since {since}' if since else 'now'}: {named}{more}"


def not_held(holders: Sequence[AdminUnit], day: dt.date, lineage: Lineage) -> str:
    """Return in words that nobody held a code on a day, who did at another time, and who came after them."""
    what = f"no unit held this code on {day.isoformat()}; it was held by {dated(holders)}"
    return f"{what}{followed(holders, day, lineage)}"


class Span(msgspec.Struct, frozen=True, gc=False):
    """The days of a period, and the units by the codes that they held on the last one."""

    start: dt.date
    end: dt.date
    places: PlacesOnDay


class Spans(dict[str, Span]):
    """Look-up from a period as sent to its days; remembers what it resolved."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__()
        self._lineage = Lineage(catalog)
        self._days: dict[dt.date, PlacesOnDay] = {}
        self._by_code: dict[str, tuple[AdminUnit, ...]] = dict(catalog.units_by_code)
        for unit in catalog.units:
            self._by_code.setdefault(unit.id, (unit,))
        self._always = {
            code: Place(units[0].id, units[0].level)
            for code, units in self._by_code.items()
            if len(units) == 1 and units[0].effective_from is None and units[0].effective_to is None
        }

    def __missing__(self, text: str) -> Span:
        period = parse_period(text)
        if period is None:
            raise refuse(QuarantineReason.BAD_PERIOD, "period", text)
        if len(self) % _COUNTED_EVERY == 0 and len(self) + sum(map(len, self._days.values())) >= _MAX_REMEMBERED:
            self.clear()
            self._days.clear()
        places = self._days.get(period.end)
        if places is None:
            places = PlacesOnDay(self._always, self._by_code, period.end, self._lineage)
            self._days[period.end] = places
        span = self[text] = Span(period.start, period.end, places)
        return span
