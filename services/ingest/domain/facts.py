"""What one message says of one fact, gathered until all of it is read."""

from typing import Final

import msgspec

from services.ingest.domain.figures import Figure
from services.ingest.domain.measures import PERCENT_TOLERANCE

VALUE: Final = "value"
_Told = tuple[object, ...]


class Fact(msgspec.Struct):
    """What one message says of one fact: a figure by role, and what else it says in the same roles.

    `repeats` are the rows that say the very same once more, by what they say: only their numbers are kept.
    """

    figures: dict[str, Figure]
    others: list[Figure] | None = None
    repeats: dict[_Told, list[int]] | None = None

    def add(self, figure: Figure) -> None:
        """Take in a figure of a role that has one."""
        if self.others is None or self.repeats is None:
            self.others, self.repeats = [], {}
        first, told = self.figures[figure.meaning.role], _told(figure)
        if told in self.repeats or told == _told(first):
            self.repeats.setdefault(told, []).append(figure.row)
        else:
            self.repeats[told] = []
            self.others.append(figure)

    def rows(self, figure: Figure) -> tuple[int, ...]:
        """Return the rows that repeat a figure."""
        return tuple((self.repeats or {}).get(_told(figure), ()))


def _told(figure: Figure) -> _Told:
    return figure.meaning.role, type(figure.number), figure.number, figure.observed_at


def rate_beside_counts(rate: Fact, counts: Fact) -> bool | None:
    """Return whether a percentage agrees with the counts that stand beside it, of the same moment.

    None when there is nothing to compare: one of them is missing, or the message says several things of one.
    """
    value, numerator, denominator = (
        rate.figures.get(VALUE), counts.figures.get("numerator"), counts.figures.get("denominator"),
    )  # fmt: skip
    if rate.others or counts.others or value is None or numerator is None or denominator is None:
        return None
    if value.number is None or isinstance(value.number, bool) or numerator.number is None or not denominator.number:
        return None
    if not value.observed_at == numerator.observed_at == denominator.observed_at:
        return None
    return abs(value.number - 100 * numerator.number / denominator.number) <= PERCENT_TOLERANCE
