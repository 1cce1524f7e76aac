"""The native format: one JSON event, a JSON array of them, or one event a line (NDJSON)."""

import codecs
from collections.abc import Iterator
from typing import Final

import msgspec

from services.ingest.domain.documents import MAX_VALUES, UNDECODABLE, decode_document, refuse_crowded
from services.ingest.domain.errors import BodyTooLargeError, MalformedBodyError
from services.ingest.domain.faults import Fault, RefusedError
from services.ingest.domain.native import NativeEvent, decode_fast, diagnose, event_from, repeats_names
from services.ingest.domain.reading import Desk, Reading, RowKind, drafts, judge
from shared.contracts.wire import IndicatorReported

ROWS_PER_SLICE: Final = 2_000
# A row that only the careful decoder reads takes many times as long.
_SLOW_ROWS_PER_SLICE: Final = 50

_decode_rows: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _OnlyId(msgspec.Struct):
    id: str | None = None


_decode_id: Final = msgspec.json.Decoder(_OnlyId).decode


def read_ndjson(body: bytes, desk: Desk, reading: Reading) -> Iterator[None]:
    """Read one event a line into `reading`; yields now and then so that a large body lets others work."""
    reading.row_kind = RowKind.LINE
    if not body.strip():
        raise MalformedBodyError("The body is empty.")
    if body.count(b"\n") > MAX_VALUES:
        raise BodyTooLargeError(f"The body has more than {MAX_VALUES} lines: send it in smaller parts.")
    lines = body.removeprefix(codecs.BOM_UTF8).split(b"\n")
    yield from _read_rows(lines, reading.first_row + 1, desk, reading)


def read_json(body: bytes, desk: Desk, reading: Reading) -> Iterator[None]:
    """Read one event or an array of events into `reading`."""
    body = body.removeprefix(codecs.BOM_UTF8)
    if body.lstrip()[:1] != b"[":
        yield from _read_rows([_whole(body)], reading.first_row, desk, reading)
        return
    refuse_crowded(body)
    try:
        rows = _decode_rows(body)
    except UNDECODABLE:
        yield from _read_loose_array(body, desk, reading)
        return
    yield from _read_rows([bytes(row) for row in rows], reading.first_row, desk, reading)


def _read_rows(rows: list[bytes], first: int, desk: Desk, reading: Reading) -> Iterator[None]:
    """Judge row after row: the hot loop of the service."""
    allowed, normalize, limits = desk.allowed, desk.normalizer.normalize, desk.limits
    blank, number, slow = 0, first - 1, 0
    for start in range(0, len(rows), ROWS_PER_SLICE):
        yield
        good: list[tuple[int, IndicatorReported, bytes]] = []
        for raw in rows[start : start + ROWS_PER_SLICE]:
            number += 1
            try:
                event = decode_fast(raw)
                seen: NativeEvent | None = event
                is_doubtful = repeats_names(raw, event)
            except UNDECODABLE:
                if not raw.strip():
                    blank += 1
                    continue
                seen, is_doubtful = None, True
            if is_doubtful:
                slow += 1
                if slow % _SLOW_ROWS_PER_SLICE == 0:
                    yield
                found = diagnose(raw)
                if isinstance(found, Fault):
                    reading.refuse(number, found, raw.rstrip(b"\r"), seen.id if seen else _id_of(raw))
                    continue
                event = seen or found
            source = event.source
            report = normalize(event, source, limits) if source in allowed else judge(desk, event)
            if type(report) is Fault:
                reading.refuse(number, report, raw.rstrip(b"\r"), event.id)
            else:
                good.append((number, report, raw))
        reading.good += drafts(good)
    reading.rows += len(rows) - blank


def _whole(body: bytes) -> bytes:
    """Return a body that is one JSON document; a body that is none is refused as a whole."""
    if not body.strip():
        raise MalformedBodyError("The body is empty.")
    try:
        decode_document(body)
    except RefusedError as refused:
        raise MalformedBodyError(f"The body is not JSON: {refused.fault.detail}.") from None
    return body


def _read_loose_array(body: bytes, desk: Desk, reading: Reading) -> Iterator[None]:
    """Read an array that only a lenient parser takes (NaN among the numbers), or refuse the body."""
    try:
        document = decode_document(body)
    except RefusedError as refused:
        raise MalformedBodyError(f"The body is not JSON: {refused.fault.detail}.") from None
    rows = document if isinstance(document, list) else [document]
    for number, row in enumerate(rows, reading.first_row):
        if number % ROWS_PER_SLICE == 0:
            yield
        raw = msgspec.json.encode(row)
        try:
            reading.take(desk, event_from(row), number, raw)
        except RefusedError as refused:
            reading.refuse(number, refused.fault, raw, _id_of(raw))
    reading.rows += len(rows)


def _id_of(raw: bytes) -> str | None:
    """Return the id of a row that is otherwise unreadable, if it can still be read."""
    try:
        return _decode_id(raw).id
    except UNDECODABLE:
        return None
