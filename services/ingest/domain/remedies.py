"""What a sender can do about each reason, in English and Vietnamese: the one table of these texts."""

from typing import Final

from services.ingest.domain.faults import Remedy
from shared.contracts.vocabulary import QuarantineReason as Reason

ONLY_DEFAULT_ATTRIBUTE: Final = Remedy(
    "Send values of the default attributeOptionCombo only: those of single mechanisms or partners are not read. The "
    "profile can declare the one option that stands for all of them: in ADX as a category with `total: [OPTION]`.",
    "Chỉ gửi số liệu với attributeOptionCombo mặc định: số liệu riêng của từng cơ chế, đối tác không được đọc. Hồ sơ "
    "của nguồn có thể khai báo lựa chọn đại diện cho tất cả: với ADX là phân tổ có `total: [LỰA CHỌN]`.",
)
NEEDS_OPTION: Final = Remedy(
    "Send each value with its categoryOptionCombo: the numbers of men and women, or of each sector, one by one.",
    "Gửi từng giá trị kèm categoryOptionCombo: riêng số liệu nam và nữ, hoặc riêng từng ngành quản lý.",
)
YES_OR_NO: Final = Remedy(
    "Send true or false, or 1 or 0: this indicator is a yes or a no.",
    "Gửi true hoặc false, hay 1 hoặc 0: chỉ tiêu này chỉ nhận có hoặc không.",
)
YES_NO_OR_NUMBER: Final = Remedy(
    "Send a yes or no as true or false, or as 1 or 0; a rate as a plain decimal number with a point and no thousands "
    "separator.",
    "Với chỉ tiêu có/không, gửi true hoặc false, hay 1 hoặc 0; với tỷ lệ, gửi số thập phân dùng dấu chấm, không có dấu "
    "phân cách hàng nghìn.",
)
WITHOUT_EXCLUSIONS: Final = Remedy(
    "Take those who are excluded out of numerator and denominator, and leave the population of exclusions out.",
    "Trừ số đối tượng bị loại khỏi tử số và mẫu số, và bỏ nhóm đối tượng bị loại (exclusion) khỏi báo cáo.",
)


def add_field(name: str) -> Remedy:
    """Return what to do about a field that is missing."""
    return Remedy(f"Add the field {name}.", f"Bổ sung trường {name} còn thiếu.")


