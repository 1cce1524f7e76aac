"""Which unit a commune code means in a period: codes are reused after mergers and mean nothing without a date."""

import datetime as dt
from typing import Final

import msgspec

from services.ingest.domain.faults import refuse
from services.ingest.domain.periods import parse_period
from shared.catalog.catalog import Catalog
from shared.catalog.units import AdminUnit, resolve_unit
from shared.contracts.vocabulary import QuarantineReason, UnitLevel

_MAX_REMEMBERED: Final = 200_000


class Place(msgspec.Struct, frozen=True, gc=False):
    """A unit in a period."""

    unit: str
    level: UnitLevel
    period_start: dt.date
    period_end: dt.date


class Places(dict[tuple[str, str], Place]):
    """Look-up from (commune code, period) as sent to the unit and the days; remembers what it resolved.

    The unit is the one that held the code on the last day of the period. A unit id that is no code ("06187@2025-07-01")
    names its unit directly, within its dates.
    """

    def __init__(self, catalog: Catalog) -> None:
        super().__init__()
        self._by_code: dict[str, tuple[AdminUnit, ...]] = dict(catalog.units_by_code)
        for unit in catalog.units:
            self._by_code.setdefault(unit.id, (unit,))

    def __missing__(self, key: tuple[str, str]) -> Place:
        code, text = key
        period = parse_period(text)
        if period is None:
            raise refuse(QuarantineReason.BAD_PERIOD, "period", text)
        place = Place(*self._unit_on(code, period.end), period.start, period.end)
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        self[key] = place
        return place

    def _unit_on(self, code: str, on: dt.date) -> tuple[str, UnitLevel]:
        held_by = self._by_code.get(code)
        if held_by is None:
            raise refuse(QuarantineReason.UNKNOWN_COMMUNE, "commune", code, self._hint(code))
        unit = resolve_unit(held_by, on)
        if unit is None:
            detail = f"no unit held this code on {on.isoformat()}"
            raise refuse(QuarantineReason.COMMUNE_NOT_VALID_THEN, "commune", code, detail)
        return unit.id, unit.level

    def _hint(self, code: str) -> str:
        padded = code.removesuffix(".0").zfill(5)
        return f"did a spreadsheet turn {padded} into a number?" if padded in self._by_code else ""
