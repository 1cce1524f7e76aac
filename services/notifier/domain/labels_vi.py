"""The Vietnamese words for the closed lists that appear in messages."""

from services.notifier.domain.grouping import ItemKind
from shared.contracts.vocabulary import Cause, Confidence, Operator, Role, Sector, Sex, VerdictReason, VerdictStatus

ROLE_VI = {
    Role.LEAD: "chủ trì",
    Role.DIRECTING: "trực tiếp chỉ đạo, đôn đốc",
    Role.COORDINATING: "phối hợp",
    Role.CONSOLIDATING: "tổng hợp theo dõi, đôn đốc",
    Role.APPRAISING: "thẩm định hồ sơ, đánh giá kết quả",
    Role.IMPLEMENTING: "triển khai thực hiện",
    Role.DATA: "rà soát, thống kê danh sách",
}

CELL_VI = {
    "": "chung",
    Sex.MALE: "nam",
    Sex.FEMALE: "nữ",
    Sector.HEALTH: "ngành Y tế",
    Sector.INDUSTRY_TRADE: "ngành Công Thương",
    Sector.AGRICULTURE: "ngành Nông nghiệp",
}

STATUS_VI = {
    VerdictStatus.MET: "đạt",
    VerdictStatus.NOT_MET: "chưa đạt",
    VerdictStatus.NOT_EVALUABLE: "chưa đánh giá được",
    VerdictStatus.NOT_APPLICABLE: "không áp dụng",
}

REASON_VI = {
    VerdictReason.TARGET_MET: "đạt ngưỡng",
    VerdictReason.BELOW_TARGET: "dưới ngưỡng",
    VerdictReason.ABOVE_CEILING: "vượt trần",
    VerdictReason.ATTESTED: "đã được xác nhận",
    VerdictReason.ATTESTED_NOT: "được xác nhận là chưa thực hiện",
    VerdictReason.NO_INCIDENT: "không có sự cố",
    VerdictReason.INCIDENT_OPEN: "có sự cố",
    VerdictReason.NO_POSITIVE_REPORT: "chưa có báo cáo khẳng định không có sự cố",
    VerdictReason.CERTIFICATE_VALID: "quyết định công nhận còn hiệu lực",
    VerdictReason.CERTIFICATE_EXPIRED: "quyết định công nhận đã hết hiệu lực",
    VerdictReason.NO_CERTIFICATE: "chưa có quyết định công nhận",
    VerdictReason.NO_DATA: "chưa có số liệu",
    VerdictReason.MISSING_SEX: "thiếu số liệu của một giới",
    VerdictReason.MISSING_SECTOR: "thiếu số liệu của một ngành quản lý",
    VerdictReason.MISSING_PART: "thiếu tử số hoặc mẫu số",
    VerdictReason.NO_ATTESTATION: "chưa có xác nhận thực hiện",
    VerdictReason.ZERO_DENOMINATOR: "mẫu số bằng 0",
    VerdictReason.NUMERATOR_OVER_DENOMINATOR: "tử số lớn hơn mẫu số",
    VerdictReason.RULE_UNKNOWN: "chưa có nội dung quy định",
    VerdictReason.RULE_ENDED: "quy định đã hết hiệu lực",
    VerdictReason.UNIT_ENDED: "đơn vị hành chính đã kết thúc",
    VerdictReason.NO_TITLE_FOR_UNIT: "loại đơn vị này không xét danh hiệu",
    VerdictReason.ALL_MET: "mọi chỉ tiêu y tế đều đạt",
    VerdictReason.CHILD_NOT_MET: "có chỉ tiêu y tế chưa đạt",
    VerdictReason.CHILD_NOT_EVALUABLE: "có chỉ tiêu y tế chưa đánh giá được",
    VerdictReason.NONE_APPLICABLE: "không có chỉ tiêu y tế nào áp dụng",
}

NO_DATA_VI = REASON_VI[VerdictReason.NO_DATA]
# Reasons of a chỉ tiêu that, said of one of its cells, all mean that the cell has no data.
SILENT = frozenset({VerdictReason.NO_DATA, VerdictReason.MISSING_SEX, VerdictReason.MISSING_SECTOR})

CAUSE_VI = {
    Cause.DATA: "số liệu mới",
    Cause.CORRECTION: "đính chính số liệu đã báo cáo",
    Cause.RULESET: "thay đổi quy định, không phải suy giảm",
    Cause.CLOCK: "đến hạn theo thời gian (hết hiệu lực hoặc sang kỳ mới), không có số liệu mới",
}

CONFIDENCE_VI = {
    Confidence.VERIFIED: "đã kiểm chứng qua nguồn đọc được (chủ yếu là báo chí dẫn lại, chưa phải văn bản gốc)",
    Confidence.RECALLED: "nhớ lại, chưa thấy văn bản – cần đối chiếu văn bản gốc",
    Confidence.UNCERTAIN: "chưa chắc chắn – phải đối chiếu văn bản gốc trước khi dùng",
}

ITEM_VI = {
    ItemKind.OPENED: "chưa đạt",
    ItemKind.RULESET_CHANGE: "thay đổi quy định",
    ItemKind.DATA_LOST: "mất dữ liệu",
    ItemKind.OPENED_AND_RESOLVED: "đã phát sinh và đã khắc phục",
    ItemKind.RESOLVED: "đã đạt trở lại",
    ItemKind.ROLLUP: "kết quả tổng hợp phần y tế",
}

HOLDS_SIGN = {Operator.AT_LEAST: "≥", Operator.AT_MOST: "≤", Operator.MORE_THAN: ">", Operator.LESS_THAN: "<"}
MISSES_SIGN = {Operator.AT_LEAST: "<", Operator.AT_MOST: ">", Operator.MORE_THAN: "≤", Operator.LESS_THAN: "≥"}
CEILINGS = frozenset({Operator.AT_MOST, Operator.LESS_THAN})
