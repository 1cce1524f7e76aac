"""What single cells of a form mean: codes, words, dates and the numbers of each indicator."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Final

from services.ingest.adapters.formats.form_units import FormUnits
from services.ingest.domain.faults import refuse
from services.ingest.domain.forms import DATE, GridCell, OddCell
from services.ingest.domain.native import Evidence
from services.ingest.domain.numbers_vi import Style, is_empty, read_count, read_percent
from services.ingest.domain.periods_vi import read_period
from shared.catalog.forms import Form, Holds, header_key
from shared.catalog.indicators import Indicator
from shared.contracts.vocabulary import MeasureKind, QuarantineReason, Stage

_MAX_REMEMBERED: Final = 5_000
_CODE_DIGITS: Final = 5
_LONGEST_WORD: Final = 300
_DAY_FIRST: Final = re.compile(
    r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})(?:[ T]([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?))?"
)
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
# What a row of sums is the sum of: "Cộng toàn huyện", "Tổng (I+II)", "Cộng 22 xã", "Tổng các xã".
_SUMMED: Final = re.compile(
    r"[ :.\-(]*(?:[0-9]|[ivx]+\b|(?:"
    + "|".join(
        header_key(word)
        for word in ("toàn", "các", "cả", "chung", "số", "huyện", "tỉnh", "xã", "phường", "vùng", "khu", "cụm", "quận",
                     "thành", "thị", "theo", "lũy", "dồn", "hợp", "trong", "của")
    )
    + r")(?![^\W\d_]))"
)  # fmt: skip
_SIGNS: Final = re.compile(r"[^\w\s]")
_NOT_SAID: Final = frozenset({"x", "n/a", "na"})  # in a column of words, where nothing applies
_BROKEN: Final = QuarantineReason.UNCOMPUTED_FORMULA


class WordList:
    """Words of cells and what they stand for; remembers how each was written."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = {header_key(word): meaning for word, meaning in words.items()}
        self._known: dict[str, str | None] = {}

    def find(self, text: str) -> str | None:
        """Return what a word stands for, or None."""
        known = self._known.get(text)
        if known is not None or len(text) > _LONGEST_WORD:
            return known
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        found = self._known[text] = self._words.get(header_key(text))
        return found


class FormVocabulary:
    """The words of one form, and what its indicators take."""

    def __init__(self, form: Form, indicators: Iterable[Indicator], units: FormUnits | None = None) -> None:
        listed = {indicator.key: indicator for indicator in indicators}
        words = form.words
        names = {name: key for key, item in listed.items() for name in (item.name_vi, key)}
        self.units = units or FormUnits()
        self.indicators = listed
        self.indicator_words = WordList(names | words.indicators)
        self.sexes = WordList({word: sex.value for word, sex in words.sexes.items()} | dict.fromkeys(words.whole, ""))
        self.sectors = WordList(
            {word: sector.value for word, sector in words.sectors.items()} | dict.fromkeys(words.whole, "")
        )
        self.yes_no = WordList(dict.fromkeys(words.yes, "yes") | dict.fromkeys(words.no, "no"))
        self.flags = WordList(dict.fromkeys((*words.yes, "x", "1", "Hủy", "Xóa"), "yes") | dict.fromkeys(words.no, ""))
        self.stages = WordList(
            dict.fromkeys(words.provisional, Stage.PROVISIONAL) | dict.fromkeys(words.final, Stage.FINAL)
        )
        self.totals = [header_key(word) for word in form.total_words]

    def is_total(self, text: str) -> bool:
        """Return whether a text begins a row of sums: a word of the form, and what it is the sum of.

        After a single word the sum must be said, because Cộng Hòa and Chung Chải are communes.
        """
        if text[:1].isdigit() or len(text) > _LONGEST_WORD:
            return False
        key = header_key(_SIGNS.sub(r" \g<0> ", text))  # or the tone would go to the end of "cộng:"
        return any(_is_sum_of(key[len(total) :], total) for total in self.totals if key.startswith(total))

    def indicator(self, cell: GridCell) -> str:
        """Return the key of an indicator named by a word, its name or its key."""
        found = self.indicator_words.find(cell) if isinstance(cell, str) else None
        if found is not None:
            return found
        text = text_of(cell, "indicator")
        if not text:
            raise refuse(QuarantineReason.MISSING_FIELD, "indicator")
        found = self.indicator_words.find(text)
        if found is None:
            raise refuse(QuarantineReason.UNKNOWN_INDICATOR, "indicator", text, "no word of the form")
        return found

    def group(self, cell: GridCell, field: str) -> str | None:
        """Return the sex or sector that a word stands for, None for all together."""
        if cell is None or cell == "":
            return None
        is_sex = field == "sex"
        text = text_of(cell, field)
        found = (self.sexes if is_sex else self.sectors).find(text)
        if found is None and not is_empty(text) and text.casefold() not in _NOT_SAID:
            reason = QuarantineReason.UNKNOWN_SEX if is_sex else QuarantineReason.UNKNOWN_SECTOR
            raise refuse(reason, field, text)
        return found or None

    def value(self, cell: GridCell, indicator: str, style: Style, *, is_fraction: bool) -> int | float | bool:
        """Return the single value of an indicator: a yes/no, a number of events, or a rate in percent."""
        plain = number_cell(cell)
        measures = self.indicators[indicator].measures
        takes_yes_no = MeasureKind.BOOLEAN in measures
        if takes_yes_no and isinstance(plain, bool):
            return plain
        if takes_yes_no and isinstance(plain, str):
            word = self.yes_no.find(plain)
            if word is not None:
                return word == "yes"
        if MeasureKind.COUNT in measures:
            return read_count(plain, style)
        if MeasureKind.PERCENT in measures:
            return read_percent(plain, style, is_fraction=is_fraction)
        if takes_yes_no and plain in (0, 1, "0", "1"):
            return bool(int(plain or 0))
        detail = "write Có or Không" if takes_yes_no else "it takes a numerator and a denominator"
        reason = QuarantineReason.NOT_A_NUMBER if takes_yes_no else QuarantineReason.WRONG_MEASURE
        raise refuse(reason, "value", plain, detail)

    def flag(self, cell: GridCell) -> bool:
        """Return whether a row is marked as taken back."""
        if isinstance(cell, bool):
            return cell
        text = text_of(cell, "deleted")
        found = self.flags.find(text) if text else ""
        if found is None:
            raise refuse(QuarantineReason.WRONG_TYPE, "deleted", text, "mark it with x, or leave it empty")
        return bool(found)

    def stage(self, cell: GridCell) -> Stage | None:
        """Return the stage that a word names."""
        text = text_of(cell, "stage")
        if not text:
            return None
        found = self.stages.find(text)
        if found is None:
            raise refuse(QuarantineReason.WRONG_TYPE, "stage", text, "write Sơ bộ or Chính thức")
        return Stage(found)


