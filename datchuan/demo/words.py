"""The words of the demonstration, in Vietnamese with English beneath."""

from datchuan.demo.snapshot import Change
from shared.contracts.labels_vi import STATUS_VI

TITLE_VI = "Đạt Chuẩn – theo dõi phần y tế của nông thôn mới"
TITLE_EN = "watches the health part of the New Rural Development criteria"
NOTICE_VI = "SỐ LIỆU LÀ GIẢ LẬP, địa chỉ thư là mẫu (.example): không phải kết quả thật của xã nào."
NOTICE_EN = "THE FIGURES ARE SYNTHETIC and the mail addresses are samples (.example): no real result of any commune."


def change_line(change: Change) -> str:
    """Return a transition as one line."""
    return (
        f"{change.commune_vi} · {change.node}: {STATUS_VI[change.from_status]} → {STATUS_VI[change.to_status]}"
        f" ({change.to_reason.value})"
    )
