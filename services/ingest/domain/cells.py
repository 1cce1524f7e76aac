"""What may be reported: every legal (indicator, sex, sector) and the measures it takes, compiled from the catalog."""

import datetime as dt
from typing import Final

import msgspec

from services.ingest.domain.faults import RefusedError, refuse
from services.ingest.domain.native import NativeEvent
from shared.catalog.catalog import Catalog
from shared.catalog.certificates import last_day
from shared.catalog.indicators import ATTESTATION_CELL, Indicator
from shared.contracts.vocabulary import MeasureKind, QuarantineReason, Sector, Sex, UnitLevel

CellKey = tuple[str, str | None, str | None]

_SEXES: Final = frozenset(Sex)
_SECTORS: Final = frozenset(Sector)


class Validity(msgspec.Struct, frozen=True):
    """For how many years a certificate counts, under a rule in force in a span of days."""

    effective_from: dt.date
    effective_to: dt.date
    years: int


class CellPlan(msgspec.Struct, frozen=True):
    """What one cell of one indicator takes.

    `by` names the disaggregation that a rate of this cell still lacks; `attested` says that the indicator as a whole
    takes a yes/no, though perhaps not in this cell.
    """

    indicator: str
    cell: str
    ratio: bool
    percent: bool
    boolean: bool
    count: bool
    by: str | None
    attested: bool
    zero_denominator: bool
    max_denominator: int
    levels: frozenset[UnitLevel]
    validities: tuple[Validity, ...]

    def valid_until(self, issued_on: dt.date, on: dt.date) -> dt.date | None:
        """Return the last day of a certificate of `issued_on` under the rule in force `on` that day, or None."""
        years = next((v.years for v in self.validities if v.effective_from <= on <= v.effective_to), None)
        if years is None or issued_on.year + years > dt.MAXYEAR:
            return None
        return last_day(issued_on, years)


def compile_cells(catalog: Catalog) -> dict[CellKey, CellPlan]:
    """Return the plan of every legal combination of indicator, sex and sector."""
    plans: dict[CellKey, CellPlan] = {}
    for indicator in catalog.indicators:
        levels, validities = _levels(catalog, indicator), _validities(catalog, indicator)
        kinds = frozenset(indicator.measures)
        counted = kinds - {MeasureKind.BOOLEAN} if indicator.by else kinds
        for cell in indicator.cells if counted else ():
            plans[_key(indicator, cell)] = _plan(indicator, cell, counted, levels, validities)
        if indicator.by and MeasureKind.BOOLEAN in kinds:
            plan = _plan(indicator, ATTESTATION_CELL, frozenset({MeasureKind.BOOLEAN}), levels, validities)
            plans[_key(indicator, ATTESTATION_CELL)] = plan
    return plans


def explain_no_plan(indicators: dict[str, Indicator], event: NativeEvent) -> RefusedError:
    """Return why an event's indicator, sex and sector make no legal cell."""
    indicator = indicators.get(event.indicator)
    if indicator is None:
        return refuse(QuarantineReason.UNKNOWN_INDICATOR, "indicator", event.indicator)
    if event.sex is not None and event.sex not in _SEXES:
        return refuse(QuarantineReason.UNKNOWN_SEX, "sex", event.sex)
    if event.sector is not None and event.sector not in _SECTORS:
        return refuse(QuarantineReason.UNKNOWN_SECTOR, "sector", event.sector)
    if event.sex is not None and indicator.by != "sex":
        return refuse(QuarantineReason.UNEXPECTED_SEX, "sex", event.sex)
    if event.sector is not None and indicator.by != "sector":
        return refuse(QuarantineReason.UNEXPECTED_SECTOR, "sector", event.sector)
    return missing_group(indicator.by)


def missing_group(by: str | None) -> RefusedError:
    """Return the refusal of a count that lacks its sex or sector."""
    if by == "sex":
        return refuse(QuarantineReason.MISSING_SEX, "sex")
    return refuse(QuarantineReason.MISSING_SECTOR, "sector")


def unexpected_group(plan: CellPlan) -> RefusedError:
    """Return the refusal of an attestation that names a sex or sector: it speaks for the whole unit."""
    detail = "a yes/no speaks for the whole unit"
    if plan.cell in _SEXES:
        return refuse(QuarantineReason.UNEXPECTED_SEX, "sex", plan.cell, detail)
    return refuse(QuarantineReason.UNEXPECTED_SECTOR, "sector", plan.cell, detail)


def _key(indicator: Indicator, cell: str) -> CellKey:
    return (
        indicator.key,
        cell if cell and indicator.by == "sex" else None,
        cell if cell and indicator.by == "sector" else None,
    )


def _plan(
    indicator: Indicator,
    cell: str,
    kinds: frozenset[MeasureKind],
    levels: frozenset[UnitLevel],
    validities: tuple[Validity, ...],
) -> CellPlan:
    return CellPlan(
        indicator=indicator.key,
        cell=str(cell),
        ratio=MeasureKind.RATIO in kinds,
        percent=MeasureKind.PERCENT in kinds,
        boolean=MeasureKind.BOOLEAN in kinds,
        count=MeasureKind.COUNT in kinds,
        by=indicator.by if not cell and set(indicator.measures) != {MeasureKind.BOOLEAN} else None,
        attested=MeasureKind.BOOLEAN in indicator.measures,
        zero_denominator=indicator.zero_denominator,
        max_denominator=indicator.max_denominator,
        levels=levels,
        validities=validities,
    )


def _levels(catalog: Catalog, indicator: Indicator) -> frozenset[UnitLevel]:
    judged_by = {rule.standard for rule in catalog.rules if rule.indicator == indicator.key}
    return frozenset(catalog.standard_by_id[standard].level for standard in judged_by) or frozenset(UnitLevel)


def _validities(catalog: Catalog, indicator: Indicator) -> tuple[Validity, ...]:
    return tuple(
        Validity(rule.effective_from or dt.date.min, rule.effective_to or dt.date.max, rule.validity_years)
        for rule in catalog.rules
        if rule.indicator == indicator.key and rule.validity_years is not None
    )
