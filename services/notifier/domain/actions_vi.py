"""What an addressee is asked to do, and what it is told a thing for, by role and by what is told."""

from services.notifier.domain.facts import Facts
from services.notifier.domain.grouping import ItemKind
from services.notifier.domain.labels_vi import CEILINGS, HOLDS_SIGN
from services.notifier.domain.numbers_vi import count_vi
from shared.contracts.labels_vi import REASON_VI
from shared.contracts.vocabulary import AlertKind, Cause, Operator, Role

# What a message is for, where the role itself is no call to act on the chỉ tiêu.
PURPOSE_VI = {
    Role.COORDINATING: "để phối hợp",
    Role.CONSOLIDATING: "để theo dõi, tổng hợp",
    Role.APPRAISING: "để phục vụ thẩm định hồ sơ, đánh giá kết quả",
    Role.INFORMED: "để biết",
    Role.SUPERIOR: "để chỉ đạo theo thẩm quyền, do quá thời hạn theo quy định của địa phương",
}

UNROUTED_VI = "vì tin không gửi được cho đơn vị có trách nhiệm (theo quy định của địa phương)"
SETTLE_VI = "Xác định đơn vị có trách nhiệm, bổ sung văn bản phân công hoặc địa chỉ nhận tin."

_BREACH = {
    Role.LEAD: "Chủ trì, phối hợp với các đơn vị liên quan khắc phục: {goal}.",
    Role.DIRECTING: "Trực tiếp chỉ đạo, đôn đốc khắc phục: {goal}.",
    Role.COORDINATING: "Phối hợp trong phần việc được giao để khắc phục: {goal}.",
    Role.CONSOLIDATING: "Theo dõi, đôn đốc các đơn vị khắc phục; đưa vào báo cáo tổng hợp.",
    Role.APPRAISING: "Xem xét khi thẩm định hồ sơ, đánh giá kết quả.",
    Role.IMPLEMENTING: "Triển khai tại địa bàn: {goal}.",
    Role.DATA: "Rà soát, thống kê lại danh sách phục vụ thẩm định, đánh giá.",
}

_GAP = {
    Role.LEAD: "Đôn đốc đơn vị báo cáo bổ sung số liệu ({missing}).",
    Role.DIRECTING: "Chỉ đạo, đôn đốc đơn vị báo cáo bổ sung số liệu ({missing}).",
    Role.COORDINATING: "Phối hợp cung cấp số liệu thuộc phần việc được giao ({missing}).",
    Role.CONSOLIDATING: "Theo dõi, đôn đốc việc bổ sung số liệu ({missing}).",
    Role.APPRAISING: "Xem xét khi thẩm định hồ sơ, đánh giá kết quả ({missing}).",
    Role.IMPLEMENTING: "Rà soát và báo cáo bổ sung số liệu ({missing}).",
    Role.DATA: "Rà soát, thống kê danh sách và cung cấp số liệu còn thiếu ({missing}).",
}

_AT_RISK = {
    Role.LEAD: "Chủ trì rà soát nguyên nhân, có biện pháp giữ kết quả: {requirement}.",
    Role.DIRECTING: "Chỉ đạo, đôn đốc rà soát nguyên nhân, giữ kết quả: {requirement}.",
    Role.COORDINATING: "Phối hợp rà soát trong phần việc được giao.",
    Role.CONSOLIDATING: "Theo dõi; chưa phải cảnh báo chưa đạt.",
    Role.IMPLEMENTING: "Rà soát tại địa bàn, giữ kết quả: {requirement}.",
    Role.DATA: "Rà soát danh sách, xác nhận số liệu.",
}

_FLAPPING = {
    Role.LEAD: "Chủ trì làm rõ vì sao kết quả lúc đạt, lúc chưa đạt và khắc phục dứt điểm.",
    Role.DIRECTING: "Chỉ đạo làm rõ vì sao kết quả lúc đạt, lúc chưa đạt và khắc phục dứt điểm.",
    Role.COORDINATING: "Phối hợp làm rõ nguyên nhân trong phần việc được giao.",
    Role.CONSOLIDATING: "Theo dõi; kết quả cuối sẽ được báo khi đã ổn định.",
    Role.IMPLEMENTING: "Rà soát tại địa bàn vì sao kết quả lúc đạt, lúc chưa đạt.",
    Role.DATA: "Rà soát, đối chiếu số liệu các lần báo cáo.",
}

