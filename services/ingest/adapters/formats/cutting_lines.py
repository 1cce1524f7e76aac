"""Cuts bodies whose rows are lines (NDJSON) or records (CSV), in which a quoted field may hold line ends."""

import codecs
import mmap
import re
from typing import Final

from services.ingest.adapters.formats.dhis2_columns import is_header
from services.ingest.adapters.formats.slices import (
    MAX_HEAD_BYTES,
    MAX_ROW_BYTES,
    MAX_ROWS,
    SLICE_BYTES,
    Cutting,
    Relocate,
    Slice,
    row_too_large,
    too_many_rows,
)
from services.ingest.domain.documents import UNDECODABLE
from services.ingest.domain.errors import MalformedBodyError, UnsupportedFormatError
from services.ingest.domain.native import decode_fast, diagnose
from services.ingest.domain.privacy import refuse_personal_text

_LINE: Final = re.compile(r"line (\d+)")
_NOT_ASCII_LIKE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DELIMITERS: Final = (b",", b";", b"\t")
_RECORDS_BETWEEN_YIELDS: Final = 20_000


def cut_lines(body: mmap.mmap, slice_bytes: int = SLICE_BYTES) -> Cutting:
    """Cut NDJSON; a line that is data of a person refuses the whole body."""
    start = len(codecs.BOM_UTF8) if body[:3] == codecs.BOM_UTF8 else 0
    lines = 0
    slices: list[Slice] = []
    while start < len(body) or not slices:
        end = _end_of_line(body, start, slice_bytes, lines)
        part = body[start:end]
        _refuse_tiny_rows(part, lines + 1)
        yield from _check_events(part)
        slices.append(Slice(start, end, b"", b"", f"line {lines + 1}", str, lines))
        lines += part.count(b"\n")
        start = end
        body.madvise(mmap.MADV_DONTNEED)
    return slices


def _end_of_line(body: mmap.mmap, start: int, slice_bytes: int, lines: int) -> int:
    """Return where the slice ends: after the last line end within it, or after that of its first line."""
    last = body.rfind(b"\n", start, start + slice_bytes)
    if last < 0 or start + slice_bytes >= len(body):
        last = body.find(b"\n", start + slice_bytes, start + MAX_ROW_BYTES)
    if last >= 0:
        return last + 1
    if len(body) - start > MAX_ROW_BYTES:
        raise row_too_large(f"line {lines + 1}")
    return len(body)


def _check_events(part: bytes) -> Cutting:
    """Raise for data of persons; whatever else is wrong with a line is told when it is read."""
    for number, line in enumerate(part.split(b"\n")):
        if number % 2_000 == 0:
            yield
        try:
            decode_fast(line)
        except UNDECODABLE:
            if line.strip():
                diagnose(line)
    return []


def cut_records(body: mmap.mmap, slice_bytes: int = SLICE_BYTES) -> Cutting:
    """Cut CSV; its first record, the header, stands above every slice."""
    if body[:2] in _NOT_ASCII_LIKE:
        raise UnsupportedFormatError("A CSV of this size is read in UTF-8 or a single-byte encoding: convert it.")
    header = _header(body)
    if not is_header(header.decode("utf-8-sig", "replace").strip().partition("\r")[0]):
        raise MalformedBodyError(
            "A CSV of this size needs DHIS2's header (dataelement, period, ...) as its first line."
        )
    record = _record(header)
    found = record.match(body, 0, MAX_HEAD_BYTES)
    first_data = found.end() if found else 0
    if not 0 < first_data < MAX_HEAD_BYTES:
        raise MalformedBodyError("The first line is no header: it does not end.")
    head = body[:first_data]
    above = _line_ends(head)
    slices: list[Slice] = []
    start, line, count = first_data, above + 1, 0
    position = start
    while position < len(body):
        ending = record.match(body, position, position + MAX_ROW_BYTES)
        if ending is None or ending.end() == position or _is_cut_off(body, ending.end(), position):
            raise row_too_large(f"line {line + _line_ends(body[start:position])}")
        position, count = ending.end(), count + 1
        if position - start >= slice_bytes:
            line = _add(slices, body, start, position, head, above, line)
            start = position
            yield
        elif count % _RECORDS_BETWEEN_YIELDS == 0:
            _refuse_tiny_rows(body[start:position], line)
            yield
    if start < len(body) or not slices:
        _add(slices, body, start, len(body), head, above, line)
    return slices


def _add(slices: list[Slice], body: mmap.mmap, start: int, end: int, head: bytes, above: int, line: int) -> int:
    """Add a slice and return the line after it."""
    part = body[start:end]
    refuse_personal_text(part)
    slices.append(Slice(start, end, head, b"", f"line {line}", _later_lines(line - above - 1)))
    body.madvise(mmap.MADV_DONTNEED)
    return line + _line_ends(part)


def _is_cut_off(body: mmap.mmap, end: int, start: int) -> bool:
    """Return whether a record only ended because no more of the body was looked at."""
    return end - start >= MAX_ROW_BYTES and end < len(body) and body[end - 1 : end] not in (b"\n", b"\r")


def _header(body: mmap.mmap) -> bytes:
    line = body[:MAX_HEAD_BYTES].partition(b"\n")[0]
    if not line.strip():
        raise MalformedBodyError("The first line is empty; it must be the header.")
    return line


def _record(header: bytes) -> re.Pattern[bytes]:
    """Return what one record looks like, delimited as the header is: quotes count at the start of a field only."""
    delimiter = re.escape(max(_DELIMITERS, key=header.count))
    plain = rb"[^\r\n" + delimiter + rb"]*+"
    field = rb'(?:"(?:[^"]++|"")*+(?:"' + plain + rb"|\Z)|" + plain + rb")"
    return re.compile(field + rb"(?:" + delimiter + field + rb")*+(?:\r\n|\r|\n|\Z)")


def _refuse_tiny_rows(part: bytes, line: int) -> None:
    count = _line_ends(part)
    if count > MAX_ROWS:
        raise too_many_rows(f"line {line + count}")


def _line_ends(text: bytes) -> int:
    return text.count(b"\n") or text.count(b"\r")


def _later_lines(by: int) -> Relocate:
    return lambda place: _LINE.sub(lambda found: f"line {int(found[1]) + by}", place, count=1)
