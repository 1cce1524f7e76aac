"""What an addressee is asked to do, by role and by what is told."""

from services.notifier.domain.facts import Facts
from services.notifier.domain.grouping import ItemKind
from services.notifier.domain.labels_vi import CEILINGS, HOLDS_SIGN
from services.notifier.domain.numbers_vi import count_vi
from shared.contracts.labels_vi import REASON_VI
from shared.contracts.vocabulary import AlertKind, Role

_BREACH = {
    Role.LEAD: "Chủ trì, phối hợp với các đơn vị liên quan khắc phục: {goal}.",
    Role.DIRECTING: "Trực tiếp chỉ đạo, đôn đốc khắc phục: {goal}.",
    Role.COORDINATING: "Phối hợp trong phần việc được giao để khắc phục: {goal}.",
    Role.CONSOLIDATING: "Theo dõi, đôn đốc các đơn vị khắc phục; đưa vào báo cáo tổng hợp.",
    Role.IMPLEMENTING: "Triển khai tại địa bàn: {goal}.",
    Role.DATA: "Rà soát, thống kê lại danh sách phục vụ thẩm định, đánh giá.",
}

_GAP = {
    Role.LEAD: "Đôn đốc đơn vị báo cáo bổ sung số liệu ({missing}).",
    Role.DIRECTING: "Chỉ đạo, đôn đốc đơn vị báo cáo bổ sung số liệu ({missing}).",
    Role.COORDINATING: "Phối hợp cung cấp số liệu thuộc phần việc được giao ({missing}).",
    Role.CONSOLIDATING: "Theo dõi, đôn đốc việc bổ sung số liệu ({missing}).",
    Role.IMPLEMENTING: "Rà soát và báo cáo bổ sung số liệu ({missing}).",
    Role.DATA: "Rà soát, thống kê danh sách và cung cấp số liệu còn thiếu ({missing}).",
}

_RESOLVED_VI = "Tiếp tục duy trì kết quả; không phải xử lý thêm."
_ROLLUP_VI = "Ghi nhận vào báo cáo tổng hợp phần y tế."


def action(role: Role, kind: ItemKind, facts: Facts | None) -> str | None:
    """Return what a unit in this role is asked to do, or None when nothing is asked of the role."""
    if kind in (ItemKind.RESOLVED, ItemKind.OPENED_AND_RESOLVED):
        return _RESOLVED_VI
    if kind is ItemKind.ROLLUP or facts is None:
        return _ROLLUP_VI
    if facts.alert.kind is AlertKind.DATA_GAP:
        words = _GAP.get(role)
        return None if words is None else words.format(missing=_missing(facts))
    words = _BREACH.get(role)
    return None if words is None else words.format(goal=_goal(facts))


def _goal(facts: Facts) -> str:
    finding = facts.finding()
    if finding is None or not finding.gap or facts.operator not in HOLDS_SIGN:
        return f"bảo đảm yêu cầu {facts.requirement()}"
    verb = "giảm" if facts.operator in CEILINGS else "có thêm"
    return f"cần {verb} ít nhất {count_vi(finding.gap)} {facts.counted(finding.cell)} để bảo đảm {facts.requirement()}"


def _missing(facts: Facts) -> str:
    finding = facts.finding()
    reason = REASON_VI[facts.alert.evidence.reason] if finding is None else facts.measure(finding)
    return reason if not facts.cell_suffix else f"{facts.cell_suffix[2:-1]}: {reason}"