def _is_sum_of(rest: str, total: str) -> bool:
    if rest and rest[0].isalnum():
        return False
    return " " in total or not rest.strip(" :.-()") or bool(_SUMMED.match(rest))


def number_cell(cell: GridCell) -> str | int | float | bool | None:
    """Return a cell in which a number is expected; refuses a date, an error and a formula without a result."""
    if not isinstance(cell, OddCell):
        if isinstance(cell, str) and cell.startswith("#"):
            raise refuse(_BROKEN, "value", cell, "the formula has no result")
        return cell
    if cell.kind == DATE:
        detail = "the spreadsheet took it for a date: format the cell as a number and type it again"
        raise refuse(QuarantineReason.NOT_A_NUMBER, "value", cell.text, detail)
    raise refuse(_BROKEN, "value", cell.text)


def text_of(cell: GridCell, field: str) -> str:
    """Return a cell as text without spaces at its ends; a whole number without its ".0"."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, OddCell):
        if cell.kind != DATE:
            raise refuse(_BROKEN, field, cell.text)
        return cell.text
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def commune_code(cell: GridCell) -> str:
    """Return a commune code: a number that lost its zeros gets them back, a text stays as it is.

    >>> commune_code(6187.0), commune_code("'06187 "), commune_code("6187")
    ('06187', '06187', '6187')
    """
    if isinstance(cell, OddCell) and cell.kind == DATE:
        raise refuse(QuarantineReason.WRONG_TYPE, "commune", cell.text, "a date stands where the code belongs")
    text = text_of(cell, "commune").removeprefix("'")
    if isinstance(cell, int | float) and not isinstance(cell, bool) and text.isdigit():
        return text.zfill(_CODE_DIGITS)
    return text


def period_of(cell: GridCell) -> str:
    """Return the period in a cell as the catalog writes it; "" for none, and the text itself when it is no words."""
    if isinstance(cell, OddCell) and cell.kind == DATE:
        detail = "the spreadsheet made a date of it: write T10/2024 or 2024-10 as text"
        raise refuse(QuarantineReason.BAD_PERIOD, "period", cell.text, detail)
    text = text_of(cell, "period").removeprefix("'")
    return read_period(text) or text


def day_of(cell: GridCell, field: str) -> dt.date | None:
    """Return the day in a date cell or a text such as 30/09/2024 or 2024-09-30."""
    moment = moment_of(cell, field)
    return None if moment is None else dt.date.fromisoformat(moment[:10])


def moment_of(cell: GridCell, field: str) -> str | None:
    """Return the moment in a date cell or a text, as ISO 8601; None for an empty cell."""
    text = text_of(cell, field)
    if not text:
        return None
    match = _DAY_FIRST.fullmatch(text)
    if match:
        text = f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}" + (f"T{match[4]:0>5}" if match[4] else "")
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        bad = QuarantineReason.BAD_OBSERVED_AT if field == "observed_at" else QuarantineReason.WRONG_TYPE
        raise refuse(bad, field, text, "write a day as 30/09/2024 or 2024-09-30") from None
    if isinstance(cell, float | int):
        raise refuse(QuarantineReason.WRONG_TYPE, field, text, "format the cell as a date")
    return text


def evidence_of(cells: Mapping[Holds, GridCell]) -> Evidence | None:
    """Return what proves a row, or None when its columns are empty; a document is named, never fetched."""
    uri = text_of(cells.get(Holds.EVIDENCE_URI), "evidence.uri") or None
    sha256 = text_of(cells.get(Holds.EVIDENCE_SHA256), "evidence.sha256") or None
    note = text_of(cells.get(Holds.EVIDENCE_NOTE), "evidence.note") or None
    issued_on = day_of(cells.get(Holds.ISSUED_ON), "evidence.issued_on")
    valid_until = day_of(cells.get(Holds.VALID_UNTIL), "evidence.valid_until")
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise refuse(QuarantineReason.WRONG_TYPE, "evidence.sha256", sha256, "must be 64 hexadecimal digits")
    if not (uri or sha256 or note or issued_on or valid_until):
        return None
    return Evidence(issued_on=issued_on, valid_until=valid_until, uri=uri, sha256=sha256, note=note)
