"""Strata of a FHIR group: what they are called, which of them the profile needs, and whether they add up."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from services.ingest.adapters.formats.fhir_model import Component, Concept, Concepts, Group, Stratum, names_of
from services.ingest.adapters.formats.fhir_numbers import VALUE, Part
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.faults import Fault, refuse
from shared.contracts.vocabulary import QuarantineReason

MAX_STRATA: Final = 5_000
_MAX_NAME: Final = 200


class Cell(NamedTuple):
    """A stratum with its place inside of the group, and its options by the names of their categories."""

    stratifier: int
    stratum: Stratum
    place: str
    categories: dict[str, str]


def cells_of(group: Group, table: AliasTable) -> list[Cell]:
    """Return the strata of a group, named as the profile names them where it does; refuses too many."""
    if sum(len(stratifier.stratum) for stratifier in group.stratifier) > MAX_STRATA:
        detail = f"more than {MAX_STRATA} strata in one group: send one group for each commune or indicator"
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "stratifier", detail=detail)
    cells: list[Cell] = []
    for which, stratifier in enumerate(group.stratifier):
        category = _category(stratifier.code, table)
        for index, stratum in enumerate(stratifier.stratum):
            place = f"stratifier[{which}].stratum[{index}]"
            cells.append(Cell(which, stratum, place, _categories(category, stratum, table)))
    return cells


def _categories(category: str, stratum: Stratum, table: AliasTable) -> dict[str, str]:
    if not stratum.component:
        return {category: _option(stratum, category, table)}
    categories: dict[str, str] = {}
    for part in stratum.component:
        name = _category(part.code, table)
        option = _option(part, name, table)
        before = categories.setdefault(name, option)
        if before != option:
            categories[name] = f"{before}, {option}"[:_MAX_NAME]  # which holds? the profile knows no such option
    return categories


def _category(concepts: Concepts, table: AliasTable) -> str:
    names = names_of(concepts)
    return next((name for name in names if table.category(name)), names[0] if names else "")[:_MAX_NAME]


def _option(part: Component | Stratum, category: str, table: AliasTable) -> str:
    concept: Concept | None = part.value or part.value_codeable_concept
    if concept is None:
        return "" if part.value_boolean is None else str(part.value_boolean).lower()
    known, names = table.category(category), concept.names
    listed = {*known.sex, *known.sector, *known.total} if known is not None else set()
    return next((name for name in names if name in listed), names[0] if names else "")[:_MAX_NAME]


def is_wanted(cell: Cell, by: str, table: AliasTable) -> bool:
    """Return whether a stratum says the sex or sector (`by`) that is needed, and nothing else but totals."""
    says = False
    for name, option in cell.categories.items():
        category = table.category(name)
        if category is None:
            return False
        if category.sex if by == "sex" else category.sector:
            says = True
        elif option not in category.total:
            return False
    return says


def unlisted_names(cells: Sequence[Cell], table: AliasTable) -> list[str]:
    """Return the names of disaggregations that the profile does not know."""
    names = {name: None for cell in cells for name in cell.categories if table.category(name) is None}
    return list(names)


def differing_sums(
    whole: Iterable[Part], strata: Iterable[tuple[Cell, Sequence[Part | Fault]]], table: AliasTable
) -> Iterator[tuple[int, str, float, float]]:
    """Yield (stratifier, role, sum of the strata, count of the group) where the two differ."""
    counts = {part.role: part.number for part in whole if part.role != VALUE}
    sums: Counter[tuple[int, str]] = Counter()
    for cell, parts in strata if counts else ():
        if not _is_total(cell, table):
            for part in parts:
                if isinstance(part, Part) and part.role != VALUE:
                    sums[cell.stratifier, part.role] += part.number  # type: ignore[assignment]  # it may be 80.0
    for (which, role), total in sums.items():
        if role in counts and counts[role] != total:
            yield which, role, total, counts[role]


def _is_total(cell: Cell, table: AliasTable) -> bool:
    categories = [(table.category(name), option) for name, option in cell.categories.items()]
    return all(category is not None and option in category.total for category, option in categories)
