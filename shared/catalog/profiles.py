"""How one source names things: its table from what it sends to our measures (profiles/*.yaml)."""

import datetime as dt
from enum import StrEnum

from pydantic import Field

from shared.catalog.base import CatalogModel
from shared.contracts.vocabulary import Sector, Sex

NO_OPTION = "default"
ANY_OPTION = "*"


class PercentUnit(StrEnum):
    """How a source writes a rate: 96.7 or 0.967."""

    PERCENT = "percent"
    FRACTION = "fraction"


class Alias(CatalogModel):
    """One number of the source: which indicator, which part of its measure, which sex or sector.

    `element` is a data element, group code or column; `option` a categoryOptionCombo. Without an option the alias is
    for numbers that are not disaggregated, or whose option stands in a category; "*" takes any option, listed or not.
    `role` is numerator, denominator or value; "ratio" leaves it to the message, which says itself which part each
    number is (FHIR). Sex or sector may be left out where the option or category of the message says it.
    """

    element: str
    option: str = NO_OPTION
    indicator: str
    role: str = Field(pattern=r"^(numerator|denominator|value|ratio)$")
    sex: Sex | None = None
    sector: Sector | None = None
    unit: PercentUnit | None = None


class Category(CatalogModel):
    """A disaggregation of the source under any of its `names`, and which of its options is which sex or sector.

    `total` lists options that mean all together: a number under such an option is not disaggregated.
    """

    names: tuple[str, ...] = Field(min_length=1)
    sex: dict[str, Sex] = Field(default_factory=dict)
    sector: dict[str, Sector] = Field(default_factory=dict)
    total: tuple[str, ...] = ()


class SourceProfile(CatalogModel):
    """What one source's words mean.

    `id_schemes` are the DHIS2 schemes in which `aliases` name elements and options ("uid", "code", "name",
    "attribute:ID"). `org_units` maps ids of the source to commune codes when it does not send codes. `codes_as_of` is
    the day at which its commune codes are to be read; None for the last day of each period. `default_period` stands in
    for a period that a file does not give. `unit` is how it writes rates. `utc_offset_hours` holds for moments that it
    sends without an offset. `forms` are the column templates it uses.
    """

    source: str = Field(pattern=r"^[a-z0-9_.-]{1,60}$")
    name_vi: str
    aliases: tuple[Alias, ...] = ()
    categories: tuple[Category, ...] = ()
    id_schemes: tuple[str, ...] = ("uid", "code")
    org_units: dict[str, str] = Field(default_factory=dict)
    codes_as_of: dt.date | None = None
    default_period: str | None = Field(default=None, pattern=r"^(month|quarter|half|nine_months|year)$")
    unit: PercentUnit = PercentUnit.PERCENT
    utc_offset_hours: float = Field(default=7, ge=-12, le=14)
    forms: tuple[str, ...] = ()
