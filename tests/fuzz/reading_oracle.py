"""What must be true of every reading, whatever the bytes were."""

from collections.abc import Hashable

import msgspec

from services.ingest.adapters.set_aside import storable as made_storable
from services.ingest.adapters.web.faces import FACES
from services.ingest.domain.reading import VALUE_FORMATS, Desk, PayloadFormat, Reading
from services.ingest.domain.receipts import Quarantined, Receipt
from services.ingest.domain.report import counts_of, make_report
from shared.contracts.wire import IndicatorReported, IndicatorReportedBatch, decode_indicator_reported, encode
from tests.fuzz.fuzzing import BrokenError

_encode_batch = msgspec.json.Encoder().encode


def check_reading(reading: Reading, desk: Desk) -> Hashable:
    """Raise BrokenError when a reading breaks a promise; return what the rows were."""
    _check_rows(reading)
    _check_good(reading)
    _check_bad(reading)
    _check_report(reading, desk)
    reasons = frozenset((bad.fault.reason.value, bad.fault.field[:30], bad.fault.detail[:12]) for bad in reading.bad)
    return min(len(reading.good), 2), reasons, bool(reading.repeated_rows), len(reading.remarks) > 0


def said(reading: Reading) -> Hashable:
    """Return everything that a reading says, for comparison with another one."""
    good = tuple((draft.row, draft.key, draft.tail, draft.arrival, draft.mates, draft.raw) for draft in reading.good)
    bad = tuple((bad.row, bad.fault, bad.raw, bad.event_id, bad.mates) for bad in reading.bad)
    return good, bad, reading.rows, reading.repeated_rows, tuple(reading.remarks), reading.complete_date


def _check_rows(reading: Reading) -> None:
    """Every row is counted once: taken, set aside, or said again by another."""
    told = [row for draft in reading.good for row in (draft.row, *draft.mates)]
    told += [row for bad in reading.bad for row in (bad.row, *bad.mates)]
    is_native = reading.format in (PayloadFormat.NATIVE_JSON, PayloadFormat.NDJSON)
    if (reading.format in VALUE_FORMATS or is_native) and len(set(told)) != len(told):
        raise BrokenError("a row is told twice")
    if len(told) + reading.repeated_rows != reading.rows:
        raise BrokenError("the rows do not add up")
    for row in set(told):
        if not reading.place(row):
            raise BrokenError("a row has no place")


def _check_good(reading: Reading) -> None:
    """What is good can be read by the evaluator and stored as it is."""
    events = []
    for number, draft in enumerate(reading.good, 1):
        texts = (*draft.key, draft.unit, draft.tail)
        if not all(storable(text) for text in texts) or not all(part.isprintable() for part in draft.key):
            raise BrokenError("a good report has text that cannot be stored")
        events.append(msgspec.json.decode(draft.numbered(number), type=IndicatorReported))
    if not events:
        return
    batch = IndicatorReportedBatch(message_id="m", events=tuple(events))
    if decode_indicator_reported(_encode_batch(batch)) != batch:
        raise BrokenError("a good report is another one behind the wire")
    if any(encode(msgspec.structs.replace(event, seq=0)).decode()[8:] != draft.tail
           for event, draft in zip(events, reading.good, strict=True)):  # fmt: skip
        raise BrokenError("a good report is written in two ways")


def _check_bad(reading: Reading) -> None:
    for bad in reading.bad:
        fault = bad.fault
        told = (fault.field, fault.value, fault.detail, bad.event_id or "", reading.place(bad.row))
        if not all(storable(made_storable(text) or "") for text in told):
            raise BrokenError(f"a fault of {fault.reason} cannot be stored")
        if not fault.value.isprintable() and len(fault.value) > 0:
            raise BrokenError(f"the value of a fault of {fault.reason} cannot be shown")
        if not isinstance(bad.raw, bytes):
            raise BrokenError("a raw row is no bytes")


def _check_report(reading: Reading, desk: Desk) -> None:
    """The one report and its three faces can be told, and their counts add up."""
    receipt = Receipt(quarantined=[Quarantined.of(bad) for bad in reading.bad])
    receipt.count_accepted(reading.good)
    report = make_report(desk.grant.source, reading, receipt)
    counts = counts_of(report)
    if counts.pop("rows") != sum(counts.values()):
        raise BrokenError("the report does not add up")
    for tell, _ in FACES.values():
        tell(report, "file")


def storable(text: str) -> bool:
    """Return whether PostgreSQL takes a text: no NUL, no half of a surrogate pair."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
