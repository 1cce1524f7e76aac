"""Numbers as people type them into Vietnamese spreadsheets: read when they can mean one thing only, else refused."""

import math
import re
import unicodedata
from enum import Enum, auto
from typing import Final, TypeVar

from services.ingest.domain.faults import RefusedError, refuse
from shared.contracts.vocabulary import QuarantineReason as Reason

Cell = str | int | float | bool | None
N = TypeVar("N", int, float)

EMPTY_WORDS: Final = frozenset({"", "-", "--", "–", "—", "…", "...", "..", "."})
_COUNTED: Final = ("người", "trẻ em", "trẻ", "em", "cháu", "hộ", "cơ sở", "lượt", "ca", "vụ", "sự cố", "thẻ", "sổ")
_SPACES: Final = "\u00a0\u202f\u2009\u2007\t "
_UNIT: Final = re.compile(rf"(.*?[0-9])[{_SPACES}]*(?:{'|'.join(_COUNTED)})\.?", re.IGNORECASE)
_SPACED_GROUPS: Final = re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:[{_SPACES}][0-9]{{3}})+(?:[.,][0-9]+)?")
_BRACKETED: Final = re.compile(r"\(\s*[0-9.,\s]+%?\s*\)")
_DOT_GROUPS: Final = re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3}){1,9}")
_ONE_DOT_GROUP: Final = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
_DIGITS: Final = re.compile(r"[0-9]{1,30}")
_COMMA_DECIMAL: Final = re.compile(r"([0-9]{1,30}|[1-9][0-9]{0,2}(?:\.[0-9]{3})+),([0-9]{1,15})")
_DOT_DECIMAL: Final = re.compile(r"[0-9]{1,30}\.([0-9]{1,30})")
_MIXED_UP: Final = re.compile(r"[0-9]{1,3}(?:[.,][0-9]+)+")
_THREE: Final = 3
_LONGEST: Final = 60  # characters of a cell that may be a number
_HUNDRED: Final = 100.0
_LOOKS: Final = re.compile(rf"[0-9.,%()+\-{_SPACES}]*[0-9][0-9.,%()+\-{_SPACES}]*")


class Style(Enum):
    """How numbers are written as text.

    VI: 3.620 is 3620 and 96,7 is 96.7. PLAIN: 3620 and 96.7. UNCLEAR: as VI, in a file whose commas part the columns,
    where a point may just as well be a decimal point: 3.620 is refused there.
    """

    VI = auto()
    PLAIN = auto()
    UNCLEAR = auto()


def is_empty(cell: Cell) -> bool:
    """Return whether a cell says nothing: empty, "-" or "…". "x" and "N/A" say something, and nobody knows what."""
    return cell is None or (isinstance(cell, str) and cell.strip().casefold() in EMPTY_WORDS)


def looks_like_a_number(cell: Cell) -> bool:
    """Return whether a cell was meant as a number, well written or not."""
    if isinstance(cell, str):
        text = cell.strip()
        if len(text) > _LONGEST:
            return False
        unit = _UNIT.fullmatch(text)
        return bool(_LOOKS.fullmatch(unit[1] if unit else text))
    return cell is not None and not isinstance(cell, bool)


def read_count(cell: Cell, style: Style = Style.VI) -> int:
    """Return a whole number of people, households or events; refuses what is none or could be another one.

    >>> read_count("3.620"), read_count("1 150 người"), read_count(3401.0)
    (3620, 1150, 3401)
    """
    if isinstance(cell, bool) or cell is None:
        raise refuse(Reason.NOT_A_NUMBER, "value", cell)
    if isinstance(cell, int):
        return _not_negative(cell, cell)
    if isinstance(cell, float):
        return _whole(cell)
    if _DIGITS.fullmatch(cell):
        return int(cell)
    if style is Style.VI and _DOT_GROUPS.fullmatch(cell):
        return int(cell.replace(".", ""))
    text = _cleaned(cell)
    unit = _UNIT.fullmatch(text)
    return _count_of_text(unit[1] if unit else text, cell, style)


def read_percent(cell: Cell, style: Style = Style.VI, *, is_fraction: bool = False) -> float:
    """Return a rate in percent; refuses one that might be meant as a fraction, or the other way round.

    >>> read_percent("96,7 %"), read_percent("0,967", is_fraction=True)
    (96.7, 96.7)
    """
    if isinstance(cell, bool) or cell is None:
        raise refuse(Reason.NOT_A_NUMBER, "value", cell)
    if isinstance(cell, str):
        text = _cleaned(cell)
        has_sign = text.endswith("%")
        number = _decimal(text.removesuffix("%").rstrip(_SPACES), cell, style)
        if has_sign:
            return number
    else:
        number = _finite(cell)
    return _rate(number, cell, is_fraction=is_fraction)


