"""The columns of DHIS2's CSV: by the names in its header, or in DHIS2's own order when there is none."""

import csv
import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final

import msgspec

from services.ingest.adapters.formats.dhis2_rows import FIGURE
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.periods import parse_period
from services.ingest.domain.privacy import refuse_personal_columns, refuse_personal_names

DELIMITERS: Final = ",;\t"
# The order in which DHIS2 writes its columns, and reads a file without a header.
_ORDER: Final = (
    "dataelement", "period", "orgunit", "categoryoptioncombo", "attributeoptioncombo", "value", "storedby",
    "lastupdated", "comment", "followup", "deleted",
)  # fmt: skip
_ALIASES: Final = {
    "catoptcombo": "categoryoptioncombo", "attroptcombo": "attributeoptioncombo", "strby": "storedby",
    "lstupd": "lastupdated", "timestamp": "lastupdated", "cmt": "comment", "flwup": "followup",
    "dataelelement": "dataelement",  # as the example in DHIS2's own manual was spelt for years
}  # fmt: skip
# What a row is read from, in this order; the last is not in DHIS2's files, but some systems add it.
_READ: Final = (*_ORDER[:6], "lastupdated", "deleted", "created")
_IGNORED: Final = frozenset({*_ORDER, "created", "dataset", "completedate", "lastupdatedby", "createdby"})
_BLANKS: Final = re.compile(r"[\s_-]+")
_MAX_ROW: Final = 1_000


class Columns(msgspec.Struct, frozen=True):
    """Where the fields of a row stand: `pick` takes those that are read out of `width` fields and one blank.

    `categories` are columns that DHIS2 does not have, by name: a disaggregation must not be lost.
    """

    delimiter: str
    width: int
    pick: Callable[[Sequence[str]], tuple[str, ...]]
    categories: dict[str, int]
    has_header: bool


def is_header(line: str) -> bool:
    """Return whether a first line names DHIS2's columns."""
    return any("dataelement" in map(_name_of, row) for row in _split(line))


def is_first_line(line: str) -> bool:
    """Return whether a file that begins with this line is DHIS2's: by its header, or by a row in DHIS2's order."""
    try:
        return len(line) <= _MAX_ROW and (is_header(line) or any(_is_data(row) for row in _split(line)))
    except csv.Error:
        return False


def _split(line: str) -> list[list[str]]:
    """Return the fields of a line by each of the delimiters."""
    return [next(csv.reader([line], delimiter=delimiter), []) for delimiter in DELIMITERS]


def read_columns(line: str, wishes: Wishes, *, has_period: bool) -> Columns:
    """Return the columns by the first line of a file; `has_period` says that its rows need not give one.

    Raises MalformedBodyError when it is neither a header with what a row needs nor a row in DHIS2's order.
    """
    rows = _split(line)
    delimiter, row = max(zip(DELIMITERS, rows, strict=True), key=lambda found: _known_names(found[1]))
    if wishes.first_row_is_header is not False and "dataelement" in map(_name_of, row):
        return _by_name(row, delimiter, ["orgunit"] if has_period else ["period", "orgunit"], wishes)
    refuse_personal_names(row)
    delimiter, row = max(zip(DELIMITERS, rows, strict=True), key=lambda found: len(found[1]))
    if wishes.first_row_is_header or (wishes.first_row_is_header is None and not _is_data(row)):
        refuse_personal_columns(row)
        raise MalformedBodyError(
            f"The first line is no header of DHIS2's: it must name the columns dataelement, period, orgunit and value. "
            f"A file without a header has the columns {', '.join(_ORDER)}, in this order. Forms go to /v1/import."
        )
    places = {name: index for index, name in enumerate(_ORDER)}
    return Columns(delimiter, len(_ORDER), _picker(places, len(_ORDER)), {}, has_header=False)


def _by_name(row: Sequence[str], delimiter: str, needed: list[str], wishes: Wishes) -> Columns:
    refuse_personal_columns(row)
    places: dict[str, int] = {}
    categories: dict[str, int] = {}
    for index, text in enumerate(row):
        name = _name_of(text)
        if name in places:
            raise MalformedBodyError(f"The header names the column {name[:60]} twice.")
        if name:
            places[name] = index
        if name and name not in _IGNORED and not name.endswith("name"):
            categories[text.strip()] = index
    if not wishes.delete and "deleted" not in places:
        needed = [*needed, "value"]
    missing = [name for name in needed if name not in places]
    if missing:
        raise MalformedBodyError(f"The header has no column {', '.join(missing)}.")
    return Columns(delimiter, len(row), _picker(places, len(row)), categories, has_header=True)


def _picker(places: dict[str, int], width: int) -> Callable[[Sequence[str]], tuple[str, ...]]:
    return itemgetter(*(places.get(name, width) for name in _READ))


def _known_names(row: Sequence[str]) -> int:
    return sum(_name_of(text) in _IGNORED for text in row)


def _name_of(text: str) -> str:
    name = _BLANKS.sub("", text).casefold()
    return _ALIASES.get(name, name)


def _is_data(row: Sequence[str]) -> bool:
    """Return whether a first line is a row in DHIS2's order and no header in words of its own."""
    if not 6 <= len(row) <= len(_ORDER):
        return False
    element, period, unit, _, _, value = (text.strip() for text in row[:6])
    return bool(element and unit and parse_period(period) and (not value or FIGURE.fullmatch(value)))
