"""The reports of the suite: health insurance coverage that moves back and forth over its target, none like another."""

import datetime as dt
import json
from dataclasses import dataclass

from datchuan.demo.figures import share
from shared.catalog.catalog import Catalog
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import UnitLevel

AS_OF = dt.date(2024, 10, 15)
NODE = "xa_ntm/15.1"
CELLS = ("female", "male")
_START = dt.datetime(2024, 10, 1, tzinfo=dt.UTC)
_LATE_SHARE = 0.05
_LATE = dt.timedelta(seconds=600)


@dataclass(frozen=True, slots=True)
class Report:
    """One report of one cell of one commune. No two are observed at the same moment, and no two say the same."""

    id: str
    unit: str
    commune: str
    cell: str
    numerator: int
    denominator: int
    observed_at: dt.datetime

    @property
    def is_good(self) -> bool:
        """Tell whether the cell reaches the target of 90 % by this report."""
        return self.numerator * 100 >= self.denominator * 90

    def line(self) -> str:
        """Return the report as one line of NDJSON."""
        event = {
            "id": self.id,
            "commune": self.commune,
            "indicator": "bhyt_coverage",
            "sex": self.cell,
            "period": "202409",
            "numerator": self.numerator,
            "denominator": self.denominator,
            "observed_at": self.observed_at.isoformat(),
        }
        return json.dumps(event)


class ReportSource:
    """Makes one report after the other; the first ones give every commune both cells, well above the target."""

    def __init__(self, catalog: Catalog) -> None:
        self._communes = [u for u in catalog.units if u.level is UnitLevel.COMMUNE and u.in_force(AS_OF)]
        self._first = [(commune, cell) for commune in self._communes for cell in CELLS]
        self._number = 0

    @property
    def first_reports(self) -> int:
        """How many reports it takes until every cell has one."""
        return len(self._first)

    def take(self, count: int) -> list[Report]:
        """Return the next reports."""
        return [self._next() for _ in range(count)]

    def take_mostly_good(self, count: int) -> list[Report]:
        """Return the next reports; of twenty nineteen are above the target, so that a flood of them is little news."""
        return [self._next(lowest=0.8 if number % 20 == 0 else 0.91) for number in range(count)]

    def _next(self, lowest: float = 0.8) -> Report:
        number, self._number = self._number, self._number + 1
        if number < len(self._first):
            commune, cell = self._first[number]
            return _report(number, commune, cell, rate=0.97)
        name = str(number)
        commune = self._communes[int(share(2, "commune", name) * len(self._communes))]
        cell = CELLS[share(2, "cell", name) < 0.5]
        is_late = share(2, "late", name) < _LATE_SHARE
        return _report(number, commune, cell, rate=lowest + (1 - lowest) * share(2, "rate", name), is_late=is_late)


def _report(number: int, commune: AdminUnit, cell: str, rate: float, *, is_late: bool = False) -> Report:
    denominator = 100_000 + number  # its own, so that two mails are the same only if they tell the same
    moment = _START + dt.timedelta(seconds=number, microseconds=number % 1_000_000)
    return Report(
        id=f"chaos-{number:07}",
        unit=commune.id,
        commune=commune.code,
        cell=cell,
        numerator=round(denominator * rate),
        denominator=denominator,
        observed_at=moment - (_LATE + dt.timedelta(milliseconds=500) if is_late else dt.timedelta()),
    )
