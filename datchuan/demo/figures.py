"""Synthetic figures of communes: plausible, and the same for the same seed."""

import hashlib
from dataclasses import dataclass

from shared.contracts.vocabulary import MeasureKind


@dataclass(frozen=True)
class Figure:
    """What a commune reports of one cell: counts, a number of events, or yes or no."""

    numerator: int | None = None
    denominator: int | None = None
    value: int | bool | None = None


@dataclass(frozen=True)
class Shape:
    """How the figures of an indicator are spread: size of the denominator, and share in a good and a weak commune.

    `alike` says that the cells of one commune are of about the same size, as its men and women are.
    """

    kind: MeasureKind
    size: tuple[int, int] = (0, 0)
    good: tuple[float, float] = (1.0, 1.0)
    weak: tuple[float, float] = (0.0, 0.0)
    weak_communes: float = 0.0
    alike: bool = False


SHAPES = {
    "bhyt_coverage": Shape(MeasureKind.RATIO, (900, 2600), (0.915, 0.985), (0.84, 0.895), 0.12, alike=True),
    "commune_health_standard": Shape(MeasureKind.BOOLEAN, weak_communes=0.07),
    "stunting_u5": Shape(MeasureKind.RATIO, (170, 460), (0.12, 0.23), (0.245, 0.29), 0.12),
    "ehealth_book": Shape(MeasureKind.BOOLEAN, weak_communes=0.07),
    "ehealth_management": Shape(MeasureKind.BOOLEAN, weak_communes=0.15),
    "telemedicine": Shape(MeasureKind.BOOLEAN, weak_communes=0.25),
    "ehealth_book_good": Shape(MeasureKind.BOOLEAN, weak_communes=0.2),
    "food_safety_compliance": Shape(MeasureKind.RATIO, (12, 90), (1.0, 1.0), (0.9, 0.97), 0.08),
    "food_safety_training": Shape(MeasureKind.RATIO, (8, 40), (1.0, 1.0), (0.85, 0.95), 0.08),
    "food_safety_incident": Shape(MeasureKind.COUNT),
    "agrifood_certification": Shape(MeasureKind.RATIO, (2, 12), (1.0, 1.0), (0.5, 0.9), 0.1),
}


def figure(seed: int, indicator: str, unit: str, cell: str, *, always_good: bool = False) -> Figure:
    """Return the figure of a unit's cell; a weak commune is weak in all cells of the indicator.

    >>> figure(1, "food_safety_incident", "06208", "health")
    Figure(numerator=None, denominator=None, value=0)
    """
    shape = SHAPES[indicator]
    weak = not always_good and share(seed, indicator, unit) < shape.weak_communes
    if shape.kind is MeasureKind.COUNT:
        return Figure(value=0)
    if shape.kind is MeasureKind.BOOLEAN:
        return Figure(value=not weak)
    denominator = _size(shape, seed, indicator, unit, cell)
    low, high = shape.weak if weak else shape.good
    rate = low + share(seed, indicator, unit, cell, "rate") * (high - low)
    return Figure(numerator=min(denominator, round(denominator * rate)), denominator=denominator)


def _size(shape: Shape, seed: int, indicator: str, unit: str, cell: str) -> int:
    smallest, largest = shape.size
    of_unit = smallest + share(seed, indicator, unit, "size") * (largest - smallest)
    if shape.alike:
        return round(of_unit * (0.97 + 0.06 * share(seed, indicator, unit, cell, "size")))
    return smallest + round(share(seed, indicator, unit, cell, "size") * (largest - smallest))


def share(seed: int, *what: str) -> float:
    """Return a number from 0 to 1 that depends on nothing but its arguments."""
    digest = hashlib.sha256("|".join((str(seed), *what)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