_ESCALATED = {
    Role.CONSOLIDATING: "Đôn đốc đơn vị có trách nhiệm báo cáo kết quả; đưa vào báo cáo tổng hợp.",
    Role.SUPERIOR: "Xem xét, chỉ đạo đơn vị có trách nhiệm khắc phục: {goal}.",
}

_DOSSIER = {
    Role.APPRAISING: "Thẩm định hồ sơ, đánh giá kết quả phần y tế theo nhiệm vụ được giao.",
    Role.CONSOLIDATING: "Tổng hợp hồ sơ, theo dõi việc thẩm định phần y tế.",
}

_UNTIL_NOW = frozenset({ItemKind.REMINDER, ItemKind.ESCALATED})
_RESOLVED_VI = "Tiếp tục duy trì kết quả; không phải xử lý thêm."
_CORRECTED_VI = "Không phải xử lý thêm."
_ROLLUP_VI = "Ghi nhận vào báo cáo tổng hợp phần y tế."
_INFORMED_VI = "Không yêu cầu xử lý."


def action(role: Role, kind: ItemKind, facts: Facts | None) -> str | None:
    """Return what a unit in this role is asked to do, or None when nothing is asked of the role."""
    if kind in (ItemKind.RESOLVED, ItemKind.OPENED_AND_RESOLVED):
        corrected = facts is not None and facts.alert.end_cause is Cause.CORRECTION
        return _CORRECTED_VI if corrected else _RESOLVED_VI
    if role is Role.INFORMED:
        return _INFORMED_VI
    if kind is ItemKind.DOSSIER:
        return _DOSSIER.get(role, "Phối hợp cung cấp hồ sơ, số liệu phục vụ thẩm định.")
    if kind is ItemKind.ROLLUP or facts is None:
        return _ROLLUP_VI
    words = _words(role, kind, facts.alert.kind)
    if words is None:
        return None
    return words.format(missing=_missing(facts), goal=_goal(facts), requirement=facts.requirement())


def _words(role: Role, kind: ItemKind, alert_kind: AlertKind) -> str | None:
    if kind is ItemKind.AT_RISK:
        return _AT_RISK.get(role)
    if kind is ItemKind.FLAPPING:
        return _FLAPPING.get(role)
    if kind is ItemKind.ESCALATED and role in _ESCALATED:
        return _ESCALATED[role] if alert_kind is not AlertKind.DATA_GAP else _ESCALATED[Role.CONSOLIDATING]
    words = (_GAP if alert_kind is AlertKind.DATA_GAP else _BREACH).get(role)
    if words is not None and kind in _UNTIL_NOW and role in (Role.LEAD, Role.DIRECTING, Role.IMPLEMENTING):
        return f"{words} Báo cáo kết quả và tiến độ."
    return words


def _goal(facts: Facts) -> str:
    finding = facts.finding()
    if facts.operator is Operator.NO_EVENT_IN_WINDOW:
        return "xử lý sự cố, báo cáo kết quả; không để xảy ra thêm sự cố"
    if facts.operator is Operator.IS_TRUE:
        return f"hoàn thành và xác nhận “{facts.name}”"
    if finding is None or not finding.gap or facts.operator not in HOLDS_SIGN:
        return f"bảo đảm yêu cầu {facts.requirement()}"
    verb = "giảm" if facts.operator in CEILINGS else "có thêm"
    return f"cần {verb} ít nhất {count_vi(finding.gap)} {facts.counted(finding.cell)} để bảo đảm {facts.requirement()}"


def _missing(facts: Facts) -> str:
    finding = facts.finding()
    reason = REASON_VI[facts.alert.evidence.reason] if finding is None else facts.measure(finding)
    return reason if not facts.cell_suffix else f"{facts.cell_suffix[2:-1]}: {reason}"
