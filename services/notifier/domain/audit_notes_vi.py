"""What a line of the audit says beside who was told: every key that is written into its details, in Vietnamese."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from services.notifier.domain.labels_vi import ROLE_VI
from services.notifier.domain.numbers_vi import moment_vi
from services.notifier.domain.report_periods import PERIOD_VI
from services.notifier.domain.report_views import FIGURE_VI
from shared.catalog.catalog import Catalog

HELD_VI = {
    "digest": "gửi trong bản tổng hợp",
    "quiet_hours": "chờ giờ làm việc",
    "silence": "đang tạm ngưng gửi tin",
    "flapping": "dao động, chờ ổn định",
}
NAME_VI = {
    "policy": "quy định của địa phương",
    "subject": "mã",
    "number": "lần/cấp",
    "due": "đến hạn",
    "to": "báo cáo cho",
    "via": "bằng",
    "at": "lúc",
    "until": "hiệu lực đến",
    "next_at": "bước tiếp theo lúc",
    "note": "ghi chú",
    "because": "lý do",
    "reason": "lý do",
    "silence": "mã tạm ngưng",
    "starts_at": "từ",
    "ends_at": "đến",
    "held": "số tin được giữ lại",
    "released": "số tin được gửi lại",
    "roots": "địa bàn",
    "nodes": "chỉ tiêu",
    "responsible_units": "đơn vị",
    "waiting": "số tin chờ gửi lại",
    "entries": "số tin được gửi",
    "held_for": "trước đó",
    "addresses": "địa chỉ",
    "superseded": "số tin đã hết hiệu lực",
    "unreachable": "đơn vị chưa có địa chỉ",
    "acknowledged_by": "người đã xác nhận",
    "acknowledged_at": "xác nhận lúc",
    "unit": "đơn vị",
    "period": "kỳ",
    "start": "từ ngày",
    "end": "đến trước ngày",
    "figures": "số liệu",
    "file": "tệp",
    "sha256": "SHA-256 của tệp",
    "head": "mã niêm phong",
    "dispatch": "văn bản",
    "clause": "điều khoản",
    "standard": "bộ tiêu chí",
    "source": "căn cứ",
    "drill": "mã diễn tập",
}
_VIA_VI = {"link": "liên kết trong thư", "cli": "dòng lệnh", "api": "giao diện lập trình"}
BECAUSE_VI = {
    "closed": "cảnh báo đã đóng",
    "ended": "cảnh báo đã kết thúc",
    "acknowledged": "đã có xác nhận tiếp nhận",
    "began_again": "cảnh báo dao động, đã phát sinh lại",
    "data_back": "đã có lại số liệu",
    "data_late": "số liệu chỉ đến muộn, chưa ai được báo là thiếu",
    "unheard": "cảnh báo đã kết thúc mà đơn vị không nhận tin kết thúc",
}
_WORDS: dict[str, Mapping[str, str]] = {
    "via": _VIA_VI,
    "because": BECAUSE_VI,
    "held_for": HELD_VI,
    "period": {str(period): name for period, name in PERIOD_VI.items()},
}
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def note_of(catalog: Catalog, details: Mapping[str, Any]) -> str:
    """Return the details of a line, each with its Vietnamese name and in words; what is empty is left out."""
    said = ((name, value) for name, value in details.items() if value not in (None, "", [], {}, False))
    return "; ".join(f"{NAME_VI.get(name, name)}: {_plain(value, _word_of(catalog, name))}" for name, value in said)


def moment_of(value: object) -> str:
    """Return a moment that is written in ISO 8601 as officials write it; any other text as it is."""
    try:
        return moment_vi(dt.datetime.fromisoformat(str(value)))
    except ValueError:
        return str(value)


def _word_of(catalog: Catalog, name: str) -> Callable[[str], str]:
    """Return how the values of a key are put in words."""
    match name:
        case "figures":
            return lambda word: FIGURE_VI.get(word, word)
        case "roots":
            return lambda word: catalog.unit_by_id[word].name_vi if word in catalog.unit_by_id else word
        case "to" | "unit" | "responsible_units" | "unreachable":
            names = {unit.id: unit.name_vi for dispatch in catalog.dispatches for unit in dispatch.units}
            known = {**names, **catalog.policies.names, **{str(role): words for role, words in ROLE_VI.items()}}
            return lambda word: known.get(word, word)
        case "dispatch":
            return lambda word: catalog.dispatch_by_id[word].title_vi if word in catalog.dispatch_by_id else word
    words = _WORDS.get(name, {})
    return lambda word: words.get(word, word)


def _plain(value: object, word: Callable[[str], str]) -> str:
    if value is True:
        return "có"
    if isinstance(value, str) and _TIMESTAMP.match(value):
        return moment_of(value)
    if isinstance(value, list):
        return ", ".join(_plain(each, word) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{word(str(name))} {_plain(each, word)}" for name, each in value.items())
    return word(str(value))
