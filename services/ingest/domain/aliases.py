"""One source's words for what we measure: its data elements, options, categories and organisation units."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from services.ingest.domain.faults import Fault, RefusedError, Remedy, refuse
from services.ingest.domain.remedies import NEEDS_OPTION, ONLY_DEFAULT_ATTRIBUTE
from services.ingest.domain.values import DataValue
from shared.catalog.indicators import Indicator
from shared.catalog.profiles import ANY_OPTION, NO_OPTION, Alias, Category, PercentUnit, SourceProfile
from shared.contracts.vocabulary import QuarantineReason

# The uid that every DHIS2 gives to "no disaggregation", and its name.
DHIS2_DEFAULTS: Final = ("HllvX50cXC0", "default")
RATIO: Final = "ratio"
ROLES: Final = ("numerator", "denominator", "value")
_MAX_REMEMBERED: Final = 50_000
# Words that are longer than any of a profile's are looked up again: a sender must not fill the memory with them.
_MAX_KEY: Final = 500


class Meaning(msgspec.Struct, frozen=True, gc=False):
    """What one number of the source is: part `role` of an indicator's measure, for a sex or sector.

    `is_fraction` says that a rate comes as 0.967 and not as 96.7.
    """

    indicator: str
    role: str
    sex: str | None = None
    sector: str | None = None
    is_fraction: bool = False


_Cell = tuple[str | None, str | None]
_NO_CELL: Final[_Cell] = (None, None)


class AliasTable:
    """Look-ups of one source profile; remembers what it has looked up."""

    def __init__(
        self, profile: SourceProfile, rates: Collection[str] = (), indicators: Mapping[str, Indicator] | None = None
    ) -> None:
        """`rates` are the indicators that take a percentage and no yes/no: the profile's unit holds for them.

        `indicators` are those of the catalog, for readers whose messages say more than one number at a time.
        """
        self.profile = profile
        self.zone = dt.timezone(dt.timedelta(hours=profile.utc_offset_hours))
        self._rates = frozenset(rates)
        self.source = profile.source
        self._indicators = indicators or {}
        self._by_element: dict[str, dict[str, Alias]] = {}
        for alias in profile.aliases:
            self._by_element.setdefault(alias.element, {})[alias.option] = alias
        self._categories = {name: category for category in profile.categories for name in category.names}
        self._org_units = profile.org_units
        self._known: dict[tuple[object, ...], Meaning | Fault] = {}

    @staticmethod
    def empty(source: str) -> "AliasTable":
        """Return the table of a source that has no profile: only forms that explain themselves can be read by it."""
        return AliasTable(SourceProfile(source="none", name_vi=source))

    def meaning(self, value: DataValue) -> Meaning:
        """Return what a value measures, or refuse it; an unlisted disaggregation is never taken for the whole."""
        if value.indicator is not None:
            return Meaning(value.indicator, value.role or "", value.sex, value.sector)
        categories = value.categories
        pairs = None if not categories else tuple(categories.items())
        key = (value.element, value.option, value.attribute, value.role, pairs)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            found = self._look_up(value)
            if len(repr(key)) <= _MAX_KEY:
                self._known[key] = found
        if isinstance(found, Fault):
            raise RefusedError(found)
        return found

    def alias_of(self, element: str) -> Alias | None:
        """Return the first alias of an element: what it is about, whichever its option."""
        return next(iter(self._by_element.get(element, {}).values()), None)

    def category(self, name: str) -> Category | None:
        """Return the disaggregation that the source calls by this name."""
        return self._categories.get(name)

    def indicator_of(self, alias: Alias) -> Indicator | None:
        """Return what the catalog says of an alias's indicator."""
        return self._indicators.get(alias.indicator)

    def unit_of(self, alias: Alias) -> PercentUnit | None:
        """Return in which unit the profile says that rates come; None when it does not say."""
        is_said = "unit" in self.profile.model_fields_set and alias.indicator in self._rates
        return alias.unit or (self.profile.unit if is_said else None)

    def alias(self, value: DataValue) -> Alias | None:
        """Return the entry of the profile that explains a value, None when there is none."""
        try:
            return self._explain(value)[0]
        except RefusedError:
            return None

    def commune(self, org_unit: str) -> str:
        """Return the commune code of an organisation unit: the profile's, or the id itself when it is a code."""
        return self._org_units.get(org_unit, org_unit)

    def _look_up(self, value: DataValue) -> Meaning | Fault:
        try:
            return self._read(value)
        except RefusedError as refused:
            return refused.fault

    def _read(self, value: DataValue) -> Meaning:
        alias, cell = self._explain(value)
        unit = alias.unit or (self.profile.unit if alias.indicator in self._rates else PercentUnit.PERCENT)
        return Meaning(alias.indicator, _role(alias, value), *cell, unit is PercentUnit.FRACTION)

    def _explain(self, value: DataValue) -> tuple[Alias, _Cell]:
        if value.attribute is not None and value.attribute not in DHIS2_DEFAULTS:
            detail = "only the default is read: this attribute would merge values that are kept apart"
            raise _unknown("attributeOptionCombo", value.attribute, detail, ONLY_DEFAULT_ATTRIBUTE)
        if value.element not in self._by_element:
            raise _unknown("dataElement", value.element, f"not in the profile {self.source}")
        cell = self._cell_of_categories(value)
        alias = self._find(value, cell)
        if alias is None:
            cell = cell if cell != _NO_CELL else self._cell_of_option(value)
            alias = self._find_by_cell(value, cell)
        elif cell == _NO_CELL and _has_cell(alias):
            cell = (alias.sex, alias.sector)
        elif cell == _NO_CELL and value.option is not None:
            cell = self._listed(value.option) or _NO_CELL
        return alias, cell

    def _find(self, value: DataValue, cell: _Cell) -> Alias | None:
        """Return the alias that names this very option, or takes any."""
        aliases = self._by_element[value.element]
        is_whole = value.option is None or value.option in DHIS2_DEFAULTS
        names = (*DHIS2_DEFAULTS, ANY_OPTION) if is_whole else (value.option, ANY_OPTION)
        found = next((aliases[name] for name in names if name in aliases), None)
        if found is not None and _has_cell(found) and cell not in (_NO_CELL, (found.sex, found.sector)):
            detail = f"{found.element} is {found.sex or found.sector} by itself"
            raise _unknown("categories", "/".join(text for text in cell if text), detail)
        return found

    def _find_by_cell(self, value: DataValue, cell: _Cell) -> Alias:
        """Return the alias of the sex or sector that the message names in another way than the profile's option."""
        aliases = self._by_element[value.element]
        fitting = [alias for alias in aliases.values() if (alias.sex, alias.sector) == cell]
        if NO_OPTION in aliases and not _has_cell(aliases[NO_OPTION]):
            fitting = fitting or [aliases[NO_OPTION]]
        if len({(alias.indicator, alias.role) for alias in fitting}) != 1:
            raise self._unlisted(value)
        return fitting[0]

    def _cell_of_categories(self, value: DataValue) -> _Cell:
        sex: str | None = None
        sector: str | None = None
        for name, option in (value.categories or {}).items():
            category = self._categories.get(name)
            if category is None:
                raise _unknown(name, option, "the profile does not know this disaggregation")
            found = _cell(category, option)
            if found is None:
                raise _unknown(name, option, "the profile does not know this option")
            sex, sector = found[0] or sex, found[1] or sector
        return sex, sector

    def _cell_of_option(self, value: DataValue) -> _Cell:
        """Return the cell of an option that stands in a category; any other is refused, never taken for the whole."""
        found = None if value.option is None else self._listed(value.option)
        if found is None:
            raise self._unlisted(value)
        return found

    def _unlisted(self, value: DataValue) -> RefusedError:
        """Return what refuses an option that is not in the profile, or a value that lacks its option."""
        if value.option is not None and value.option not in DHIS2_DEFAULTS:
            return _unknown("categoryOptionCombo", value.option, f"{value.element} is known, but not with this option")
        aliases = self._by_element[value.element].values()
        by = [name for name in ("sex", "sector") if any(getattr(alias, name) is not None for alias in aliases)]
        detail = f"{value.element} is reported by {' and '.join(by) or 'its options'}: a value needs its option"
        return _unknown("categoryOptionCombo", value.option or "", detail, NEEDS_OPTION)

    def _listed(self, option: str) -> _Cell | None:
        found = (_cell(category, option) for category in self.profile.categories)
        return next((cell for cell in found if cell is not None), None)


def _cell(category: Category, option: str) -> _Cell | None:
    """Return the (sex, sector) of an option, (None, None) for all together, None when it is not listed."""
    sex, sector = category.sex.get(option), category.sector.get(option)
    if sex is None and sector is None:
        return _NO_CELL if option in category.total else None
    return sex and sex.value, sector and sector.value


def _has_cell(alias: Alias) -> bool:
    return alias.sex is not None or alias.sector is not None


def _role(alias: Alias, value: DataValue) -> str:
    if alias.role != RATIO:
        return alias.role
    if value.role not in ROLES:
        detail = f"{alias.element} is a ratio in the profile: the message must say which part a number is"
        raise refuse(QuarantineReason.WRONG_MEASURE, "dataElement", alias.element, detail)
    return value.role


def _unknown(field: str, value: object, detail: str, remedy: Remedy | None = None) -> RefusedError:
    return refuse(QuarantineReason.UNKNOWN_ALIAS, field, value, detail, remedy)
