"""Checks of indicators and source profiles: every alias names one thing that its indicator can take."""

from collections.abc import Iterator

from shared.catalog.catalog import Catalog
from shared.catalog.checks.findings import Finding, duplicates, not_one_of, placed, unknown
from shared.catalog.indicators import Indicator
from shared.catalog.problems import Problem, at
from shared.catalog.profiles import Alias
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
                findings = [*_role_findings(alias, indicator), *_cell_findings(alias, indicator)]
                problems += placed(file, key, findings)
    return problems


def _role_findings(alias: Alias, indicator: Indicator) -> Iterator[Finding]:
    fits = SINGLE_MEASURES if alias.role == "value" else {MeasureKind.RATIO}
    if not fits & set(indicator.measures):
        what = f"but {indicator.key} is reported as {', '.join(indicator.measures)}"
        yield "role", alias.role, what, "use numerator and denominator for a ratio, value for anything else"


def _cell_findings(alias: Alias, indicator: Indicator) -> Iterator[Finding]:
    attests = alias.role == "value" and MeasureKind.BOOLEAN in indicator.measures
    for field, given in (("sex", alias.sex), ("sector", alias.sector)):
        if given is not None and indicator.by != field:
            yield field, given.value, f"but {indicator.key} is not reported by {field}", "remove it"
        elif given is not None and attests:
            yield field, given.value, "but a yes/no report speaks for the whole unit", "remove it"
        elif given is None and indicator.by == field and not attests:
            yield field, None, f"is missing, but {indicator.key} is reported by {field}", f"say which {field} this is"
