"""Vietnamese labels of closed lists, as tables and explanations print them."""

from shared.contracts.vocabulary import Confidence, Role, Sector, Sex, VerdictStatus

STATUS_VI = {
    VerdictStatus.MET: "đạt",
    VerdictStatus.NOT_MET: "chưa đạt",
    VerdictStatus.NOT_EVALUABLE: "chưa đánh giá được",
    VerdictStatus.NOT_APPLICABLE: "không áp dụng",
}
STATUS_STYLE = {
    VerdictStatus.MET: "green",
    VerdictStatus.NOT_MET: "bold red",
    VerdictStatus.NOT_EVALUABLE: "yellow",
    VerdictStatus.NOT_APPLICABLE: "dim",
}
ROLE_VI = {
    Role.LEAD: "chủ trì",
    Role.DIRECTING: "trực tiếp chỉ đạo, đôn đốc",
    Role.COORDINATING: "phối hợp",
    Role.CONSOLIDATING: "tổng hợp theo dõi",
    Role.APPRAISING: "thẩm định",
    Role.IMPLEMENTING: "triển khai thực hiện",
    Role.DATA: "rà soát, thống kê số liệu",
}
CELL_VI = {
    "": "",
    Sex.MALE.value: "nam",
    Sex.FEMALE.value: "nữ",
    Sector.HEALTH.value: "ngành Y tế",
    Sector.INDUSTRY_TRADE.value: "ngành Công Thương",
    Sector.AGRICULTURE.value: "ngành Nông nghiệp",
}
CONFIDENCE_VI = {
    Confidence.VERIFIED: "verified (đã đọc trong nguồn)",
    Confidence.RECALLED: "recalled (chưa đối chiếu văn bản)",
    Confidence.UNCERTAIN: "uncertain (chưa chắc chắn)",
}


def status_vi(status: str) -> str:
    """Return the Vietnamese word for a verdict with its own style markup."""
    known = VerdictStatus(status)
    return f"[{STATUS_STYLE[known]}]{STATUS_VI[known]}[/]"


def cell_vi(cell: str) -> str:
    """Return the Vietnamese word for a sex or sector, the cell itself when it is neither."""
    return CELL_VI.get(cell, cell)
