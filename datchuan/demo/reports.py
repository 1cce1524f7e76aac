"""Reports in the shape that a DHIS2 sends: one number each, named by data element and category option combo."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datchuan.demo.figures import Figure
from shared.catalog.profiles import ANY_OPTION, NO_OPTION, Alias, SourceProfile
from shared.contracts.vocabulary import Sector, Sex

DataValue = Mapping[str, Any]


@dataclass(frozen=True)
class Report:
    """One figure of one cell of a commune in one DHIS2 period; a deleted one takes the figure back."""

    commune: str
    indicator: str
    cell: str
    period: str
    figure: Figure
    deleted: bool = False


class AliasBook:
    """A source profile read backwards: from what is measured to the name that the source has for it."""

    def __init__(self, profile: SourceProfile) -> None:
        self._aliases = {(a.indicator, a.role, _cell(a)): a for a in profile.aliases}
        self._org_units = {code: org_unit for org_unit, code in profile.org_units.items()}

    def cells(self, indicator: str, role: str) -> tuple[str, ...]:
        """Return the cells for which the source reports this number of an indicator, in the order of its profile."""
        return tuple(cell for known, part, cell in self._aliases if (known, part) == (indicator, role))

    def data_values(self, report: Report, observed_at: dt.datetime) -> list[DataValue]:
        """Return the DHIS2 data values of a report, one for each of its numbers."""
        numbers = {
            "numerator": report.figure.numerator,
            "denominator": report.figure.denominator,
            "value": report.figure.value,
        }
        return [
            self._data_value(self._aliases[report.indicator, role, report.cell], report, number, observed_at)
            for role, number in numbers.items()
            if number is not None
        ]

    def _data_value(self, alias: Alias, report: Report, number: int | bool, observed_at: dt.datetime) -> DataValue:
        data_value: dict[str, Any] = {
            "dataElement": alias.element,
            "period": report.period,
            "orgUnit": self._org_units.get(report.commune, report.commune),
            "value": str(number).lower(),
            "lastUpdated": observed_at.isoformat(timespec="milliseconds"),
        }
        if alias.option not in (NO_OPTION, ANY_OPTION):
            data_value["categoryOptionCombo"] = alias.option
        if report.deleted:
            data_value["deleted"] = True
        return data_value


def data_value_set(book: AliasBook, reports: Iterable[Report], observed_at: dt.datetime) -> dict[str, Any]:
    """Return one DHIS2 dataValueSets document."""
    return {"dataValues": [value for report in reports for value in book.data_values(report, observed_at)]}


def month_before(day: dt.date) -> str:
    """Return the DHIS2 name of the last month that ended before `day`.

    >>> month_before(dt.date(2024, 10, 15)), month_before(dt.date(2025, 1, 1))
    ('202409', '202412')
    """
    last = day.replace(day=1) - dt.timedelta(days=1)
    return f"{last.year}{last.month:02d}"


def ended_months(day: dt.date) -> tuple[str, ...]:
    """Return the DHIS2 names of the months of the running year that ended before `day`.

    >>> ended_months(dt.date(2024, 3, 15))
    ('202401', '202402')
    """
    return tuple(f"{day.year}{month:02d}" for month in range(1, day.month))


def _cell(alias: Alias) -> str:
    group: Sex | Sector | None = alias.sex or alias.sector
    return group.value if group else ""
