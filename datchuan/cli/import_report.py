"""What `datchuan import` prints: counts of each file, every conflict in one line, and what a dry run would change."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from datchuan.cli.output import console, print_json, table
from datchuan.errors import as_sentence
from datchuan.sending.folders import Found
from datchuan.sending.tallies import Tally

_COLUMNS: Final = (
    ("rows", "rows"), ("accepted", "accepted"), ("updated", "updated"), ("deleted", "deleted"),
    ("duplicates", "duplicates"), ("stale", "stale"), ("quarantined", "set aside"), ("refused", "refused"),
)  # fmt: skip
_OFFLINE: Final = (
    "No ingest was asked: which rows are known already, and which verdicts would change, is not known. Start one with "
    "`datchuan up`, or give --url."
)


class Lang(StrEnum):
    """The language of remedies."""

    EN = "en"
    VI = "vi"


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
    """Print a table of counts, and below it what must be looked at."""
    out = console()
    shown = table("Dry run: nothing was stored" if dry_run else "", "file", *(title for _, title in _COLUMNS))
    for path, tally in tallies.items():
        counts = tally.counts
        shown.add_row(path, *(str(counts[name]) for name, _ in _COLUMNS))
    out.print(shown)
    for line in _lines(tallies, found, dry_run=dry_run, lang=lang):
        out.print(line, soft_wrap=True)
    if is_offline:
        out.print(_OFFLINE, soft_wrap=True)


def _lines(tallies: Mapping[str, Tally], found: Found, *, dry_run: bool, lang: Lang) -> Iterator[str]:
    for file, reason in found.skipped:
        yield f"{file}: passed over: {reason}."
    for path, tally in tallies.items():
        if tally.problem:
            yield f"{path}: refused: {tally.problem}"
        for conflict in tally.conflicts:
            yield f"{path}, {conflict_line(conflict, lang)}"
        if tally.conflicts_omitted:
            where = "" if dry_run else "; `datchuan quarantine list` shows all that were set aside"
            yield f"{path}: {tally.conflicts_omitted} more conflicts{where}."
        for remark in tally.remarks:
            text = remark.get("text_vi" if lang is Lang.VI else "text", "")
            yield f"{path}, {remark.get('place', '?')}: taken, but: {text}"
        yield from _forecast_lines(tally.forecast, lang)


def conflict_line(conflict: Mapping[str, Any], lang: Lang = Lang.EN) -> str:
    """Return one line on a row that was not taken: where it stands, its id, the value at fault, what to do.

    >>> conflict_line({"place": "line 2", "id": "e-1", "code": "zero_denominator", "field": "denominator",
    ...     "value": "0", "detail": "", "remedy": "Send more."})
    "line 2, event e-1: zero_denominator denominator='0' – Send more."
    """
    remedy = conflict.get("remedy_vi" if lang is Lang.VI else "remedy", "")
    said = " ".join(as_sentence(str(text)) for text in (conflict.get("detail", ""), remedy) if text)
    mates = len(conflict.get("places", ())) - 1
    more = f" (and {mates} more)" if mates > 0 else ""
    of_event = f", event {conflict['id']}" if conflict.get("id") else ""
    fault = f"{conflict.get('field', '')}={conflict.get('value', '')!r}"
    return f"{conflict.get('place', '?')}{more}{of_event}: {conflict.get('code', '')} {fault} – {said}"


def _forecast_lines(forecast: Mapping[str, Any], lang: Lang) -> Iterator[str]:
    for verdict in forecast.get("verdicts", ()):
        text = verdict.get("text_vi") or f"{verdict.get('node', '')} {verdict.get('node_name_vi', '')}"
        gap = f", {verdict['gap']} missing" if verdict.get("gap") else ""
        change = f"{verdict.get('from_status', '')} → {verdict.get('to_status', '')} ({verdict.get('reason', '')}{gap})"
        yield f"would change: {verdict.get('unit_name_vi', '')} ({verdict.get('unit', '')}): {text}: {change}"
    for alert in forecast.get("alerts", ()):
        by = " ".join(str(alert.get(name) or "") for name in ("dispatch", "clause")).strip()
        whom = f"{alert.get('addressee_vi', '')} ({alert.get('role', '')})"
        where = f" by {alert['channel']}" if alert.get("channel") else ""
        nobody = f"would be told to nobody ({alert['unroutable']})" if alert.get("unroutable") else "would be told"
        what = alert.get("text_vi") or f"{alert.get('node', '')} of {alert.get('unit', '')}"
        yield f"{nobody}: {whom}{where}, {by}: {what}"
    if forecast.get("omitted"):
        yield f"and {forecast['omitted']} more verdicts would change."
    note = forecast.get("note_vi" if lang is Lang.VI else "note")
    if note:
        yield str(note)
