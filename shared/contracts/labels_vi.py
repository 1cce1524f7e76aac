"""Vietnamese words for the closed lists of the vocabulary, as mails and screens both say them."""

from shared.contracts.vocabulary import Cause, Role, Sector, Sex, VerdictReason, VerdictStatus

GROUP_VI = {
    Sex.MALE.value: "nam",
    Sex.FEMALE.value: "nữ",
    Sector.HEALTH.value: "ngành Y tế",
    Sector.INDUSTRY_TRADE.value: "ngành Công Thương",
    Sector.AGRICULTURE.value: "ngành Nông nghiệp",
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
    VerdictReason.STALE_DATA: "số liệu đã quá hạn cập nhật, nguồn chưa gửi số mới",
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

# The words of the glossary; mails to officials say some of them with the fuller verb of a dispatch.
ROLE_VI = {
    Role.LEAD: "chủ trì",
    Role.DIRECTING: "trực tiếp chỉ đạo",
    Role.COORDINATING: "phối hợp",
    Role.CONSOLIDATING: "tổng hợp theo dõi",
    Role.APPRAISING: "thẩm định",
    Role.IMPLEMENTING: "triển khai thực hiện",
    Role.DATA: "rà soát, thống kê danh sách",
    Role.INFORMED: "nơi nhận để biết",
    Role.SUPERIOR: "cấp trên",
}

CAUSE_VI = {
    Cause.DATA: "số liệu mới",
    Cause.CORRECTION: "đính chính số liệu đã báo cáo",
    Cause.RULESET: "thay đổi quy định, không phải suy giảm",
    Cause.CLOCK: "đến hạn theo thời gian (hết hiệu lực hoặc sang kỳ mới), không có số liệu mới",
}