def _rate(number: float, cell: Cell, *, is_fraction: bool) -> float:
    if is_fraction:
        if number > 1:
            raise refuse(Reason.AMBIGUOUS_NUMBER, "value", cell, "the column is declared as a fraction: at most 1")
        return round(number * _HUNDRED, 10)
    if 0 < number <= 1:
        detail = "a percentage or a fraction? write 96,7 or 96,7%, or declare the column as a fraction"
        raise refuse(Reason.AMBIGUOUS_NUMBER, "value", cell, detail)
    return number


def _cleaned(cell: str) -> str:
    """Return a text without spaces at its ends and between groups of three digits; refuses a negative number."""
    if len(cell) > _LONGEST:
        raise refuse(Reason.NOT_A_NUMBER, "value", cell)
    text = unicodedata.normalize("NFKC", cell).strip()
    if _BRACKETED.fullmatch(text):
        raise refuse(Reason.NEGATIVE_NUMBER, "value", cell, "brackets are how accounts write a negative number")
    if text[:1] in ("-", "\N{MINUS SIGN}") and text[1:].strip()[:1].isdigit():
        raise refuse(Reason.NEGATIVE_NUMBER, "value", cell)
    text = text.removeprefix("+")
    head = text.removesuffix("%").rstrip()
    unit = _UNIT.fullmatch(head)
    if _SPACED_GROUPS.fullmatch(unit[1] if unit else head):
        digits = unit[1] if unit else head
        text = re.sub(rf"(?<=[0-9])[{_SPACES}](?=[0-9])", "", digits) + text[len(digits) :]
    return text


def _count_of_text(text: str, cell: str, style: Style) -> int:
    if _DIGITS.fullmatch(text):
        return int(text)
    if style is Style.PLAIN:
        return _whole(_decimal(text, cell, style), cell)
    if _DOT_GROUPS.fullmatch(text):
        if style is Style.UNCLEAR and _ONE_DOT_GROUP.fullmatch(text):
            detail = "commas part the columns of this file, so the point may be a decimal one: write 3620"
            raise refuse(Reason.AMBIGUOUS_NUMBER, "value", cell, detail)
        return int(text.replace(".", ""))
    comma = _COMMA_DECIMAL.fullmatch(text)
    if comma:
        return _count_with_comma(comma, cell)
    point = _DOT_DECIMAL.fullmatch(text)
    if point and len(point[1]) < _THREE and not point[1].strip("0"):
        return int(text.partition(".")[0])
    if point:
        raise refuse(Reason.AMBIGUOUS_NUMBER, "value", cell, "groups of thousands have three digits: 3.620")
    raise _no_number(text, cell)


def _count_with_comma(match: re.Match[str], cell: str) -> int:
    whole, decimals = match[1].replace(".", ""), match[2]
    if not decimals.strip("0") and len(decimals) < _THREE:
        return int(whole)
    reason = Reason.NOT_AN_INTEGER if decimals.strip("0") else Reason.AMBIGUOUS_NUMBER
    raise refuse(reason, "value", cell, "a comma begins the decimals here: write 3.620 or 3620")


def _decimal(text: str, cell: str, style: Style) -> float:
    """Return the decimal number in a text; a point and three digits is thousands in style VI and refused."""
    point = _DOT_DECIMAL.fullmatch(text)
    if _DIGITS.fullmatch(text) or (point and style is Style.PLAIN):
        return float(text)
    if style is not Style.PLAIN:
        comma = _COMMA_DECIMAL.fullmatch(text)
        if comma:
            return float(f"{comma[1].replace('.', '')}.{comma[2]}")
        if _ONE_DOT_GROUP.fullmatch(text):
            raise refuse(Reason.AMBIGUOUS_NUMBER, "value", cell, "thousands or decimals? write 3,512 or 3512")
        if point:
            return float(text)
        if _DOT_GROUPS.fullmatch(text):
            return float(text.replace(".", ""))
    raise _no_number(text, cell)


def _no_number(text: str, cell: str) -> RefusedError:
    if _MIXED_UP.fullmatch(text):
        return refuse(Reason.NOT_A_NUMBER, "value", cell, "points and commas are mixed: write 3.620 or 96,7")
    return refuse(Reason.NOT_A_NUMBER, "value", cell)


def _whole(number: float, cell: Cell = None) -> int:
    shown = number if cell is None else cell
    _finite(number)
    if number.is_integer():
        return int(number)
    if cell is None and number < 1000 and math.isclose(number * 1000, round(number * 1000), abs_tol=1e-6):
        detail = f"did the spreadsheet take {number:g} for a decimal? write {round(number * 1000)} if that is meant"
        raise refuse(Reason.AMBIGUOUS_NUMBER, "value", shown, detail)
    raise refuse(Reason.NOT_AN_INTEGER, "value", shown)


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise refuse(Reason.NOT_A_NUMBER, "value", str(number))
    return _not_negative(number, number)


def _not_negative(number: N, shown: Cell) -> N:
    if number < 0:
        raise refuse(Reason.NEGATIVE_NUMBER, "value", shown)
    return number
