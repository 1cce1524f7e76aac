"""Writes bad rows into the quarantine; the same row sent again is counted, not stored again."""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from services.ingest.adapters.driver import Statement
from services.ingest.adapters.submission import Submission
from services.ingest.domain.receipts import Quarantined, Receipt
from shared.runtime.database import Driver

# A row belongs to the request in which it was last seen: a retry reads it with the others of that one.
# A row whose retry had succeeded and that is bad again is open again; one discarded by hand stays discarded.
_SET_ASIDE: Final = Statement(
    "INSERT INTO ingest.quarantine AS known (source, digest, request_id, row, place, format, event_id, reason, field, "
    "value, detail, remedy, remedy_vi, raw, received_at, last_seen_at, seen, status) "
    "SELECT source, digest, request_id, row, place, format, event_id, reason, field, value, detail, remedy, "
    "remedy_vi, raw, at, at, seen, "
    "'open' FROM unnest(CAST(:sources AS text[]), CAST(:digests AS bytea[]), CAST(:requests AS bigint[]), "
    "CAST(:rows AS integer[]), CAST(:places AS text[]), CAST(:formats AS text[]), CAST(:ids AS text[]), "
    "CAST(:reasons AS text[]), CAST(:fields AS text[]), CAST(:values AS text[]), CAST(:details AS text[]), "
    "CAST(:remedies AS text[]), CAST(:remedies_vi AS text[]), CAST(:raws AS bytea[]), "
    "CAST(:received AS timestamptz[]), CAST(:seen AS integer[])) "
    "AS given (source, digest, request_id, row, place, format, event_id, reason, field, value, detail, remedy, "
    "remedy_vi, raw, at, seen) "
    "ORDER BY source, digest "
    "ON CONFLICT (source, digest) DO UPDATE SET seen = known.seen + excluded.seen, "
    "request_id = excluded.request_id, row = excluded.row, place = excluded.place, "
    "last_seen_at = excluded.last_seen_at, reason = excluded.reason, field = excluded.field, value = excluded.value, "
    "detail = excluded.detail, remedy = excluded.remedy, remedy_vi = excluded.remedy_vi, "
    "status = CASE WHEN known.status = 'retried' THEN 'open' ELSE known.status END "
    "RETURNING id, source, digest"
)

_Key = tuple[str, bytes]


class _BadRow(msgspec.Struct):
    submission: Submission
    receipt: Receipt
    rows: list[Quarantined]


async def set_aside(driver: Driver, batch: Sequence[Submission], receipts: Sequence[Receipt]) -> None:
    """Store the bad rows of a batch and number them in their receipts."""
    found: dict[_Key, _BadRow] = {}
    for submission, receipt in zip(batch, receipts, strict=True):
        for bad in receipt.quarantined:
            key = (submission.source, row_digest(submission.reading.format, bad.raw))
            found.setdefault(key, _BadRow(submission, receipt, [])).rows.append(bad)
    if not found:
        return
    for number, source, digest in await _SET_ASIDE.run(driver, _parameters(found)):
        for bad in found[source, bytes(digest)].rows:
            bad.quarantine_id = number


def row_digest(format_: str, raw: bytes) -> bytes:
    """Return what makes two bad rows of one source the same."""
    return hashlib.sha256(format_.encode("ascii") + b"\0" + raw).digest()


def _parameters(found: dict[_Key, _BadRow]) -> dict[str, object]:
    rows = list(found.values())
    firsts = [row.rows[-1] for row in rows]
    return {
        "sources": [source for source, _ in found],
        "digests": [digest for _, digest in found],
        "requests": [row.receipt.request_id for row in rows],
        "rows": [bad.row for bad in firsts],
        "places": [storable(row.submission.reading.place(bad.row)) for row, bad in zip(rows, firsts, strict=True)],
        "formats": [row.submission.reading.format.value for row in rows],
        "ids": [storable(bad.event_id) for bad in firsts],
        "reasons": [bad.fault.reason.value for bad in firsts],
        "fields": [storable(bad.fault.field) for bad in firsts],
        "values": [storable(bad.fault.value) for bad in firsts],
        "details": [storable(bad.fault.detail) for bad in firsts],
        "remedies": [bad.fault.remedy.en if bad.fault.remedy else "" for bad in firsts],
        "remedies_vi": [bad.fault.remedy.vi if bad.fault.remedy else "" for bad in firsts],
        "raws": [bad.raw for bad in firsts],
        "received": [row.submission.received_at for row in rows],
        "seen": [len(row.rows) for row in rows],
    }


def storable(value: str | None) -> str | None:
    """Return a text without what PostgreSQL cannot hold: NUL and lone surrogates."""
    if value is None:
        return None
    return value[:500].replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
