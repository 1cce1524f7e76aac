"""Vietnamese labels of closed lists, as tables and explanations print them; the words are those of the glossary."""

from rich.text import Text

from shared.contracts.labels_vi import CAUSE_VI, GROUP_VI, REASON_VI, ROLE_VI, STATUS_VI
from shared.contracts.vocabulary import (
    Cause,
    Confidence,
    Operator,
    Part,
    Phase,
    QuarantineReason,
    Role,
    VerdictReason,
    VerdictStatus,
)

STATUS_STYLE = {
    VerdictStatus.MET: "green",
    VerdictStatus.NOT_MET: "bold red",
    VerdictStatus.NOT_EVALUABLE: "yellow",
    VerdictStatus.NOT_APPLICABLE: "dim",
}
PHASE_VI = {
    Phase.IMPLEMENTATION: "giai đoạn thực hiện",
    Phase.APPRAISAL: "giai đoạn thẩm định",
}
PART_VI = {
    Part.MEASURE: "cả số đo",
    Part.ATTESTATION: "xác nhận",
    Part.NUMERATOR: "tử số",
    Part.DENOMINATOR: "mẫu số",
}
CONFIDENCE_VI = {
    Confidence.VERIFIED: "đã kiểm chứng qua nguồn đọc được",
    Confidence.RECALLED: "nhớ lại, chưa thấy văn bản",
    Confidence.UNCERTAIN: "chưa chắc chắn",
}
OPERATOR_VI = {
    Operator.AT_LEAST: "≥",
    Operator.AT_MOST: "≤",
    Operator.MORE_THAN: ">",
    Operator.LESS_THAN: "<",
    Operator.IS_TRUE: "đạt (xác nhận)",
    Operator.CERTIFICATE_VALID: "quyết định công nhận còn hiệu lực",
}
# As the glossary has them; a test compares.
QUARANTINE_REASON_VI = {
    QuarantineReason.MALFORMED_JSON: "JSON hỏng",
    QuarantineReason.WRONG_TYPE: "sai kiểu dữ liệu",
    QuarantineReason.MISSING_FIELD: "thiếu trường",
    QuarantineReason.MISSPELT_FIELD: "sai tên trường",
    QuarantineReason.UNKNOWN_COMMUNE: "xã không có trong danh mục",
    QuarantineReason.COMMUNE_NOT_VALID_THEN: "mã xã không có hiệu lực lúc đó",
    QuarantineReason.UNKNOWN_INDICATOR: "chỉ tiêu không có trong danh mục",
    QuarantineReason.INDICATOR_NOT_FOR_LEVEL: "chỉ tiêu không dùng cho cấp này",
    QuarantineReason.UNKNOWN_SEX: "giới không hợp lệ",
    QuarantineReason.UNKNOWN_SECTOR: "ngành không hợp lệ",
    QuarantineReason.MISSING_SEX: "thiếu giới",
    QuarantineReason.MISSING_SECTOR: "thiếu ngành",
    QuarantineReason.UNEXPECTED_SEX: "thừa giới",
    QuarantineReason.UNEXPECTED_SECTOR: "thừa ngành",
    QuarantineReason.BAD_PERIOD: "kỳ không hợp lệ",
    QuarantineReason.BAD_OBSERVED_AT: "thời điểm ghi nhận không hợp lệ",
    QuarantineReason.OBSERVED_IN_FUTURE: "thời điểm ghi nhận ở tương lai",
    QuarantineReason.NO_MEASURE: "không có số đo",
    QuarantineReason.WRONG_MEASURE: "sai loại số đo",
    QuarantineReason.NOT_A_NUMBER: "không phải số",
    QuarantineReason.NOT_AN_INTEGER: "không phải số nguyên",
    QuarantineReason.NEGATIVE_NUMBER: "số âm",
    QuarantineReason.NUMBER_TOO_LARGE: "số quá lớn",
    QuarantineReason.ZERO_DENOMINATOR: "mẫu số bằng 0",
    QuarantineReason.NUMERATOR_OVER_DENOMINATOR: "tử số lớn hơn mẫu số",
    QuarantineReason.SOURCE_NOT_ALLOWED: "nguồn không được phép",
    QuarantineReason.ID_REUSED: "trùng mã, khác nội dung",
    QuarantineReason.UNKNOWN_ALIAS: "bí danh không có",
    QuarantineReason.CONTRADICTED: "số liệu mâu thuẫn",
    QuarantineReason.COMMUNE_SPLIT: "xã đã chia tách",
    QuarantineReason.COMMUNE_PART: "một phần của xã mới",
    QuarantineReason.COMMUNE_NAME_DIFFERS: "tên và mã xã không khớp",
    QuarantineReason.AMBIGUOUS_COMMUNE: "tên xã không xác định",
    QuarantineReason.AMBIGUOUS_NUMBER: "số không rõ nghĩa",
    QuarantineReason.UNCOMPUTED_FORMULA: "công thức chưa tính",
    QuarantineReason.UNSUPPORTED_DATA: "dữ liệu không hỗ trợ",
}


def status_vi(status: str) -> Text:
    """Return the Vietnamese word for a verdict in its own style."""
    known = VerdictStatus(status)
    return Text(STATUS_VI[known], style=STATUS_STYLE[known])


def cell_vi(cell: str) -> str:
    """Return the Vietnamese word for a sex or sector, the cell itself when it is neither."""
    return GROUP_VI.get(cell, cell)


def role_vi(role: Role) -> str:
    """Return the Vietnamese word for a role with its code.

    >>> role_vi(Role.LEAD)
    'chủ trì (lead)'
    """
    return f"{ROLE_VI[role]} ({role.value})"


def reason_vi(reason: str) -> str:
    """Return the Vietnamese words for the reason of a verdict with its code.

    >>> reason_vi("below_target")
    'dưới ngưỡng (below_target)'
    """
    return f"{REASON_VI[VerdictReason(reason)]} ({VerdictReason(reason).value})"


def cause_vi(cause: str) -> str:
    """Return the Vietnamese words for what changed a verdict with its code.

    >>> cause_vi("data")
    'số liệu mới (data)'
    """
    return f"{CAUSE_VI[Cause(cause)]} ({Cause(cause).value})"


def part_vi(part: str) -> str:
    """Return the Vietnamese word for the part of a measure that a report brings."""
    return PART_VI[Part(part)]


def confidence_vi(confidence: Confidence) -> str:
    """Return how far a number can be trusted, in Vietnamese with the word of the catalog.

    >>> confidence_vi(Confidence.UNCERTAIN)
    'chưa chắc chắn (uncertain)'
    """
    return f"{CONFIDENCE_VI[confidence]} ({confidence.value})"
