"""What the sender of a form can do about a bad cell: in the rules and the words of that form, in both languages."""

from collections.abc import Iterable
from typing import Final

import msgspec

from services.ingest.adapters.formats.form_cells import FormVocabulary
from services.ingest.domain.faults import Fault, Remedy
from services.ingest.domain.forms import DATE, GridCell, OddCell
from services.ingest.domain.numbers_vi import Style
from shared.catalog.forms import Column, Form, Holds, PeriodPlace
from shared.catalog.profiles import PercentUnit
from shared.contracts.vocabulary import MeasureKind
from shared.contracts.vocabulary import QuarantineReason as Reason

_MOST_WORDS: Final = 20
_NUMBERS: Final = frozenset(
    {Reason.NOT_A_NUMBER, Reason.NOT_AN_INTEGER, Reason.AMBIGUOUS_NUMBER, Reason.NEGATIVE_NUMBER, Reason.WRONG_MEASURE}
)
_COUNTS: Final = {
    Style.VI: Remedy("a whole number in digits: 3620 or 3.620", "số nguyên bằng chữ số: 3620 hoặc 3.620"),
    Style.PLAIN: Remedy("a whole number in digits: 3620", "số nguyên bằng chữ số: 3620"),
    Style.UNCLEAR: Remedy(
        "a whole number in digits: 3620, because commas part the columns of this file",
        "số nguyên bằng chữ số: 3620, không có dấu phân cách vì tệp dùng dấu phẩy để ngăn cột",
    ),
}
_DAY: Final = Remedy("Write a day as 30/09/2024 or 2024-09-30.", "Ghi ngày dạng 30/09/2024 hoặc 2024-09-30.")
_PERIOD: Final = Remedy(
    "Write the period as T9/2024, Quý III/2024, 6T/2024, 9T/2024 (since 1 January), 2024 or 2024-09.",
    "Ghi kỳ dạng T9/2024, Quý III/2024, 6T/2024, 9T/2024 (lũy kế từ 01/01), 2024 hoặc 2024-09.",
)
_PLACES: Final = {
    PeriodPlace.COLUMN: Remedy("in its column", "vào cột kỳ báo cáo"),
    PeriodPlace.LABEL: Remedy('above the table ("Kỳ báo cáo: 9T/2024")', "ở đầu biểu («Kỳ báo cáo: 9T/2024»)"),
    PeriodPlace.TITLE: Remedy('in the title ("9 THÁNG NĂM 2024")', "trong tiêu đề («9 THÁNG NĂM 2024»)"),
    PeriodPlace.REQUEST: Remedy("in the parameter `period`", "trong tham số `period` khi gửi"),
}
_FIXED: Final[dict[str, Remedy]] = {
    "commune": Remedy("Write the code of the commune as text, or its name.", "Ghi mã xã (ô định dạng văn bản, đủ 5 "
                      "chữ số) hoặc tên xã vào dòng này."),
    "stage": Remedy("Write Sơ bộ or Chính thức, or leave it empty.", "Ghi Sơ bộ hoặc Chính thức, hoặc để trống."),
    "deleted": Remedy("Mark it with x, or leave it empty.", "Ghi x để hủy số liệu của dòng, hoặc để trống."),
    "observed_at": _DAY,
    "evidence.issued_on": _DAY,
    "evidence.valid_until": _DAY,
    "evidence.sha256": Remedy("Write 64 hexadecimal digits.", "Ghi mã băm gồm 64 chữ số thập lục phân."),
    "row": Remedy(
        "Put a number with a comma in quotes, or part the columns with semicolons.",
        "Đặt số có dấu phẩy trong ngoặc kép, hoặc ngăn cột bằng dấu chấm phẩy.",
    ),
}  # fmt: skip
_DATE: Final = Remedy(
    "Format the cell as a number and type the number again.", "Định dạng ô là số (Number) rồi nhập lại con số."
)
_NO_MEASURE: Final = Remedy("Repeat the number that is taken back.", "Ghi lại con số cần hủy trong dòng này.")


