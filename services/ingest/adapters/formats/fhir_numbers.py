"""The numbers of a FHIR group or stratum, and which part of a measure each of them is."""

import math
from typing import Final, NamedTuple

from services.ingest.adapters.formats.fhir_model import Scored
from services.ingest.domain.aliases import RATIO, AliasTable
from services.ingest.domain.faults import refuse
from services.ingest.domain.measures import PERCENT_TOLERANCE
from services.ingest.domain.remedies import WITHOUT_EXCLUSIONS
from shared.catalog.profiles import Alias, PercentUnit
from shared.contracts.vocabulary import MeasureKind, QuarantineReason

NUMERATOR: Final = "numerator"
DENOMINATOR: Final = "denominator"
VALUE: Final = "value"
SCORE: Final = "measureScore"  # whatever R5 calls the field: this is its FHIRPath
_INITIAL: Final = "initial-population"
_EXCLUDED: Final = ("denominator-exclusion", "denominator-exception", "numerator-exclusion")
_READ: Final = (NUMERATOR, DENOMINATOR, _INITIAL, *_EXCLUDED)
_OPPOSITE: Final = {NUMERATOR: DENOMINATOR, DENOMINATOR: NUMERATOR}
_LARGEST: Final = 10**15
_PERCENT: Final = "%"
_UNITY: Final = "1"
_MOST: Final = {PercentUnit.PERCENT: 100.0, PercentUnit.FRACTION: 1.0}

Number = int | float | bool


class Part(NamedTuple):
    """One number: its part of the measure, and the name of its field inside of the group or stratum."""

    role: str
    number: Number
    place: str


class Question(NamedTuple):
    """What the numbers are asked for: an element's alias (None: unknown), its table, and whether it is a proportion."""

    alias: Alias | None
    table: AliasTable
    is_proportion: bool
    is_stratum_of_counts: bool = False


class _Count(NamedTuple):
    number: int | float
    place: str


class _Score(NamedTuple):
    """A score and the unit that it names itself: % or UCUM's unity."""

    number: int | float
    unit: PercentUnit | None


def parts_of(scored: Scored, asked: Question) -> list[Part]:
    """Return the numbers of a group or stratum; refuses those that can mean two things or contradict each other."""
    if scored.modifier_extension:
        detail = "an extension that changes the meaning is not read"
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "modifierExtension", detail=detail)
    counts = _counts(scored)
    role = RATIO if asked.alias is None else asked.alias.role
    if role == RATIO:
        parts = _ratio(scored, counts, asked)
    elif role == VALUE:
        parts = _value(scored, counts, asked)
    else:
        parts = _single(scored, counts, role)
    if not parts and scored.unread_score is not None:
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, scored.unread_score, detail="a score is read when a quantity")
    return parts


def _counts(scored: Scored) -> dict[str, _Count]:
    """Return the counts by the code of their population."""
    found: dict[str, _Count] = {}
    for index, population in enumerate(scored.population):
        if population.count is None:
            continue
        _check_size(population.count, f"population[{index}]")
        names = population.code.names if population.code is not None else ()
        code = next((name for name in names if name in _READ), names[0] if names else "")
        before = found.get(code)
        if before is None:
            found[code] = _Count(population.count, f"population[{index}]")
        elif before.number != population.count and code in (NUMERATOR, DENOMINATOR, _INITIAL):
            said = f"{before.number} and {population.count}"
            raise refuse(QuarantineReason.AMBIGUOUS_NUMBER, f"population[{index}]", said, f"two counts of {code}")
    return found


def _ratio(scored: Scored, counts: dict[str, _Count], asked: Question) -> list[Part]:
    numerator, denominator = counts.get(NUMERATOR), counts.get(DENOMINATOR)
    if numerator is not None and denominator is None:
        denominator = counts.get(_INITIAL)
    parts = [
        Part(role, count.number, count.place)
        for role, count in ((NUMERATOR, numerator), (DENOMINATOR, denominator))
        if count is not None
    ]
    if scored.yes_no is not None:
        return [*parts, Part(VALUE, scored.yes_no, SCORE)]
    score = _score(scored)
    if numerator is not None and denominator is not None:
        _check_excluded(counts)
        _check_score(score, numerator.number, denominator.number)
    elif score is not None:
        if parts:
            raise refuse(QuarantineReason.WRONG_MEASURE, SCORE, score.number, "a score beside half a ratio")
        parts = [_rate(score, asked)]
    elif not parts and counts and asked.alias is not None:
        detail = f"{asked.alias.element} is a ratio in the profile, and no count is a numerator or denominator"
        raise refuse(QuarantineReason.WRONG_MEASURE, "population", ", ".join(counts), detail)
    return parts


