"""The Vietnamese words that only messages use; those of the vocabulary are in shared/contracts/labels_vi.py."""

from services.notifier.domain.grouping import ItemKind
from shared.contracts.labels_vi import GROUP_VI, REASON_VI
from shared.contracts.vocabulary import Confidence, Operator, Role, UnitLevel, VerdictReason

ROLE_VI = {
    Role.LEAD: "chủ trì",
    Role.DIRECTING: "trực tiếp chỉ đạo, đôn đốc",
    Role.COORDINATING: "phối hợp",
    Role.CONSOLIDATING: "tổng hợp theo dõi, đôn đốc",
    Role.APPRAISING: "thẩm định hồ sơ, đánh giá kết quả",
    Role.IMPLEMENTING: "triển khai thực hiện",
    Role.DATA: "rà soát, thống kê danh sách",
    Role.INFORMED: "nơi nhận để biết",
    Role.SUPERIOR: "cấp trên",
}

LEVEL_VI = {UnitLevel.PROVINCE: "cấp tỉnh", UnitLevel.DISTRICT: "cấp huyện", UnitLevel.COMMUNE: "cấp xã"}

CELL_VI = {"": "chung"} | GROUP_VI

NO_DATA_VI = REASON_VI[VerdictReason.NO_DATA]
# Reasons of a chỉ tiêu that, said of one of its cells, all mean that the cell has no data.
SILENT = frozenset({VerdictReason.NO_DATA, VerdictReason.MISSING_SEX, VerdictReason.MISSING_SECTOR})

CONFIDENCE_VI = {
    Confidence.VERIFIED: "đã kiểm chứng qua nguồn đọc được (chủ yếu là báo chí dẫn lại, chưa phải văn bản gốc)",
    Confidence.RECALLED: "nhớ lại, chưa thấy văn bản – cần đối chiếu văn bản gốc",
    Confidence.UNCERTAIN: "chưa chắc chắn – phải đối chiếu văn bản gốc trước khi dùng",
}

ITEM_VI = {
    ItemKind.ESCALATED: "báo cáo cấp trên",
    ItemKind.OPENED: "chưa đạt",
    ItemKind.RULESET_CHANGE: "thay đổi quy định",
    ItemKind.DATA_LOST: "mất dữ liệu",
    ItemKind.FLAPPING: "dao động",
    ItemKind.REMINDER: "nhắc việc",
    ItemKind.AT_RISK: "có nguy cơ",
    ItemKind.OPENED_AND_RESOLVED: "đã phát sinh và đã khắc phục",
    ItemKind.RESOLVED: "đã đạt trở lại",
    ItemKind.DOSSIER: "thẩm định hồ sơ",
    ItemKind.DUTY: "nhiệm vụ định kỳ",
    ItemKind.ROLLUP: "kết quả tổng hợp phần y tế",
    ItemKind.REPORT: "báo cáo tổng hợp",
    ItemKind.DRILL: "diễn tập",
}


HOLDS_SIGN = {Operator.AT_LEAST: "≥", Operator.AT_MOST: "≤", Operator.MORE_THAN: ">", Operator.LESS_THAN: "<"}
MISSES_SIGN = {Operator.AT_LEAST: "<", Operator.AT_MOST: ">", Operator.MORE_THAN: "≤", Operator.LESS_THAN: "≥"}
CEILINGS = frozenset({Operator.AT_MOST, Operator.LESS_THAN})
