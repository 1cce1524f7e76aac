"""Checks of column templates: each column means one thing that its indicator takes, and no two forms look alike."""

from collections.abc import Iterator
from itertools import combinations

from shared.catalog.catalog import Catalog
from shared.catalog.checks.findings import Finding, duplicates, placed, unknown
from shared.catalog.checks.profiles import INDICATORS, SINGLE_MEASURES
from shared.catalog.forms import Column, Form, Holds, OtherColumns, PeriodPlace
from shared.catalog.indicators import Indicator
from shared.catalog.problems import Problem, at
from shared.catalog.profiles import PercentUnit
from shared.contracts.vocabulary import MeasureKind

_OF_A_MEASURE = ("indicator", "role", "sex", "sector")
_PARTS = frozenset({Holds.NUMERATOR, Holds.DENOMINATOR, Holds.VALUE})
_MANY = frozenset({Holds.MEASURE, Holds.IGNORED})


def check_form_names(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return the problems of forms as such: an id given twice, forms that no header can tell apart."""
    problems: list[Problem] = []
    first: dict[str, str] = {}
    for file, form in zip(files, catalog.forms, strict=True):
        if form.id in first:
            problems.append(Problem(file, "id", form.id, f"is also the id of {first[form.id]}", "give each its own"))
        first.setdefault(form.id, file)
    for (_, one), (file, other) in combinations(zip(files, catalog.forms, strict=True), 2):
        if _alike(one, other):
            what = f"no header could tell this form from {one.id}"
            remedy = "require a column that the other has not, name the sheets, or say named_only: true"
            problems.append(Problem(file, "columns", other.id, what, remedy))
    return problems


def check_form_columns(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return the problems of the columns of each form, whatever the indicators are."""
    problems: list[Problem] = []
    for file, form in zip(files, catalog.forms, strict=True):
        problems += _same_headers(file, form)
        once = [column.holds for column in form.columns if column.holds not in _MANY]
        problems += duplicates(file, "columns that hold one thing", "holds", once)
        for index, column in enumerate(form.columns):
            problems += placed(file, at("columns", index, column.title), _column_findings(column))
        problems += placed(file, "form", _form_findings(form))
    return problems


def check_form_measures(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return the problems of columns and words that name an indicator, or what it cannot take."""
    problems: list[Problem] = []
    for file, form in zip(files, catalog.forms, strict=True):
        for index, column in enumerate(form.columns):
            if column.holds is Holds.MEASURE and column.indicator is not None and column.role is not None:
                problems += _measure_problems(catalog, file, at("columns", index, column.title), column)
        for word, key in form.words.indicators.items():
            problems += unknown(file, f"words.indicators.{word}", [key], catalog.indicator_by_key, INDICATORS)
    return problems


def check_profile_forms(catalog: Catalog, files: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each form that a profile names and the catalog does not have."""
    problems: list[Problem] = []
    for file, profile in zip(files, catalog.profiles, strict=True):
        problems += unknown(file, "forms", profile.forms, catalog.form_by_id, "forms/*.yaml")
    return problems


def _measure_problems(catalog: Catalog, file: str, key: str, column: Column) -> list[Problem]:
    indicator = catalog.indicator_by_key.get(column.indicator or "")
    if indicator is None:
        return unknown(file, f"{key}.indicator", [column.indicator], (), INDICATORS)
    return placed(file, key, [*_role_findings(column, indicator), *_cell_findings(column, indicator)])


def _role_findings(column: Column, indicator: Indicator) -> Iterator[Finding]:
    fits = SINGLE_MEASURES if column.role == "value" else {MeasureKind.RATIO}
    if not fits & set(indicator.measures):
        what = f"but {indicator.key} is reported as {', '.join(indicator.measures)}"
        yield "role", column.role, what, "use numerator and denominator for a ratio, value for anything else"
    is_percent = column.role == "value" and MeasureKind.PERCENT in indicator.measures
    if column.unit is PercentUnit.FRACTION and not is_percent:
        yield "unit", column.unit.value, "but the column holds no percentage", "remove it"


def _cell_findings(column: Column, indicator: Indicator) -> Iterator[Finding]:
    attests = column.role == "value" and MeasureKind.BOOLEAN in indicator.measures
    for field, given in (("sex", column.sex), ("sector", column.sector)):
        if given is not None and indicator.by != field:
            yield field, given.value, f"but {indicator.key} is not reported by {field}", "remove it"
        elif given is not None and attests and MeasureKind.PERCENT not in indicator.measures:
            yield field, given.value, "but a yes/no report speaks for the whole unit", "remove it"
        elif given is None and indicator.by == field and not attests:
            yield field, None, f"is missing, but {indicator.key} is reported by {field}", f"say which {field} this is"


def _column_findings(column: Column) -> Iterator[Finding]:
    given = [name for name in _OF_A_MEASURE if getattr(column, name) is not None]
    if column.holds is Holds.MEASURE:
        for name in ("indicator", "role"):
            if name not in given:
                yield name, None, "is missing, but the column holds a measure", f"say its {name}"
    else:
        for name in given:
            what = f"but the column holds {column.holds.value}"
            yield name, str(getattr(column, name)), what, "remove it, or say holds: measure"


def _same_headers(file: str, form: Form) -> list[Problem]:
    problems: list[Problem] = []
    first: dict[str, int] = {}
    for index, column in enumerate(form.columns):
        for key in sorted(column.keys):
            if key in first:
                what = f"reads like the header of columns[{first[key]}]"
                place = f"{at('columns', index, column.title)}.header"
                problems.append(Problem(file, place, column.title, what, "give each column a header of its own"))
                break
        for key in column.keys:
            first.setdefault(key, index)
    return problems


def _form_findings(form: Form) -> Iterator[Finding]:
    held = {column.holds for column in form.required}
    all_held = {column.holds for column in form.columns}
    if not held & {Holds.COMMUNE_CODE, Holds.COMMUNE_NAME}:
        yield "columns", None, "no required column says the commune", "require commune_code or commune_name"
    if not all_held & (_PARTS | {Holds.MEASURE}):
        yield "columns", None, "no column holds a number", "add a measure, or numerator, denominator or value"
    if all_held & _PARTS and Holds.INDICATOR not in held:
        yield "columns", None, "no required column says the indicator of the numbers", "require an indicator"
    if Holds.INDICATOR in all_held and Holds.MEASURE in all_held:
        yield "columns", None, "a measure stands beside a column of indicators", "use one way or the other"
    if (PeriodPlace.COLUMN in form.period) != (Holds.PERIOD in all_held):
        yield "period", None, "a column of periods and the place `column` go together", "give both, or neither"


def _alike(one: Form, other: Form) -> bool:
    """Return whether some header is both forms whole."""
    if one.named_only or other.named_only or (one.sheet and other.sheet and one.sheet != other.sheet):
        return False
    return _reads_all_of(one, other) and _reads_all_of(other, one)


def _reads_all_of(reader: Form, form: Form) -> bool:
    if reader.other_columns is OtherColumns.IGNORED:
        return True
    known = frozenset[str]().union(*(column.keys for column in reader.columns))
    return all(column.keys & known for column in form.required)
