"""How much of an import one forecast looks at: whole units, in the order in which they come, up to a bound."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from shared.contracts.wire import IndicatorReported

BEYOND = 2**62
"""Numbers from here on are above all that journal and history have given: what is only thought of comes last."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one forecast reads, judges and lists, and for how long; times are in seconds."""

    units: int = 500
    reports: int = 20_000
    listed: int = 500
    units_at_once: int = 5
    waiting_bytes: int = 16 * 1024 * 1024
    turn_seconds: float = 5.0
    work_seconds: float = 10.0
    statement_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Portion:
    """The reports that are looked at by unit, each in its order and numbered anew, and how many units are left out."""

    by_unit: dict[str, list[IndicatorReported]]
    units_left_out: int

    def parts(self, size: int) -> Iterable[Sequence[str]]:
        """Yield the units, `size` at a time."""
        units = list(self.by_unit)
        return (units[at : at + size] for at in range(0, len(units), size))


def portion_of(reports: Iterable[IndicatorReported], bounds: Bounds) -> Portion:
    """Return what is looked at of the reports: a unit is taken with all of its reports or not at all."""
    by_unit: dict[str, list[IndicatorReported]] = {}
    for number, report in enumerate(reports):
        by_unit.setdefault(report.unit, []).append(msgspec.structs.replace(report, seq=BEYOND + number))
    taken: dict[str, list[IndicatorReported]] = {}
    room = bounds.reports
    for unit, own in by_unit.items():
        if len(taken) < bounds.units and len(own) <= room:
            taken[unit] = own
            room -= len(own)
    return Portion(taken, len(by_unit) - len(taken))
