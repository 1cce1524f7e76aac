"""What is wrong with a catalog: one value per problem, all reported at once."""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_VALUE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one file: where, which value, why, and what to do about it."""

    file: str
    key: str
    value: object
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return `file: key = value: what; remedy`, on one line."""
        place = self.file
        if self.key:
            place += f": {self.key}"
        if self.value is not None:
            place += f" = {_shown(self.value)}"
        return f"{place}: {self.what}; {self.remedy}"


class CatalogError(Exception):
    """The catalog cannot be used; the text lists every problem on a line of its own."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def at(part: str, index: int, name: str, key: str = "") -> str:
    """Return the key path of an item of a list, with the name by which a person knows it: units[3] (06184).parent."""
    return f"{part}[{index}] ({name})" + (f".{key}" if key else "")


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split()) or '""'
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[: MAX_VALUE_CHARACTERS - 1] + "…"
