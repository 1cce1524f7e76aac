"""Watch bands: how near a met rate is to its threshold, for the chỉ tiêu whose indicator has a policy on risk.

A band is a part of a compiled plan. Where there is no policy there is no band, and nothing is asked for each report.
"""

import operator as op
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from shared.contracts.vocabulary import Operator
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.wire import CellFinding

_FLOORS = frozenset({Operator.AT_LEAST, Operator.MORE_THAN})
_ATTESTED = frozenset({Reason.ATTESTED, Reason.ATTESTED_NOT})


class Counted(Protocol):
    """The numbers of a cell, as a measure and as a message have them."""

    @property
    def numerator(self) -> int | None:
        """How many are counted."""

    @property
    def denominator(self) -> int | None:
        """Out of how many."""

    @property
    def value(self) -> float | None:
        """The percentage, where it was reported as such."""


@dataclass(frozen=True, slots=True)
class _Sum:
    """Counts that were added up."""

    numerator: int
    denominator: int
    value: float | None = None


def percentage(of: Counted | None) -> float | None:
    """Return the percentage that is judged, None when there is none.

    >>> percentage(CellFinding(cell="", status="met", reason="target_met", numerator=1, denominator=8))
    12.5
    """
    if of is None:
        return None
    if of.value is not None:
        return of.value
    if of.numerator is None or not of.denominator or of.numerator > of.denominator:
        return None
    return 100 * of.numerator / of.denominator


@dataclass(frozen=True, slots=True)
class Band:
    """The far edge of a watch band, `edge` percent or the share `top` / `bottom`: nearer ones compare `within` it."""

    edge: Decimal
    top: int
    bottom: int
    within: Callable[[Any, Any], bool]

    @classmethod
    def of(cls, operator: Operator, threshold: Decimal, watch: float) -> "Band":
        """Return the band of `watch` percentage points on the side of a threshold (percent) where it is met."""
        is_floor = operator in _FLOORS
        points = Decimal(str(watch))
        edge = threshold + points if is_floor else threshold - points
        top, bottom = (edge / 100).as_integer_ratio()
        return cls(edge, top, bottom, op.le if is_floor else op.ge)

    def holds(self, met: Counted) -> bool:
        """Return whether a rate that meets its target is inside the band, its edge included."""
        if met.value is not None:
            return bool(self.within(Decimal(str(met.value)), self.edge))
        if met.numerator is None or not met.denominator:
            return False
        return bool(self.within(met.numerator * self.bottom, self.top * met.denominator))


@dataclass(frozen=True, slots=True)
class Watch:
    """A watched chỉ tiêu: its band, the cell of each slot, and whether its cells are judged by their sum."""

    band: Band
    cells: Mapping[int, str]
    adds_up: bool

    def is_near(self, told: Sequence[CellFinding], slot: int) -> bool:
        """Return whether the cell of a slot, or the sum, is inside the band; `told` are the cells of a met chỉ tiêu."""
        if self.adds_up:
            total = _added(told)
            return total is not None and self.band.holds(total)
        moved = self.cells.get(slot)
        return any(c.cell == moved and c.reason is Reason.TARGET_MET and self.band.holds(c) for c in told)

    def with_before(
        self, told: Sequence[CellFinding], moved: Mapping[int, Counted | None], now: Mapping[int, Counted | None]
    ) -> tuple[CellFinding, ...]:
        """Return the cells of a message with the percentages of the measures that were in the slots that `moved`.

        `now` is what the slots hold after the change. The word of an attestation is no percentage.
        """
        if self.adds_up:
            was = percentage(_added([moved.get(slot, now[slot]) for slot in self.cells]))
            return tuple([msgspec.structs.replace(cell, before=was) for cell in told])
        before = {self.cells[slot]: percentage(measure) for slot, measure in moved.items() if slot in self.cells}
        return tuple(
            [
                cell if cell.reason in _ATTESTED else msgspec.structs.replace(cell, before=before.get(cell.cell))
                for cell in told
            ]
        )


def _added(cells: Sequence[Counted | None]) -> Counted | None:
    """Return the sum of cells; None when one of them has no counts."""
    numerators = [cell.numerator for cell in cells if cell is not None and cell.numerator is not None]
    denominators = [cell.denominator for cell in cells if cell is not None and cell.denominator is not None]
    if not len(cells) == len(numerators) == len(denominators):
        return None
    return _Sum(sum(numerators), sum(denominators))