def _check_excluded(counts: dict[str, _Count]) -> None:
    """Refuse a ratio of which persons were excluded: senders differ in whether they are in the denominator still."""
    for code in _EXCLUDED:
        count = counts.get(code)
        if count is not None and count.number:
            detail = f"is it within the counts or not? send them without the {code}"
            raise refuse(
                QuarantineReason.AMBIGUOUS_NUMBER, count.place, count.number, detail, remedy=WITHOUT_EXCLUSIONS
            )


def _check_score(score: _Score | None, numerator: float, denominator: float) -> None:
    """Refuse a ratio whose score says something else."""
    if score is None or not denominator or numerator > denominator:
        return  # what is wrong with the ratio itself is told when it is judged
    rate = 100 * numerator / denominator
    units = PercentUnit if score.unit is None else (score.unit,)
    if not any(abs(score.number * 100 / _MOST[unit] - rate) <= PERCENT_TOLERANCE for unit in units):
        detail = f"{numerator}/{denominator} is another rate"
        raise refuse(QuarantineReason.WRONG_MEASURE, SCORE, score.number, detail)


def _single(scored: Scored, counts: dict[str, _Count], role: str) -> list[Part]:
    """Return the one count of a group whose alias says which part it is, as mADX sends it."""
    count = counts.get(role)
    if count is None and len(counts) > 1:
        detail = f"which of them is the {role}?"
        raise refuse(QuarantineReason.AMBIGUOUS_NUMBER, "population", ", ".join(counts), detail)
    if count is None and _OPPOSITE[role] in counts:
        raise refuse(QuarantineReason.WRONG_MEASURE, "population", _OPPOSITE[role], f"the profile says {role}")
    for sole in (count,) if count is not None else counts.values():
        return [Part(role, sole.number, sole.place)]
    score = _score(scored)
    if score is None:
        return []
    if score.unit is PercentUnit.PERCENT:
        raise refuse(QuarantineReason.WRONG_MEASURE, SCORE, score.number, f"the {role} is no percentage")
    return [Part(role, score.number, SCORE)]


def _value(scored: Scored, counts: dict[str, _Count], asked: Question) -> list[Part]:
    if scored.yes_no is not None:
        return [Part(VALUE, scored.yes_no, SCORE)]
    score = _score(scored)
    if score is not None:
        return [_rate(score, asked)]
    if len(counts) > 1:
        detail = "the profile expects one value: declare the role ratio, or send one count"
        raise refuse(QuarantineReason.WRONG_MEASURE, "population", ", ".join(counts), detail)
    return [Part(VALUE, count.number, count.place) for count in counts.values()]


def _rate(score: _Score, asked: Question) -> Part:
    """Return a score that stands alone, in the unit in which the profile's values are read."""
    number, alias = score.number, asked.alias
    if alias is None or not _takes_percent(asked):
        return Part(VALUE, number, SCORE)
    if asked.is_stratum_of_counts and score.unit is None:
        detail = "a count or a rate? send populations, or the unit %"
        raise refuse(QuarantineReason.AMBIGUOUS_NUMBER, SCORE, number, detail)
    declared = asked.table.unit_of(alias)
    said = score.unit or (PercentUnit.FRACTION if asked.is_proportion else declared)
    if said is None:
        detail = "a percentage or a fraction? send the unit %, or state the unit in the profile"
        raise refuse(QuarantineReason.AMBIGUOUS_NUMBER, SCORE, number, detail)
    if said is PercentUnit.FRACTION and number > 1:
        raise refuse(QuarantineReason.AMBIGUOUS_NUMBER, SCORE, number, "a fraction is at most 1: is it a percentage?")
    wanted = declared or PercentUnit.PERCENT
    return Part(VALUE, number if said is wanted else round(number * _MOST[wanted] / _MOST[said], 10), SCORE)


def _takes_percent(asked: Question) -> bool:
    indicator = None if asked.alias is None else asked.table.indicator_of(asked.alias)
    return indicator is None or MeasureKind.PERCENT in indicator.measures


def _score(scored: Scored) -> _Score | None:
    """Return the score of a group or stratum, if it has a number."""
    score = scored.score
    if score is None or score.value is None:
        return None
    _check_size(score.value, SCORE)
    if _PERCENT in (score.unit, score.code):
        return _Score(score.value, PercentUnit.PERCENT)
    return _Score(score.value, PercentUnit.FRACTION if score.code == _UNITY else None)


def _check_size(number: float, place: str) -> None:
    """Refuse what cannot be calculated with."""
    if not -_LARGEST <= number <= _LARGEST:
        is_number = isinstance(number, int) or math.isfinite(number)
        raise refuse(QuarantineReason.NUMBER_TOO_LARGE if is_number else QuarantineReason.NOT_A_NUMBER, place, number)