class FormRemedies:
    """The remedies of one form; each stands in the fault and, in Vietnamese, at the end of its detail too."""

    def __init__(self, form: Form, words: FormVocabulary, style: Style) -> None:
        self._form, self._words, self._style = form, words, style

    def add(self, fault: Fault) -> Fault:
        """Return a fault of a whole row with its remedy."""
        return _with(fault, fault.remedy or self._of_row(fault))

    def of_cell(self, fault: Fault, cell: GridCell, column: Column, indicator: str | None) -> Fault:
        """Return a fault of a cell in which a number was expected, with its remedy."""
        if fault.reason not in _NUMBERS:
            return fault
        if isinstance(cell, OddCell) and cell.kind == DATE:
            return _with(fault, _DATE)
        ways = list(self._ways(column, column.indicator or indicator or ""))
        en, vi = " or ".join(way.en for way in ways), " hoặc ".join(way.vi for way in ways)
        if not ways:
            return _with(fault, Remedy("Write numerator and denominator in their columns.",
                                       "Ghi tử số và mẫu số vào hai cột đó, để trống cột giá trị."))  # fmt: skip
        empty = "; leave the cell empty when there is no number yet.", "; chưa có số liệu thì để trống ô."
        return _with(fault, Remedy(f"Write {en}{empty[0]}", f"Ghi {vi}{empty[1]}"))

    def _ways(self, column: Column, indicator: str) -> Iterable[Remedy]:
        """Yield what may stand in a cell."""
        if column.holds in (Holds.NUMERATOR, Holds.DENOMINATOR) or column.role in ("numerator", "denominator"):
            yield _COUNTS[self._style]
            return
        measures = self._words.indicators[indicator].measures if indicator in self._words.indicators else ()
        if MeasureKind.COUNT in measures:
            yield _COUNTS[self._style]
        if MeasureKind.PERCENT in measures:
            number = "0,967" if column.unit is PercentUnit.FRACTION else "96,7"
            number = number if self._style is Style.VI else number.replace(",", ".")
            sign = "" if column.unit is PercentUnit.FRACTION else f" or {number}%"
            yield Remedy(f"the rate as {number}{sign}", f"tỷ lệ dạng {number}{sign.replace(' or ', ' hoặc ')}")
        if MeasureKind.BOOLEAN in measures:
            words = self._form.words
            yes, no = ", ".join(words.yes), ", ".join(words.no)
            yield Remedy(f"Có or Không (read as yes: {yes}; as no: {no})", f"Có hoặc Không (cũng đọc: {yes}; {no})")

    def _of_row(self, fault: Fault) -> Remedy | None:
        words, field = self._form.words, fault.field
        if fault.reason is Reason.UNCOMPUTED_FORMULA:
            return None
        if fault.reason is Reason.NO_MEASURE:
            return _NO_MEASURE
        if field == "period":
            return self._missing_period() if fault.reason is Reason.MISSING_FIELD else _PERIOD
        if field == "indicator":
            return _one_of(words.indicators, "the sheet Hướng dẫn of the empty form lists all",
                           "xem đủ ở trang «Hướng dẫn» của biểu mẫu")  # fmt: skip
        if field == "sex":
            return _one_of([*words.sexes, *words.whole], "or leave it empty", "hoặc để trống")
        if field == "sector":
            return _one_of([*words.sectors, *words.whole], "or leave it empty", "hoặc để trống")
        return _FIXED.get(field)

    def _missing_period(self) -> Remedy:
        places = [_PLACES[place] for place in self._form.period]
        en, vi = " or ".join(place.en for place in places), " hoặc ".join(place.vi for place in places)
        return Remedy(f"Write the period {en}.", f"Ghi kỳ báo cáo {vi}.")


def _one_of(words: Iterable[str], more: str, more_vi: str) -> Remedy:
    listed = list(words)
    text = ", ".join(listed[:_MOST_WORDS]) + (", …" if len(listed) > _MOST_WORDS else "")
    return Remedy(f"Write one of: {text}; {more}.", f"Ghi một trong các từ: {text}; {more_vi}.")


def _with(fault: Fault, remedy: Remedy | None) -> Fault:
    """Return a fault with its remedy; its detail says it too, because the quarantine keeps the detail alone."""
    if remedy is None:
        return fault
    detail = f"{fault.detail}. {remedy.vi}" if fault.detail else remedy.vi
    return msgspec.structs.replace(fault, remedy=remedy, detail=detail)
