"""What a CloudEvent carries when it is no native event: its format and bytes, and its rows as those of the event."""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from services.ingest.adapters.formats.detecting import HEAD_BYTES, detect, media_type
from services.ingest.adapters.formats.value_set import ValueReader, ValueSet, Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import IngestError, MalformedBodyError, UnsupportedFormatError
from services.ingest.domain.faults import refuse
from services.ingest.domain.privacy import refuse_personal_text
from services.ingest.domain.reading import PayloadFormat, Reading
from services.ingest.domain.values import DataValue, Row
from shared.contracts.vocabulary import QuarantineReason

# Rows that were set aside are kept as a CloudEvent of this content: its source and time explain them still.
KEPT_TYPE: Final = "application/vnd.datchuan.data-values+json"
_TELLING: Final = ("resourceType", "dataValues")
_UNREAD: Final = ("text/plain", "text/html")
_KEPT: Final = ("specversion", "id", "source", "type", "time", "subject")


class Carried(msgspec.Struct, frozen=True):
    """A document inside of a CloudEvent."""

    format: PayloadFormat
    body: bytes


class Places:
    """Where the rows of a request stand, when one event may hold many of them."""

    def __init__(self) -> None:
        self._first_rows: list[int] = []
        self._locate: list[Callable[[int], str]] = []

    def note(self, first_row: int, locate: Callable[[int], str]) -> None:
        """Note that from this row on places are told by `locate`, which counts from 0."""
        self._first_rows.append(first_row)
        self._locate.append(locate)

    def find(self, row: int) -> str:
        """Return the place of a row."""
        which = bisect_right(self._first_rows, row) - 1
        return self._locate[which](row - self._first_rows[which])


def is_json(content_type: str) -> bool:
    """Return whether a content type is one of JSON."""
    return media_type(content_type).endswith(("/json", "+json"))


def carried_in(attributes: Mapping[str, Any]) -> Carried | None:
    """Return the document that a CloudEvent carries, None for JSON that may be a native event; or refuse its data."""
    content_type = attributes.get("datacontenttype") or ""
    if not isinstance(content_type, str):
        raise refuse(QuarantineReason.WRONG_TYPE, "datacontenttype", content_type)
    data = attributes.get("data")
    if data is not None and attributes.get("data_base64") is not None:
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "data_base64", detail="beside data: an event has one of them")
    if media_type(content_type) == KEPT_TYPE:
        return Carried(PayloadFormat.DATA_VALUES, msgspec.json.encode(data))
    if isinstance(data, dict) and (not content_type or is_json(content_type)):
        return _detected(content_type, msgspec.json.encode(data)) if any(name in data for name in _TELLING) else None
    if data is None and "data_base64" in attributes:
        body = _from_base64(attributes["data_base64"])
        return None if _is_native(content_type, body) else _detected(content_type, body)
    if content_type and not is_json(content_type):
        if not isinstance(data, str):
            detail = "data of this type is a text, or in data_base64"
            raise refuse(QuarantineReason.UNSUPPORTED_DATA, "datacontenttype", content_type, detail)
        return _detected(content_type, data.encode())
    if not content_type and isinstance(data, str) and data.lstrip().startswith("<"):
        return _detected("", data.encode())
    return None


def _from_base64(text: object) -> bytes:
    try:
        return base64.b64decode(text if isinstance(text, str) else "", validate=True)
    except (binascii.Error, ValueError):
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "data_base64", detail="is no base64") from None


def _is_native(content_type: str, body: bytes) -> bool:
    """Return whether bytes are JSON that names no other format."""
    if content_type and not is_json(content_type):
        return False
    return not any(f'"{name}"'.encode() in body[:HEAD_BYTES] for name in _TELLING) and body.lstrip()[:1] in b"{["


def _detected(content_type: str, body: bytes) -> Carried:
    refuse_personal_text(body)
    if media_type(content_type) in _UNREAD:
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "datacontenttype", content_type, "is no format of data values")
    try:
        return Carried(detect(content_type, "", body[:HEAD_BYTES]), body)
    except (UnsupportedFormatError, MalformedBodyError) as error:
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "data", content_type, str(error)) from None


def kept_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that every row of an event is kept with: short ones, for an event may have many rows."""
    return {name: attributes[name] for name in _KEPT if name in attributes}


def without_document(event: object) -> object:
    """Return an event that was refused as a whole without what it carries as text or bytes.

    Nobody has looked for data of persons in these, so they are not kept; nor could a kept event give them a reader.
    """
    if not isinstance(event, dict):
        return event
    return {
        name: value
        for name, value in event.items()
        if name != "data_base64" and not (name == "data" and isinstance(value, str))
    }


async def open_into(
    opened: list[ValueSet | IngestError], read: ValueReader, body: bytes, wishes: Wishes, table: AliasTable
) -> None:
    """Open a carried document; what is wrong with it is handed over like its rows, for its event alone."""
    try:
        opened.append(await read(body, wishes, table))
    except IngestError as error:
        opened.append(error)


def completed(rows: Iterable[Row], attributes: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows; subject and time of the event stand in for commune and moment that they lack."""
    subject, time = attributes.get("subject") or "", attributes.get("time")
    for row in rows:
        if type(row) is DataValue:
            if not row.org_unit and not row.org_unit_name:
                row.org_unit = subject
            if row.observed_at is None:
                row.observed_at = time
        yield row


def merge(inner: Reading, reading: Reading, attributes: Mapping[str, Any]) -> None:
    """Add what was read of a carried document to the reading of the request; each row is kept as a CloudEvent."""
    head = msgspec.json.encode(kept_attributes(attributes) | {"datacontenttype": KEPT_TYPE})[:-1] + b',"data":'
    replace = msgspec.structs.replace
    reading.rows += inner.rows
    reading.repeated_rows += inner.repeated_rows
    reading.good += [replace(draft, raw=head + draft.raw + b"}") for draft in inner.good]
    for bad in inner.bad:
        reading.set_aside(replace(bad, raw=head + bad.raw + b"}", event_id=attributes["id"]))


def within(prefix: str, place: str) -> str:
    """Return a place inside of an event's data: "[2].data.dataValues[3]", "data/adx/group[1]", "data: line 7"."""
    if place[:1] in ("/", "["):
        return f"{prefix}data{place}"
    return f"{prefix}data: {place}" if " " in place or "!" in place else f"{prefix}data.{place}"
