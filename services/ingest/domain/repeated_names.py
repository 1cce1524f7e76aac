"""Finds names that one JSON object gives twice: readers differ in which one they believe, so nobody may guess."""

import json
import re
from collections import Counter
from typing import Any, Final

from services.ingest.domain.faults import refuse
from shared.contracts.vocabulary import QuarantineReason

# A name is followed by its colon. Inside of a text the quotation mark is escaped, which only asks for the long look.
NAME_END: Final = b'":'
_SPACED: Final = re.compile(rb'"[ \t\r\n]+:')


def refuse_repeated_names(text: bytes, names: int) -> None:
    """Raise when a JSON text holds more names than the `names` of its decoded document: one stands twice in an object.

    Texts with white space before their colons, or with a quoted colon, are looked at closely, which takes longer.
    """
    if text.count(NAME_END) != names or _SPACED.search(text) is not None:
        look_closely(text)


def look_closely(text: bytes) -> None:
    """Raise when any object of a JSON text gives a name twice."""
    try:
        json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return  # not a matter of names: the reader says what it is


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise refuse(QuarantineReason.MALFORMED_JSON, twice[:100], detail="this name is given twice in one object")
    return names
