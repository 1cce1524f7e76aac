"""What reading a request gives: good reports, bad rows, and at whose desk they were read."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from services.ingest.domain.errors import BodyTooLargeError
from services.ingest.domain.faults import Fault
from services.ingest.domain.identity import Arrival
from services.ingest.domain.native import NativeEvent
from services.ingest.domain.normalize import Limits, Normalizer
from services.ingest.domain.tokens import Grant
from shared.contracts.vocabulary import QuarantineReason
from shared.contracts.wire import IndicatorReported, encode

NO_MATE: Final = -1
# One sender with a wrong file must not keep the database, and so all others, busy with what it cannot read.
MAX_BAD_ROWS: Final = 10_000
Key = tuple[str, str]

# Every report is encoded once, with `seq` 0; its number is put in place of the 0 when the journal gives one.
_UNNUMBERED: Final = '{"seq":0'

encode_lines: Final = msgspec.json.Encoder().encode_lines
decode_report: Final = msgspec.json.Decoder(IndicatorReported).decode


class PayloadFormat(StrEnum):
    """How a request, or a quarantined row, is written."""

    NATIVE_JSON = "native_json"
    NDJSON = "ndjson"
    CLOUDEVENTS = "cloudevents"
    DHIS2 = "dhis2"


class RowKind(StrEnum):
    """What a row number counts: lines from 1, or elements from 0."""

    LINE = "line"
    INDEX = "index"


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A good report before the journal numbers it, encoded: thousands of them wait for a commit.

    `key` is its source and its id, `tail` its JSON after the number. `mate` is the row of its other half, when two rows
    make one report.
    """

    row: int
    key: Key
    unit: str
    tail: str
    raw: bytes
    deleted: bool = False
    arrival: Arrival | None = None
    mate: int = NO_MATE

    def numbered(self, seq: int) -> str:
        """Return the whole JSON of the report with its number."""
        return f'{{"seq":{seq}{self.tail}'

    @property
    def event(self) -> IndicatorReported:
        """The report with `seq` 0, decoded again."""
        return decode_report(self.numbered(0))


def draft(row: int, event: IndicatorReported, raw: bytes, arrival: Arrival | None = None, mate: int = NO_MATE) -> Draft:
    """Return the draft of a report whose `seq` is 0."""
    tail = encode(event).decode().removeprefix(_UNNUMBERED)
    return Draft(row, (event.source, event.event_id), event.unit, tail, raw, event.deleted, arrival, mate)


def drafts(reports: Sequence[tuple[int, IndicatorReported, bytes]]) -> list[Draft]:
    """Return the drafts of many reports with their rows and raw texts: encoded together, in half the time."""
    if not reports:
        return []
    # JSON holds no raw line break, and no text in it holds an unescaped quotation mark.
    lines = encode_lines([event for _, event, _ in reports]).decode()
    tails = lines.removeprefix(_UNNUMBERED).removesuffix("\n").split(f"\n{_UNNUMBERED}")
    return [
        Draft(row, (event.source, event.event_id), event.unit, tail, raw, event.deleted)
        for (row, event, raw), tail in zip(reports, tails, strict=True)
    ]


class BadRow(msgspec.Struct, frozen=True):
    """A row that cannot be applied: kept with its raw text, and shown."""

    row: int
    fault: Fault
    raw: bytes
    event_id: str | None = None
    mate: int = NO_MATE


class Desk:
    """Everything a reader needs to know: the catalog's tables, the sender's rights, and the time."""

    __slots__ = ("allowed", "grant", "limits", "normalizer", "received_at")

    def __init__(
        self, normalizer: Normalizer, grant: Grant, now: dt.datetime, received_at: dt.datetime | None = None
    ) -> None:
        self.normalizer = normalizer
        self.grant = grant
        self.allowed = {grant.source}
        self.limits = Limits(now)
        self.received_at = now if received_at is None else received_at


@dataclass(slots=True)
class Reading:
    """The rows of one request, sorted into good and bad."""

    format: PayloadFormat
    row_kind: RowKind = RowKind.INDEX
    rows: int = 0
    good: list[Draft] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)

    def take(self, desk: Desk, event: NativeEvent, row: int, raw: bytes, prefix: str = "") -> None:
        """Sort one decoded event into good or bad."""
        report = judge(desk, event)
        if isinstance(report, Fault):
            self.refuse(row, report, raw, event.id, prefix)
        else:
            self.good.append(draft(row, report, raw))

    def refuse(self, row: int, fault: Fault, raw: bytes, event_id: str | None = None, prefix: str = "") -> None:
        """Add a bad row; `prefix` says where inside the row its field is."""
        if prefix:
            fault = msgspec.structs.replace(fault, field=f"{prefix}{fault.field}")
        self.set_aside(BadRow(row, fault, raw, event_id))

    def set_aside(self, bad: BadRow) -> None:
        """Add a bad row; raises BodyTooLargeError when there are too many."""
        if len(self.bad) >= MAX_BAD_ROWS:
            first = self.bad[0]
            raise BodyTooLargeError(
                f"More than {MAX_BAD_ROWS} rows of this request cannot be taken, so nothing of it was stored. The "
                f"first is row {first.row}: {first.fault.reason}. Correct what they have in common, or send fewer rows."
            )
        self.bad.append(bad)


def judge(desk: Desk, event: NativeEvent) -> IndicatorReported | Fault:
    """Return the report in an event of a sender who may send it, or what is wrong."""
    source = event.source
    if source is None:
        source = desk.grant.source
    elif source not in desk.allowed:
        if not desk.grant.allows(source) or not source.isprintable():
            return Fault(QuarantineReason.SOURCE_NOT_ALLOWED, "source", source[:100], "the token may not speak for it")
        desk.allowed.add(source)
    return desk.normalizer.normalize(event, source, desk.limits)
