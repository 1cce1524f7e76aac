"""Figures: percentiles, ratios and goals; pure arithmetic on what was measured."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

MILLISECONDS = 1_000


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all values do not exceed (nearest rank).

    >>> percentile([5, 1, 4, 2, 3], 0.5), percentile([5, 1, 4, 2, 3], 0.99)
    (3, 5)
    """
    if not values:
        raise ValueError("there is no percentile of nothing")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum of durations, in milliseconds.

    >>> spread_ms([0.001, 0.002, 0.010])
    {'p50_ms': 2.0, 'p99_ms': 10.0, 'max_ms': 10.0}
    """
    parts = {"p50_ms": percentile(seconds, 0.5), "p99_ms": percentile(seconds, 0.99), "max_ms": max(seconds)}
    return {name: round(value * MILLISECONDS, 1) for name, value in parts.items()}


def median_of(results: Sequence["Result"], figure: Callable[["Result"], float]) -> "Result":
    """Return the result whose figure is the median (of an even number the lower one)."""
    middle = statistics.median_low([figure(result) for result in results])
    return next(result for result in results if figure(result) == middle)


@dataclass(frozen=True)
class Goal:
    """What a figure is to reach: at least, or at most."""

    figure: str
    limit: float
    at_most: bool = False

    def met_by(self, value: float) -> bool:
        """Return whether a value reaches the goal.

        >>> Goal("p99_ms", 50, at_most=True).met_by(49.9), Goal("ratio", 0.2).met_by(0.19)
        (True, False)
        """
        return value <= self.limit if self.at_most else value >= self.limit

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:,g}"


@dataclass(frozen=True)
class Result:
    """One benchmark: its figures by name (the first ones matter most), its goals, and every wrong answer found.

    `details` are further figures, such as the CPU seconds by process; they have no goals.
    """

    name: str
    what: str
    figures: dict[str, float]
    goals: tuple[Goal, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the result as one JSON object."""
        return {
            "benchmark": self.name,
            "what": self.what,
            **self.figures,
            **self.details,
            "goals": [
                {"figure": goal.figure, "goal": str(goal), "met": goal.met_by(self.figures[goal.figure])}
                for goal in self.goals
            ],
            "wrong": list(self.wrong),
        }


def differing(expected: dict[str, object], got: dict[str, object]) -> tuple[str, ...]:
    """Return a sentence for every answer that is not the expected one.

    >>> differing({"rows": 3, "final_hash": "a"}, {"rows": 3, "final_hash": "b"})
    ('final_hash is b, not a',)
    """
    return tuple(
        f"{name} is {got.get(name)}, not {value}" for name, value in expected.items() if got.get(name) != value
    )
