"""What a dry run of `datchuan import` would change, for people: by commune, and by whom it would be told to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from shared.contracts.labels_vi import REASON_VI, STATUS_VI

_STATUSES_VI: Final = {status.value: text for status, text in STATUS_VI.items()}
_WHY_VI: Final = {reason.value: text for reason, text in REASON_VI.items()}
_EN: Final = {
    "alone": "Each file is foreseen alone, as if it were the only one: what several of them change together is not.",
    "change": "would change in {}:", "missing": "{} missing", "more": "and {} more verdicts would change.",
    "told": "would be told: {}: {} verdict(s) in {}", "nobody": "would be told to nobody ({}): {}: {} verdict(s) in {}",
    "more alerts": "and {} more notices would be given.", "first": "first {}: {}", "by": "by",
}  # fmt: skip
_VI: Final = {
    "alone": "Mỗi tệp được dự báo riêng, như thể chỉ gửi một tệp đó: chưa tính khi gửi nhiều tệp cùng nhau.",
    "change": "sẽ thay đổi tại {}:", "missing": "còn thiếu {}", "more": "và {} kết quả khác sẽ thay đổi.",
    "told": "sẽ nhận thông báo: {}: {} kết quả tại {}",
    "nobody": "không có nơi nhận ({}): {}: {} kết quả tại {}",
    "more alerts": "và {} thông báo khác.", "first": "đầu tiên {}: {}", "by": "qua",
}  # fmt: skip
_MOST_COMMUNES: Final = 3


def forecast_lines(forecasts: Mapping[str, Mapping[str, Any]], *, is_vi: bool) -> Iterator[str]:
    """Yield the lines on the forecasts of files, by their names; programs get all of it as JSON."""
    words = _VI if is_vi else _EN
    if len(forecasts) > 1:
        yield words["alone"]
    for path, forecast in forecasts.items():
        lines = [*_verdict_lines(forecast, words, is_vi=is_vi), *_alert_lines(forecast, words, is_vi=is_vi)]
        note = forecast.get("note_vi" if is_vi else "note")
        lines += [str(note)] if note else []
        if len(forecasts) > 1 and lines:
            yield f"{path}:"
        yield from lines


def _verdict_lines(forecast: Mapping[str, Any], words: Mapping[str, str], *, is_vi: bool) -> Iterator[str]:
    by_unit: dict[str, list[Mapping[str, Any]]] = {}
    for verdict in forecast.get("verdicts", ()):
        by_unit.setdefault(verdict.get("unit", ""), []).append(verdict)
    for unit, verdicts in by_unit.items():
        name = str(verdicts[0].get("unit_name_vi") or "")
        yield words["change"].format(f"{name} ({unit})" if name else unit)
        for verdict in verdicts:
            text = str(verdict.get("text_vi") or "").removeprefix(f"{name}: ")
            yield f"  {text or _change(verdict, words, is_vi=is_vi)}"
    if forecast.get("omitted"):
        yield words["more"].format(forecast["omitted"])


def _change(verdict: Mapping[str, Any], words: Mapping[str, str], *, is_vi: bool) -> str:
    """Return the line on a verdict for which the forecast has no words."""
    before, after, why = (str(verdict.get(name) or "") for name in ("from_status", "to_status", "reason"))
    if is_vi:
        before, after, why = _STATUSES_VI.get(before, before), _STATUSES_VI.get(after, after), _WHY_VI.get(why, why)
    gap = f", {words['missing'].format(verdict['gap'])}" if verdict.get("gap") else ""
    named = f"{verdict.get('node', '')} {verdict.get('node_name_vi') or ''}".strip()
    return f"{named}: {before} → {after} ({why}{gap})"


def _alert_lines(forecast: Mapping[str, Any], words: Mapping[str, str], *, is_vi: bool) -> Iterator[str]:
    names = {verdict.get("unit", ""): verdict.get("unit_name_vi") for verdict in forecast.get("verdicts", ())}
    by_addressee: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for alert in forecast.get("alerts", ()):
        key = tuple(str(alert.get(name) or "") for name in ("addressee_vi", "role", "channel", "unroutable"))
        by_addressee.setdefault(key, []).append(alert)
    for (addressee, role, channel, unroutable), alerts in by_addressee.items():
        first = alerts[0]
        named = first.get("role_vi") or role if is_vi else role
        whom = f"{addressee} ({named})" + (f" {words['by']} {channel}" if channel else "")
        nodes = len({(alert.get("unit"), alert.get("node")) for alert in alerts})
        told = (whom, nodes, _communes(alerts, names))
        clause = " ".join(str(first.get(name) or "") for name in ("dispatch", "clause")).strip()
        what = first.get("text_vi") or f"{first.get('node', '')} {first.get('unit', '')}"
        head = words["nobody"].format(unroutable, *told) if unroutable else words["told"].format(*told)
        yield f"{head}; {words['first'].format(clause, what)}"
    if forecast.get("alerts_omitted"):
        yield words["more alerts"].format(forecast["alerts_omitted"])


def _communes(alerts: Sequence[Mapping[str, Any]], names: Mapping[str, Any]) -> str:
    """Return the units of some alerts, the first of them by name."""
    units = list(dict.fromkeys(str(alert.get("unit", "")) for alert in alerts))
    shown = ", ".join(str(names.get(unit) or unit) for unit in units[:_MOST_COMMUNES])
    return shown if len(units) <= _MOST_COMMUNES else f"{shown}, … ({len(units)})"
