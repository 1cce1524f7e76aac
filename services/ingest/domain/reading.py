"""What reading a request gives: good reports, bad rows, and at whose desk they were read."""

import copy
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import BodyTooLargeError
from services.ingest.domain.faults import Fault, shorten
from services.ingest.domain.identity import Arrival
from services.ingest.domain.native import NativeEvent
from services.ingest.domain.normalize import Limits, Normalizer
from services.ingest.domain.tokens import Grant
from shared.contracts.vocabulary import QuarantineReason
from shared.contracts.wire import IndicatorReported, encode

# One sender with a wrong file must not keep the database, and so all others, busy with what it cannot read.
MAX_BAD_ROWS: Final = 10_000
MAX_REMARKS: Final = 100
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
    DHIS2_XML = "dhis2_xml"
    DHIS2_CSV = "dhis2_csv"
    ADX = "adx"
    FHIR = "fhir"
    SPREADSHEET = "spreadsheet"
    CSV = "csv"
    DATA_VALUES = "data_values"


# The formats whose rows are data values: a profile explains them, and they bring no id of their own.
VALUE_FORMATS: Final = frozenset(PayloadFormat) - {
    PayloadFormat.NATIVE_JSON,
    PayloadFormat.NDJSON,
    PayloadFormat.CLOUDEVENTS,
}

# These say themselves what their columns mean, so their sender needs no profile.
FORM_FORMATS: Final = frozenset({PayloadFormat.SPREADSHEET, PayloadFormat.CSV})


class RowKind(StrEnum):
    """What a row number counts: lines from 1, or elements from 0."""

    LINE = "line"
    INDEX = "index"


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A good report before the journal numbers it, encoded: thousands of them wait for a commit.

    `key` is its source and its id, `tail` its JSON after the number. `mates` are its further rows, when several make
    one report.
    """

    row: int
    key: Key
    unit: str
    tail: str
    raw: bytes
    deleted: bool = False
    arrival: Arrival | None = None
    mates: tuple[int, ...] = ()

    def numbered(self, seq: int) -> str:
        """Return the whole JSON of the report with its number."""
        return f'{{"seq":{seq}{self.tail}'

    @property
    def event(self) -> IndicatorReported:
        """The report with `seq` 0, decoded again."""
        return decode_report(self.numbered(0))


def draft(
    row: int, event: IndicatorReported, raw: bytes, arrival: Arrival | None = None, mates: tuple[int, ...] = ()
) -> Draft:
    """Return the draft of a report whose `seq` is 0."""
    tail = encode(event).decode().removeprefix(_UNNUMBERED)
    return Draft(row, (event.source, event.event_id), event.unit, tail, raw, event.deleted, arrival, mates)


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
    mates: tuple[int, ...] = ()


class Remark(msgspec.Struct, frozen=True):
    """What a sender should know though no row is refused for it: strata that do not add up, what was left unread."""

    place: str
    text: str
    text_vi: str


class Desk:
    """Everything a reader needs to know: the catalog's tables, the sender's rights, and the time."""

    __slots__ = ("allowed", "grant", "limits", "normalizer", "received_at", "tables")

    def __init__(
        self,
        normalizer: Normalizer,
        grant: Grant,
        now: dt.datetime,
        received_at: dt.datetime | None = None,
        tables: Mapping[str, AliasTable] | None = None,
    ) -> None:
        self.normalizer = normalizer
        self.grant = grant
        self.allowed = {grant.source}
        self.limits = Limits(now)
        self.received_at = now if received_at is None else received_at
        self.tables = tables or {}

    def may_speak_for(self, source: str) -> bool:
        """Return whether the sender may send reports of a source; remembers that it may."""
        if source in self.allowed:
            return True
        if not self.grant.allows(source) or not source.isprintable():
            return False
        self.allowed.add(source)
        return True

    def speaking_for(self, source: str) -> "Desk":
        """Return the desk at which the reports of a source are read that this sender may speak for."""
        desk = copy.copy(self)
        desk.grant = msgspec.structs.replace(self.grant, source=source)
        return desk


@dataclass(slots=True)
class Reading:
    """The rows of one request, sorted into good and bad.

    `locate` tells where in the body a row stands, in the words of the format; `first_row` is the number of the first
    row when the body is a part of a larger one. `repeated_rows` said again what another row of the request says.
    `line` tells of rows that stand on one line of a table the same; `told_bad` counts bad ones before they are joined.
    """

    format: PayloadFormat
    row_kind: RowKind = RowKind.INDEX
    rows: int = 0
    first_row: int = 0
    repeated_rows: int = 0
    complete_date: str | None = None
    locate: Callable[[int], str] | None = None
    line: Callable[[int], object] | None = None
    good: list[Draft] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    told_bad: int = 0
    remarks: list[Remark] = field(default_factory=list)

    def place(self, row: int) -> str:
        """Return where a row stands: "line 7", "dataValues[3]", "BHYT!F6", an XPath or a FHIRPath."""
        if self.locate is not None:
            return self.locate(row)
        return f"line {row}" if self.row_kind is RowKind.LINE else f"[{row}]"

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
        """Add a bad row, beside the last one when one word of their line spoils both; raises BodyTooLargeError."""
        if self.told_bad >= MAX_BAD_ROWS:
            first = self.bad[0]
            raise BodyTooLargeError(
                f"More than {MAX_BAD_ROWS} rows of this request cannot be taken, so nothing of it was stored. The "
                f"first is row {first.row}: {first.fault.reason}. Correct what they have in common, or send fewer rows."
            )
        self.told_bad += 1
        if self.line is not None and self.bad and _is_one_fault(self.bad[-1], bad, self.line):
            self.bad[-1] = _joined(self.bad[-1], bad)
        else:
            self.bad.append(bad)


# What one cell says for all numbers of its line.
_OF_A_LINE: Final = frozenset(
    {"commune", "period", "indicator", "sex", "sector", "stage", "deleted", "observed_at", "evidence"}
)


def _is_one_fault(last: BadRow, bad: BadRow, line: Callable[[int], object]) -> bool:
    is_same = last.fault == bad.fault and last.event_id is None and bad.event_id is None
    return is_same and bad.fault.field.partition(".")[0] in _OF_A_LINE and line(last.row) == line(bad.row)


def _joined(last: BadRow, bad: BadRow) -> BadRow:
    """Return two bad rows as one; data values are kept together, so that a retry takes all of them."""
    raw = last.raw
    if raw.startswith(b"[") and bad.raw.startswith(b"["):
        raw = raw[:-1] + b"," + bad.raw[1:]
    return BadRow(last.row, last.fault, raw, None, (*last.mates, bad.row, *bad.mates))


def judge(desk: Desk, event: NativeEvent) -> IndicatorReported | Fault:
    """Return the report in an event of a sender who may send it, or what is wrong."""
    source = event.source
    if source is None:
        source = desk.grant.source
    elif not desk.may_speak_for(source):
        return Fault(QuarantineReason.SOURCE_NOT_ALLOWED, "source", shorten(source), "the token may not speak for it")
    return desk.normalizer.normalize(event, source, desk.limits)
