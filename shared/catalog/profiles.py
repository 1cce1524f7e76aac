"""How one source names things: its table from (dataElement, categoryOptionCombo) to our measures (profiles/*.yaml)."""

from pydantic import Field

from shared.catalog.base import CatalogModel
from shared.contracts.vocabulary import Sector, Sex

DEFAULT_OPTION = "*"


class Alias(CatalogModel):
    """One number of the source: which indicator, which part of its measure, which sex or sector.

    `option` is the categoryOptionCombo, "*" for any. `role` is numerator, denominator or value.
    """

    element: str
    option: str = DEFAULT_OPTION
    indicator: str
    role: str = Field(pattern=r"^(numerator|denominator|value)$")
    sex: Sex | None = None
    sector: Sector | None = None


class SourceProfile(CatalogModel):
    """A source's alias table. `org_units` maps ids of the source to commune codes when it does not send codes."""

    source: str = Field(pattern=r"^[a-z0-9_.-]{1,60}$")
    name_vi: str
    aliases: tuple[Alias, ...]
    org_units: dict[str, str] = Field(default_factory=dict)
