"""Partitions: each unit belongs to one, and each partition has one writer."""

from dataclasses import dataclass

from shared.contracts.streams import partition_of


@dataclass(frozen=True, slots=True)
class Partition:
    """Partition `number` of `of`: the units of which one writer has charge.

    >>> Partition(1, of=4).owns("X00000"), Partition(0).owns("X00000")
    (True, True)
    """

    number: int = 0
    of: int = 1

    def owns(self, unit: str) -> bool:
        """Tell whether a unit belongs here."""
        return partition_of(unit, self.of) == self.number


WHOLE = Partition()
"""The only partition of a catalog that is not divided."""
