"""The instructions on the second sheet of an empty form, in Vietnamese."""

from collections.abc import Iterator, Mapping
from typing import Final

from shared.catalog.forms import Column, Form, Holds, NumberStyle, PeriodPlace
from shared.catalog.indicators import Indicator
from shared.catalog.profiles import PercentUnit
from shared.contracts.vocabulary import MeasureKind

GUIDE: Final = "Hướng dẫn"

_DAY: Final = "Ghi ngày dạng 30/09/2024 hoặc 2024-09-30."
_HOW: Final[dict[Holds, str]] = {
    Holds.IGNORED: "Không đọc vào hệ thống; có thể để trống.",
    Holds.COMMUNE_CODE: "Mã đơn vị hành chính, đủ 5 chữ số kể cả số 0 ở đầu; ô định dạng văn bản.",
    Holds.COMMUNE_NAME: "Tên xã, phường, thị trấn; dùng để đối chiếu với mã.",
    Holds.PERIOD: "Kỳ số liệu: T10/2024, Quý III/2024, 6T/2024, 9T/2024 (lũy kế từ 01/01), 2024 hoặc 2024-10.",
    Holds.INDICATOR: "Chọn một từ trong danh sách.",
    Holds.SEX: "Nam hoặc Nữ; để trống hoặc ghi Chung khi chỉ tiêu không tách theo giới.",
    Holds.SECTOR: "Ngành quản lý; để trống khi chỉ tiêu không tách theo ngành.",
    Holds.NUMERATOR: "Số nguyên: số người, hộ, cơ sở đạt.",
    Holds.DENOMINATOR: "Số nguyên: tổng số đối tượng.",
    Holds.VALUE: "Tỷ lệ phần trăm (96,7), số sự cố, hoặc Có/Không; không ghi cùng tử số và mẫu số.",
    Holds.OBSERVED_AT: "Thời điểm ghi nhận số liệu. " + _DAY,
    Holds.DELETED: "Ghi x để hủy số liệu đã gửi của dòng này.",
    Holds.STAGE: "Sơ bộ hoặc Chính thức; có thể để trống.",
    Holds.EVIDENCE_URI: "Địa chỉ nơi lưu văn bản; tệp không gửi kèm.",
    Holds.EVIDENCE_SHA256: "Mã băm SHA-256 của tệp: 64 chữ số thập lục phân.",
    Holds.EVIDENCE_NOTE: "Số và ký hiệu của văn bản, giấy chứng nhận.",
    Holds.ISSUED_ON: "Ngày ban hành, ngày cấp. " + _DAY,
    Holds.VALID_UNTIL: "Ngày cuối còn hiệu lực. " + _DAY,
}


def guide_rows(form: Form, indicators: Mapping[str, Indicator]) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the instructions: a part of the form, what it holds, how to write it."""
    yield form.name_vi, f"Mã biểu: {form.id}", ""
    if form.named_only:
        how = f"Khi gửi phải ghi tên biểu: tham số form={form.id} (datchuan import --form {form.id})."
        yield "Biểu phải nêu tên", how, "Tiêu đề cột không nói rõ chỉ tiêu nên hệ thống không tự nhận ra biểu này."
    if PeriodPlace.LABEL in form.period:
        label = f"Ô bên phải «{form.period_labels[0]}:»"
        yield label, "Kỳ báo cáo của cả biểu", _HOW[Holds.PERIOD]
    yield "Cách ghi số", _numbers(form), "Ô không có số liệu thì để trống; không ghi 0 thay cho chưa có số liệu."
    yield "Dòng tổng", f"Không bắt buộc; dòng bắt đầu bằng {', '.join(form.total_words)} không được đọc.", ""
    for column in form.offered:
        measured = "" if column.indicator is None else indicators[column.indicator].name_vi
        needed = "" if column.optional else " (bắt buộc có cột)"
        yield f"Cột «{column.title}»{needed}", measured, _how(column, indicators)


def word_lists(form: Form) -> dict[Holds, tuple[str, ...]]:
    """Return the words to choose from in each column that takes words only."""
    words = form.words
    lists = {
        Holds.INDICATOR: _one_each(words.indicators),
        Holds.SEX: (*_one_each(words.sexes), *words.whole[:1]) if words.sexes else (),
        Holds.SECTOR: _one_each(words.sectors),
    }
    held = {column.holds for column in form.offered}
    return {holds: listed for holds, listed in lists.items() if listed and holds in held}


def _one_each(words: Mapping[str, str]) -> tuple[str, ...]:
    """Return the first word for each meaning."""
    first: dict[str, str] = {}
    for word, meaning in words.items():
        first.setdefault(meaning, word)
    return tuple(first.values())


def _numbers(form: Form) -> str:
    if form.numbers is NumberStyle.VI:
        return "Số nguyên: 3620; không cần dấu phân cách hàng nghìn (3.620 cũng là 3620). Số lẻ dùng dấu phẩy: 96,7."
    return "Số nguyên: 3620, không có dấu phân cách. Số lẻ dùng dấu chấm: 96.7."


def _how(column: Column, indicators: Mapping[str, Indicator]) -> str:
    if column.holds is not Holds.MEASURE or column.indicator is None:
        return _HOW[column.holds]
    measures = indicators[column.indicator].measures
    if column.role != "value":
        return "Số nguyên."
    if MeasureKind.COUNT in measures:
        return "Số nguyên; ghi 0 khi không có."
    if MeasureKind.PERCENT not in measures:
        return "Có hoặc Không."
    unit = "phần trăm, ví dụ 96,7" if column.unit is PercentUnit.PERCENT else "phân số, ví dụ 0,967"
    also = ", hoặc Có/Không" if MeasureKind.BOOLEAN in measures else ""
    return f"Tỷ lệ theo {unit}{also}."
