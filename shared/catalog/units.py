"""Administrative units with validity dates, successors, region and commune group (file units.yaml)."""

import datetime as dt

from pydantic import Field

from shared.catalog.base import CatalogModel, Dated, OneLine
from shared.contracts.vocabulary import CommuneType, Confidence, UnitLevel


class Region(CatalogModel):
    """A region of QĐ 318 or a commune group of QĐ 51/2025: the key of a threshold."""

    code: str
    name_vi: OneLine


class AdminUnit(Dated):
    """One province, district or commune during one span of validity.

    `code` is the statistical code and is reused after a merger, so it means nothing without a date; `id` is unique
    ("06187", and "06187@2025-07-01" for the unit that took the code over). `parent` is the id of the unit above.
    `region` and `group` key the thresholds. `successors` are ids; `split` says that none of them follows it whole.
    `other_parts` are the codes of former units that have become a part of this one and need not be in the catalog: as
    long as they are not, numbers of the parts that are there never add up to one of this unit.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9_.@-]{1,40}$")
    code: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,20}$")
    level: UnitLevel
    name_vi: OneLine
    type: CommuneType | None = None
    parent: str | None = None
    region: str | None = None
    group: str | None = None
    successors: tuple[str, ...] = ()
    split: bool = False
    other_parts: tuple[str, ...] = ()
    confidence: Confidence = Confidence.VERIFIED
    source: str | None = None

    @property
    def can_hold_title(self) -> bool:
        """Whether this unit can be recognised as NTM: a xã can, a thị trấn or phường cannot."""
        return self.level is UnitLevel.COMMUNE and self.type is CommuneType.XA


class UnitsFile(CatalogModel):
    """units.yaml: regions, commune groups, then the units."""

    regions: tuple[Region, ...] = ()
    groups: tuple[Region, ...] = ()
    units: tuple[AdminUnit, ...]


def resolve_unit(candidates: tuple[AdminUnit, ...], on: dt.date) -> AdminUnit | None:
    """Return the unit that held a code on the day `on`, or None when none of `candidates` did."""
    return next((unit for unit in candidates if unit.in_force(on)), None)
