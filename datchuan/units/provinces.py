"""The provinces that an import is limited to: each must be in the file."""

from collections.abc import Collection
from typing import Final

from datchuan.errors import USAGE, CommandError
from datchuan.units.table import CODE_DIGITS
from shared.contracts.vocabulary import UnitLevel

_DIGITS: Final = CODE_DIGITS[UnitLevel.PROVINCE]


def refuse_unknown_provinces(file: str, wanted: Collection[str], there: Collection[str]) -> None:
    """Raise a CommandError when a file has no unit of a province that was asked for; a lost zero is asked after."""
    for code in sorted(set(wanted) - set(there)):
        padded, bare = code.zfill(_DIGITS), code.lstrip("0")
        if padded in there:
            remedy = f"Write {padded}: province codes have {_DIGITS} digits."
        elif bare in there:
            remedy = f"It has {bare}: did a spreadsheet take the zero? Province codes have {_DIGITS} digits."
        else:
            remedy = f"It has {', '.join(sorted(there)) or 'none at all'}."
        raise CommandError(f"{file} has no unit of a province {code}", remedy, USAGE)


def check_province(option: str, code: str) -> None:
    """Raise a CommandError for the code of a province, given in an option, that has not its digits."""
    if code.isdigit() and len(code) != _DIGITS:
        remedy = f"Province codes have {_DIGITS} digits" + (
            f": write {code.zfill(_DIGITS)}." if len(code) < _DIGITS else "."
        )
        raise CommandError(f"{option} {code} is no province code", remedy, USAGE)
