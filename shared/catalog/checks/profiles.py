"""Checks of indicators and source profiles: every alias names one thing that its indicator can take."""

from collections.abc import Collection, Iterator

from shared.catalog.catalog import Catalog
from shared.catalog.checks.findings import Finding, duplicates, not_one_of, placed, unknown
from shared.catalog.indicators import Indicator
from shared.catalog.problems import Problem, at
from shared.catalog.profiles import ANY_OPTION, NO_OPTION, Alias, Category
from shared.contracts.vocabulary import MeasureKind

INDICATORS = "indicators.yaml"
SINGLE_MEASURES = frozenset({MeasureKind.PERCENT, MeasureKind.BOOLEAN, MeasureKind.COUNT})


def check_indicators(catalog: Catalog) -> list[Problem]:
    """Return the problems of indicators: keys given twice, names of cells they do not have."""
    problems = duplicates(INDICATORS, "indicators", "key", [indicator.key for indicator in catalog.indicators])
    for index, indicator in enumerate(catalog.indicators):
        key = at("indicators", index, indicator.key, "counted_by_cell_vi")
        problems += not_one_of(INDICATORS, key, indicator.counted_by_cell_vi, indicator.cells)
    return problems


def check_profile_sources(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return the problems of profiles as such: two for one source, an alias given twice, unknown commune codes."""
    problems = []
    first: dict[str, str] = {}
    for file, profile in zip(files, catalog.profiles, strict=True):
        if profile.source in first:
            what = f"has a profile in {first[profile.source]} already"
            problems.append(Problem(file, "source", profile.source, what, "put all aliases of a source in one file"))
        first.setdefault(profile.source, file)
        names = [f"{alias.element}/{alias.option}" for alias in profile.aliases]
        problems += duplicates(file, "aliases", "element/option", names)
    return problems


def check_categories(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return the problems of categories: a name or an option that stands for two things."""
    problems: list[Problem] = []
    for file, profile in zip(files, catalog.profiles, strict=True):
        known: dict[str, int] = {}
        for index, category in enumerate(profile.categories):
            for name in category.names:
                if name in known:
                    key, what = (
                        at("categories", index, category.names[0]),
                        f"is also a name of categories[{known[name]}]",
                    )
                    problems.append(Problem(file, f"{key}.names", name, what, "give each its own, or remove one"))
                known.setdefault(name, index)
            options = [*category.sex, *category.sector, *category.total]
            for name in sorted({option for option in options if options.count(option) > 1}):
                key = at("categories", index, category.names[0])
                what = "stands for two things"
                problems.append(
                    Problem(file, key, name, what, "list each option once: as a sex, a sector or the total")
                )
    return problems


def check_profile_places(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each organisation unit that is mapped to a code no unit ever held."""
    problems: list[Problem] = []
    for file, profile in zip(files, catalog.profiles, strict=True):
        for name, code in profile.org_units.items():
            problems += unknown(file, f"org_units.{name}", [code], catalog.units_by_code, "units.yaml (as a code)")
    return problems


def check_aliases(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return the problems of aliases that their indicator cannot take."""
    problems: list[Problem] = []
    for file, profile in zip(files, catalog.profiles, strict=True):
        for index, alias in enumerate(profile.aliases):
            key = at("aliases", index, f"{alias.element}/{alias.option}")
            indicator = catalog.indicator_by_key.get(alias.indicator)
            if indicator is None:
                problems += unknown(file, f"{key}.indicator", [alias.indicator], (), INDICATORS)
            else:
                told = [_tells(category, alias.option) for category in profile.categories]
                findings = [*_role_findings(alias, indicator), *_cell_findings(alias, indicator, told)]
                problems += placed(file, key, findings)
    return problems


def _role_findings(alias: Alias, indicator: Indicator) -> Iterator[Finding]:
    """Yield what is wrong with the role and the unit: only a percentage has a unit."""
    if alias.unit is not None and (
        alias.role not in ("value", "ratio") or MeasureKind.PERCENT not in indicator.measures
    ):
        what = f"but {'a ' + alias.role if alias.role != 'value' else indicator.key} is no percentage"
        yield "unit", alias.unit.value, what, "remove it"
    fits = SINGLE_MEASURES if alias.role == "value" else {MeasureKind.RATIO}
    if not fits & set(indicator.measures):
        what = f"but {indicator.key} is reported as {', '.join(indicator.measures)}"
        yield "role", alias.role, what, "use numerator and denominator for a ratio, value for anything else"


def _tells(category: Category, option: str) -> str | None:
    """Return what a category can tell of a value under an option: its sex, its sector, or nothing."""
    for field, options in (("sex", category.sex), ("sector", category.sector)):
        if options and (option in (NO_OPTION, ANY_OPTION) or option in options):
            return field
    return None


def _cell_findings(alias: Alias, indicator: Indicator, told: Collection[str | None]) -> Iterator[Finding]:
    """Yield what is wrong with sex and sector; `told` are those that a category of the profile can tell instead."""
    attests = alias.role == "value" and MeasureKind.BOOLEAN in indicator.measures
    for field, given in (("sex", alias.sex), ("sector", alias.sector)):
        if given is not None and indicator.by != field:
            yield field, given.value, f"but {indicator.key} is not reported by {field}", "remove it"
        elif given is not None and attests:
            yield field, given.value, "but a yes/no report speaks for the whole unit", "remove it"
        elif given is None and indicator.by == field and not attests and field not in told:
            yield field, None, f"is missing, but {indicator.key} is reported by {field}", f"say which {field} this is"
