"""What somebody may have meant by a name that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_MAX_NAME: Final = 60


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the question whether a similar name was meant, in brackets; "" when none is similar.

    >>> did_you_mean("dryrun", ["dryRun", "atomic"]), did_you_mean("x", ["dryRun"])
    (' (did you mean dryRun?)', '')
    """
    by_letters: dict[str, str] = {}
    for word in known:
        by_letters.setdefault(_letters(word), word)
    found = get_close_matches(_letters(name[:_MAX_NAME]), by_letters, n=1)
    return f" (did you mean {by_letters[found[0]]}?)" if found else ""


def _letters(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")
