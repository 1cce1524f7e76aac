"""What `datchuan import` prints: counts of each file, every conflict in one line, and what a dry run would change."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from datchuan.cli.forecast_lines import forecast_lines
from datchuan.cli.output import console, print_json, table
from datchuan.errors import as_sentence
from datchuan.labels import QUARANTINE_REASON_VI
from datchuan.sending.folders import Found
from datchuan.sending.tallies import Tally


class Lang(StrEnum):
    """The language of a report for people."""

    EN = "en"
    VI = "vi"


_COLUMNS: Final = (
    ("rows", "rows", "số dòng"), ("accepted", "accepted", "nhận mới"), ("updated", "updated", "đính chính"),
    ("deleted", "deleted", "hủy"), ("duplicates", "duplicates", "trùng"), ("stale", "stale", "cũ hơn"),
    ("quarantined", "set aside", "chờ xử lý"), ("refused", "refused", "từ chối"),
)  # fmt: skip
_WORDS: Final = {
    Lang.EN: {
        "file": "file", "title": "Dry run: nothing was stored", "passed over": "passed over", "refused": "refused",
        "more": "more conflicts", "see": "; `datchuan quarantine list` shows all that were set aside",
        "but": "taken, but", "and": "and {} more", "event": "event",
        "offline": "No ingest was asked: which rows are known already, and which verdicts would change, is not known. "
        "Start one with `datchuan up`, or give --url.",
    },
    Lang.VI: {
        "file": "tệp", "title": "Chạy thử: chưa lưu số liệu nào", "passed over": "bỏ qua", "refused": "bị từ chối",
        "more": "lỗi khác", "see": "; lệnh `datchuan quarantine list` liệt kê mọi số liệu chờ xử lý",
        "but": "đã nhận, nhưng", "and": "và {} chỗ khác", "event": "bản ghi",
        "offline": "Chưa hỏi dịch vụ tiếp nhận: chưa biết dòng nào đã có và kết quả đánh giá nào sẽ thay đổi. Chạy "
        "`datchuan up`, hoặc nêu --url.",
    },
}  # fmt: skip
_REASONS_VI: Final = {reason.value: text for reason, text in QUARANTINE_REASON_VI.items()}


def print_json_report(tallies: Mapping[str, Tally], found: Found, *, dry_run: bool, is_offline: bool) -> None:
    """Print one JSON document on all files."""
    total = sum(tallies.values(), Tally())
    files = [
        {
            "file": path, **tally.counts, "conflicts": tally.conflicts, "conflicts_omitted": tally.conflicts_omitted,
            "remarks": tally.remarks, "problem": tally.problem or None, "forecast": tally.forecast or None,
        }
        for path, tally in tallies.items()
    ]  # fmt: skip
    skipped = [{"file": file, "reason": reason} for file, reason in found.skipped]
    print_json(
        {
            "dry_run": dry_run, "knows_duplicates": not is_offline, **total.counts,
            "files_refused": sum(1 for tally in tallies.values() if tally.problem),
            "files": files, "skipped": skipped,
        }
    )  # fmt: skip


def print_report(
    tallies: Mapping[str, Tally], found: Found, *, dry_run: bool, is_offline: bool, lang: Lang = Lang.EN
) -> None:
    """Print a table of counts, and below it what must be looked at: all conflicts first, then the forecasts."""
    out, words = console(), _WORDS[lang]
    titles = [vi if lang is Lang.VI else en for _, en, vi in _COLUMNS]
    shown = table(words["title"] if dry_run else "", words["file"], *titles)
    for path, tally in tallies.items():
        counts = tally.counts
        shown.add_row(path, *(str(counts[name]) for name, *_ in _COLUMNS))
    out.print(shown)
    for line in _lines(tallies, found, dry_run=dry_run, lang=lang):
        out.print(line, soft_wrap=True)
    forecasts = {path: tally.forecast for path, tally in tallies.items() if tally.forecast}
    for line in forecast_lines(forecasts, is_vi=lang is Lang.VI):
        out.print(line, soft_wrap=True)
    if is_offline:
        out.print(words["offline"], soft_wrap=True)


def _lines(tallies: Mapping[str, Tally], found: Found, *, dry_run: bool, lang: Lang) -> Iterator[str]:
    words = _WORDS[lang]
    for file, reason in found.skipped:
        yield f"{file}: {words['passed over']}: {reason}."
    for path, tally in tallies.items():
        if tally.problem:
            yield f"{path}: {words['refused']}: {tally.problem}"
        for conflict in tally.conflicts:
            yield f"{path}, {conflict_line(conflict, lang)}"
        if tally.conflicts_omitted:
            yield f"{path}: {tally.conflicts_omitted} {words['more']}{'' if dry_run else words['see']}."
        for remark in tally.remarks:
            text = remark.get("text_vi" if lang is Lang.VI else "text", "")
            yield f"{path}, {remark.get('place', '?')}: {words['but']}: {text}"


def conflict_line(conflict: Mapping[str, Any], lang: Lang = Lang.EN) -> str:
    """Return one line on a row that was not taken: where it stands, its id, the value at fault, what to do.

    >>> conflict_line({"place": "line 2", "id": "e-1", "code": "zero_denominator", "field": "denominator",
    ...     "value": "0", "detail": "", "remedy": "Send more."})
    "line 2, event e-1: zero_denominator denominator='0' – Send more."
    """
    words, code = _WORDS[lang], str(conflict.get("code", ""))
    remedy = conflict.get("remedy_vi" if lang is Lang.VI else "remedy", "")
    said = " ".join(as_sentence(str(text)) for text in (conflict.get("detail", ""), remedy) if text)
    mates = len(conflict.get("places", ())) - 1
    more = f" ({words['and'].format(mates)})" if mates > 0 else ""
    of_event = f", {words['event']} {conflict['id']}" if conflict.get("id") else ""
    reason = _REASONS_VI.get(code, code) if lang is Lang.VI else code
    fault = f"{conflict.get('field', '')}={conflict.get('value', '')!r}"
    return f"{conflict.get('place', '?')}{more}{of_event}: {reason} {fault} – {said}"