REMEDIES: Final[dict[Reason, Remedy]] = {
    Reason.MALFORMED_JSON: Remedy(
        "Send complete JSON in UTF-8, one event a line in NDJSON.",
        "Gửi JSON đầy đủ, mã UTF-8; với NDJSON mỗi dòng là một bản ghi.",
    ),
    Reason.WRONG_TYPE: Remedy(
        "Give the field the type of the documentation: numbers without quotes, codes in quotes.",
        "Dùng đúng kiểu dữ liệu: số không đặt trong ngoặc kép, mã đặt trong ngoặc kép.",
    ),
    Reason.MISSING_FIELD: Remedy("Add the field.", "Bổ sung trường còn thiếu."),
    Reason.MISSPELT_FIELD: Remedy(
        "Write the field's name as the documentation does, or leave the field out.",
        "Ghi đúng tên trường theo tài liệu, hoặc bỏ trường đó.",
    ),
    Reason.UNKNOWN_COMMUNE: Remedy(
        "Use the statistical code of the commune, with its leading zeros, or add the unit to the catalog.",
        "Dùng mã đơn vị hành chính của xã (đủ các số 0 ở đầu), hoặc bổ sung xã vào danh mục.",
    ),
    Reason.COMMUNE_NOT_VALID_THEN: Remedy(
        "Use the code that was valid on the last day of the period.",
        "Dùng mã đơn vị hành chính có hiệu lực vào ngày cuối của kỳ báo cáo.",
    ),
    Reason.UNKNOWN_INDICATOR: Remedy("Use an indicator key of the catalog.", "Dùng mã chỉ tiêu có trong danh mục."),
    Reason.INDICATOR_NOT_FOR_LEVEL: Remedy(
        "Report this indicator for a unit of its level.", "Báo cáo chỉ tiêu này cho đúng cấp đơn vị hành chính."
    ),
    Reason.UNKNOWN_SEX: Remedy('Send "male" or "female".', 'Ghi "male" (nam) hoặc "female" (nữ).'),
    Reason.UNKNOWN_SECTOR: Remedy(
        'Send "health", "industry_trade" or "agriculture".',
        'Ghi "health" (Y tế), "industry_trade" (Công Thương) hoặc "agriculture" (Nông nghiệp).',
    ),
    Reason.MISSING_SEX: Remedy(
        "Report men and women apart: one event with sex male, one with sex female.",
        "Báo cáo riêng nam và nữ: một bản ghi cho nam, một bản ghi cho nữ.",
    ),
    Reason.MISSING_SECTOR: Remedy("Report each managing sector apart.", "Báo cáo riêng theo từng ngành quản lý."),
    Reason.UNEXPECTED_SEX: Remedy(
        "Leave sex out: this report is not by sex.", "Bỏ trường sex: số liệu này không tách theo giới."
    ),
    Reason.UNEXPECTED_SECTOR: Remedy(
        "Leave sector out: this report is not by sector.",
        "Bỏ trường sector: số liệu này không tách theo ngành quản lý.",
    ),
    Reason.BAD_PERIOD: Remedy(
        "Write the period as 2024, 2024-10, 2024Q3, 2024S1, 2024-10-15, 2024W05, 2024-9M or 2024-01-01/2024-09-30. "
        "It must have begun, and end by 31 December of the running year.",
        "Ghi kỳ báo cáo theo một trong các dạng 2024, 2024-10, 2024Q3, 2024S1, 2024-10-15, 2024W05, 2024-9M, "
        "2024-01-01/2024-09-30. Kỳ báo cáo phải đã bắt đầu và kết thúc chậm nhất ngày 31/12 của năm hiện tại.",
    ),
    Reason.BAD_OBSERVED_AT: Remedy(
        "Write a date and time with an offset: 2024-10-15T08:30:00+07:00.",
        "Ghi ngày giờ kèm múi giờ: 2024-10-15T08:30:00+07:00.",
    ),
    Reason.OBSERVED_IN_FUTURE: Remedy(
        "Correct the clock or the time zone of the sending system.",
        "Chỉnh lại đồng hồ hoặc múi giờ của hệ thống gửi.",
    ),
    Reason.NO_MEASURE: Remedy(
        "Send numerator and denominator, or value; to void a report send deleted: true.",
        "Gửi tử số và mẫu số, hoặc giá trị; muốn hủy số liệu thì gửi deleted: true.",
    ),
    Reason.WRONG_MEASURE: Remedy(
        "Send a measure that the indicator takes, and only one.",
        "Gửi đúng loại số liệu của chỉ tiêu, và chỉ một loại.",
    ),
    Reason.NOT_A_NUMBER: Remedy(
        "Send a plain decimal number with a point and no thousands separator; in a Vietnamese form write 3620 or 96,7.",
        "Trong biểu mẫu: ghi 3620 (hoặc 3.620), 96,7. Trong các định dạng khác: số thập phân dùng dấu chấm, không có "
        "dấu phân cách hàng nghìn.",
    ),
    Reason.NOT_AN_INTEGER: Remedy(
        "Send a whole number: people and establishments are counted.",
        "Gửi số nguyên: người và cơ sở được đếm.",
    ),
    Reason.NEGATIVE_NUMBER: Remedy("Send a number of 0 or more.", "Gửi số không âm."),
    Reason.NUMBER_TOO_LARGE: Remedy(
        "Check the number: it is larger than the indicator allows.",
        "Kiểm tra lại: số lớn hơn mức cho phép của chỉ tiêu.",
    ),
    Reason.ZERO_DENOMINATOR: Remedy(
        "Send the denominator; if there is nothing to count, send no report.",
        "Gửi mẫu số; nếu không có đối tượng thì không gửi số liệu.",
    ),
    Reason.NUMERATOR_OVER_DENOMINATOR: Remedy(
        "Check both numbers: the part cannot be larger than the whole.",
        "Kiểm tra cả hai số: tử số không thể lớn hơn mẫu số.",
    ),
    Reason.SOURCE_NOT_ALLOWED: Remedy(
        "Leave source out, or ask the operator for a token that may send for this source.",
        "Bỏ trường source, hoặc đề nghị cấp khóa truy cập được gửi thay nguồn này.",
    ),
    Reason.ID_REUSED: Remedy(
        "Give a corrected report an id of its own: this id already stands for other content.",
        "Đặt id mới cho bản ghi đã sửa: id này đã dùng cho nội dung khác.",
    ),
    Reason.UNKNOWN_ALIAS: Remedy(
        "Add the data element and option to the source's profile in the catalog.",
        "Bổ sung mã phần tử dữ liệu và nhóm phân tổ vào hồ sơ của nguồn trong danh mục.",
    ),
    Reason.CONTRADICTED: Remedy(
        "Send one value for each fact, or say when each was observed.",
        "Mỗi số liệu chỉ gửi một giá trị, hoặc ghi rõ thời điểm ghi nhận của từng giá trị.",
    ),
    Reason.COMMUNE_SPLIT: Remedy(
        "Report the units of today one by one: the numbers of a divided unit are never divided automatically.",
        "Báo cáo riêng từng đơn vị hành chính mới: số liệu của đơn vị đã chia tách không được tự động chia.",
    ),
    Reason.COMMUNE_PART: Remedy(
        "Report the merged unit as a whole, or all its former units in one message.",
        "Báo cáo toàn xã mới, hoặc gửi đủ số liệu của tất cả các xã cũ trong cùng một lần.",
    ),
    Reason.COMMUNE_NAME_DIFFERS: Remedy(
        "Correct the code or the name; if the codes are those of another time, state the vintage in the profile.",
        "Sửa lại mã hoặc tên xã; nếu là bộ mã của thời kỳ khác, khai báo bộ mã trong hồ sơ của nguồn.",
    ),
    Reason.AMBIGUOUS_COMMUNE: Remedy("Add the code of the commune.", "Bổ sung mã đơn vị hành chính của xã."),
    Reason.AMBIGUOUS_NUMBER: Remedy(
        "Write the number so that it can mean one thing only: whole numbers without separators, percentages as "
        "declared for the column.",
        "Ghi số sao cho chỉ hiểu một cách: số nguyên không có dấu phân cách, tỷ lệ đúng đơn vị đã khai báo của cột.",
    ),
    Reason.UNCOMPUTED_FORMULA: Remedy(
        "Open the file, let it compute, save it, and send it again; or put in the number.",
        "Mở tệp cho tính lại công thức, lưu rồi gửi lại; hoặc nhập trực tiếp con số.",
    ),
    Reason.UNSUPPORTED_DATA: Remedy(
        "Send one of the formats of the documentation: docs/intake.md lists what each may hold.",
        "Gửi theo một trong các định dạng nêu trong tài liệu docs/intake.md.",
    ),
}
