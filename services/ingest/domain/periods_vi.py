"""Reporting periods in Vietnamese words: "9 THÁNG NĂM 2024", "Quý III/2024", "T10/2024" as periods of the catalog."""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

Build = Callable[[re.Match[str]], str | None]

_ROMAN: Final = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_CUMULATIVE: Final = frozenset({3, 6, 9, 12})
_MONTHS: Final = 12
_LAST_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _months_so_far(match: re.Match[str]) -> str | None:
    """Return the period from 1 January to the end of a month: no sender says when else such months begin."""
    count, year = int(match[1]), match[2]
    if count in _CUMULATIVE:
        return f"{year}-{count}M"
    if not 1 <= count <= _MONTHS:
        return None
    leap = count == 2 and int(year) % 4 == 0 and (int(year) % 100 != 0 or int(year) % 400 == 0)
    return f"{year}-01-01/{year}-{count:02}-{_LAST_DAYS[count - 1] + leap:02}"


def _month(match: re.Match[str]) -> str | None:
    month = int(match[1])
    return f"{match[2]}-{month:02}" if 1 <= month <= _MONTHS else None


def _quarter(match: re.Match[str]) -> str | None:
    quarter = _ROMAN.get(match[1]) or int(match[1])
    return f"{match[2]}Q{quarter}"


def _half(match: re.Match[str]) -> str | None:
    return f"{match[2]}S{match[1]}"


def _day(match: re.Match[str]) -> str | None:
    return f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}"


def _span(match: re.Match[str]) -> str | None:
    first = f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}"
    return f"{first}/{match[6]}-{int(match[5]):02}-{int(match[4]):02}"


_YEAR: Final = r"((?:19|20)[0-9][0-9])"
_OF: Final = r"\s*(?:/|năm|-)?\s*"
_IN: Final = r"\s*(?:/|\bnăm\b)\s*"
_NUMBER: Final = r"(0?[0-9]|1[0-2])"
_DATE: Final = r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]" + _YEAR
_WRITTEN_DATE: Final = re.compile(r"\bngày\s*\.*\s*[0-9]*\s*tháng\s*\.*\s*[0-9]*\s*năm\s*\.*\s*[0-9]*")

# What may stand inside a longer text, the longest first: what one of them took, no later one sees.
_WORDS: Final[tuple[tuple[re.Pattern[str], Build], ...]] = tuple(
    (re.compile(pattern), build)
    for pattern, build in (
        (rf"\b(?:từ\s+)?(?:ngày\s+)?{_DATE}\s*(?:đến|-|–)\s*(?:hết\s+)?(?:ngày\s+)?{_DATE}\b", _span),
        (rf"\b0?6\s*tháng\s*(?:cuối)(?:\s*năm)?{_OF}{_YEAR}\b", lambda match: f"{match[1]}S2"),
        (rf"\b{_NUMBER}\s*tháng(?:\s*đầu)?(?:\s*năm)?{_OF}{_YEAR}\b", _months_so_far),
        (rf"\b{_NUMBER}\s*t{_IN}{_YEAR}\b", _months_so_far),
        (rf"\btháng\s*{_NUMBER}{_IN}{_YEAR}\b", _month),
        (rf"\bt\.?\s*{_NUMBER}{_IN}{_YEAR}\b", _month),
        (rf"\b(?:quý|quí|q)\.?\s*(i{{1,3}}|iv|[1-4]){_IN}{_YEAR}\b", _quarter),
        (rf"\btuần\s*(?:thứ\s*)?([0-9]{{1,2}}){_IN}{_YEAR}\b", lambda match: f"{match[2]}W{int(match[1]):02}"),
        # A month or quarter that is left open, or is none, does not make the period the whole year.
        (rf"\b(?:tháng|quý|quí|tuần|t|q)\b\W*\w{{0,4}}\W*\bnăm\s*{_YEAR}\b", lambda _: None),
        (rf"\b(?:cả\s*)?năm\s*{_YEAR}\b", lambda match: match[1]),
    )
)
# What is a period only when it is the whole text.
_ALONE: Final[tuple[tuple[re.Pattern[str], Build], ...]] = tuple(
    (re.compile(pattern), build)
    for pattern, build in (
        (rf"{_NUMBER}[/-]{_YEAR}", _month),
        (rf"(?:ngày\s*)?{_DATE}", _day),
        (rf"{_YEAR}", lambda match: match[1]),
        (rf"{_YEAR}[/-]{_NUMBER}", lambda match: f"{match[1]}-{int(match[2]):02}"),
        (rf"(?:quý|quí|q)\.?\s*(i{{1,3}}|iv|[1-4])\s*-?\s*{_YEAR}", _quarter),
        (rf"(?:tháng|t)\s*{_NUMBER}\s*-\s*{_YEAR}", _month),
        (rf"(?:nửa\s*năm|kỳ)\s*([12]){_IN}{_YEAR}", _half),
    )
)


def read_period(text: str) -> str | None:
    """Return the period that a text is, in the writing of the catalog, or None when it is none of these words.

    >>> read_period("9T/2024"), read_period("Quý III/2024"), read_period("10/2024"), read_period("soon")
    ('2024-9M', '2024Q3', '2024-10', None)
    """
    text = _plain(text)
    for pattern, build in (*_ALONE, *_WORDS):
        match = pattern.fullmatch(text)
        if match:
            return build(match)
    return None


def find_periods(text: str) -> tuple[str, ...]:
    """Return every period that a line names; the date under a letter ("ngày 5 tháng 10 năm 2024") is none.

    >>> find_periods("BIỂU TỔNG HỢP BHYT 9 THÁNG NĂM 2024")
    ('2024-9M',)
    """
    text = _WRITTEN_DATE.sub(" ", _plain(text))
    found: dict[str, None] = {}
    for pattern, build in _WORDS:
        for match in pattern.finditer(text):
            period = build(match)
            if period is not None:
                found[period] = None
        text = pattern.sub(" ", text)
    return tuple(found)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text[:500]).casefold().split()).strip(" .;,:()")
