"""Slots: every place a report can land, numbered once for the catalog so that the engine works with integers."""

from dataclasses import dataclass

from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import MeasureKind, Part
from shared.contracts.wire import IndicatorReported

# Looked up once: in Python 3.11 a member of an enum costs ten times what a global does.
ATTESTATION = Part.ATTESTATION


@dataclass(frozen=True, slots=True)
class Slot:
    """One cell of one indicator. Attestations have slots of their own, so that a rate never undoes one."""

    indicator: str
    cell: str
    attested: bool


@dataclass(frozen=True, slots=True)
class SlotTable:
    """All slots of a catalog: `slots[number]`, and the number for (indicator, cell), measured or attested."""

    slots: tuple[Slot, ...]
    measured: dict[tuple[str, str], int]
    attested: dict[tuple[str, str], int]

    def number(self, report: IndicatorReported) -> int | None:
        """Return the slot of a report, or None when this catalog has none for it."""
        table = self.attested if report.part is ATTESTATION else self.measured
        return table.get((report.indicator, report.cell))


def slot_table(catalog: Catalog) -> SlotTable:
    """Return the slots of every indicator of a catalog."""
    slots = dict.fromkeys(
        Slot(indicator.key, cell, attested=measure is MeasureKind.BOOLEAN)
        for indicator in catalog.indicators
        for measure in indicator.measures
        for cell in indicator.cells_for(measure)
    )
    return SlotTable(
        slots=tuple(slots),
        measured={(s.indicator, s.cell): number for number, s in enumerate(slots) if not s.attested},
        attested={(s.indicator, s.cell): number for number, s in enumerate(slots) if s.attested},
    )
