"""CloudEvents 1.0 over HTTP: structured, batched and binary mode. Ids and sources are required, never invented."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from services.ingest.adapters.formats.cloudevent_data import (
    Carried,
    Places,
    carried_in,
    completed,
    is_json,
    kept_attributes,
    merge,
    open_into,
    within,
    without_document,
)
from services.ingest.adapters.formats.value_set import ValueReader, ValueSet, Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.documents import decode_document
from services.ingest.domain.errors import (
    IngestError,
    MalformedBodyError,
    UnsupportedFormatError,
    UnsupportedRequestError,
)
from services.ingest.domain.faults import RefusedError, refuse
from services.ingest.domain.native import MAX_ID_LENGTH, event_from
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import FORM_FORMATS, Desk, PayloadFormat, Reading
from services.ingest.domain.remedies import add_field
from shared.contracts.vocabulary import QuarantineReason

TYPE_PREFIX: Final = "vn.datchuan."
HEADER_PREFIX: Final = "ce-"
_REQUIRED: Final = ("id", "source", "type")
_OPTIONAL: Final = ("time", "subject")
_ROWS_PER_SLICE: Final = 500
_LONG: Final = 1024 * 1024
# What concerns the document of one event, and so is no matter of its neighbours.
_OF_ONE_EVENT: Final = (MalformedBodyError, UnsupportedFormatError, UnsupportedRequestError)
Step = Awaitable[None] | None


class CloudEventReader:
    """Reads CloudEvents whose data are native events, or documents in the formats of data values."""

    def __init__(self, values: Mapping[PayloadFormat, ValueReader]) -> None:
        self._values = values

    def __call__(self, body: bytes, desk: Desk, reading: Reading) -> Iterator[Step]:
        """Read one CloudEvent or a batch of them, whichever the body is."""
        is_batch = body.lstrip()[:1] == b"["
        yield from (self.read_batch if is_batch else self.read_structured)(body, desk, reading)

    def read_structured(self, body: bytes, desk: Desk, reading: Reading) -> Iterator[Step]:
        """Read one CloudEvent, attributes and data in one JSON object."""
        document = yield from _decoded(body)
        if isinstance(document, list):
            raise MalformedBodyError("The body is an array: send it as application/cloudevents-batch+json.")
        yield from self._read([("", document)], desk, reading)

    def read_batch(self, body: bytes, desk: Desk, reading: Reading) -> Iterator[Step]:
        """Read a JSON array of CloudEvents."""
        document = yield from _decoded(body)
        if not isinstance(document, list):
            raise MalformedBodyError("A batch is a JSON array: send one event as application/cloudevents+json.")
        events = ((f"[{index}].", item) for index, item in enumerate(document, reading.first_row))
        yield from self._read(events, desk, reading)

    def _read(self, events: Iterable[tuple[str, object]], desk: Desk, reading: Reading) -> Iterator[Step]:
        places = Places()
        reading.locate = places.find
        for count, (prefix, document) in enumerate(events):
            if count % _ROWS_PER_SLICE == 0:
                yield None
            row = reading.first_row + reading.rows
            places.note(row, _place_of_data(prefix, document))
            event_id = None
            try:
                attributes = _attributes(document)
                event_id = attributes["id"]
                carried = carried_in(attributes)
                if carried is None:
                    yield from _read_native(attributes, desk, reading)
                else:
                    yield from self._read_carried(carried, attributes, (prefix, places), desk, reading)
            except RefusedError as refused:
                reading.rows += 1
                reading.refuse(row, refused.fault, msgspec.json.encode(without_document(document)), event_id)

    def _read_carried(
        self, carried: Carried, attributes: dict[str, Any], where: tuple[str, Places], desk: Desk, reading: Reading
    ) -> Iterator[Step]:
        """Read a document by the profile of its event's source. Raises RefusedError for the event as a whole."""
        read, source = self._values.get(carried.format), attributes["source"]
        if read is None:
            detail = f"{carried.format.value} is not read as data of a CloudEvent"
            raise refuse(QuarantineReason.UNSUPPORTED_DATA, "datacontenttype", detail=detail)
        table = _table(desk, source, carried.format)
        opened: list[ValueSet | IngestError] = []
        yield None  # a document may be long, and a batch may hold many
        yield open_into(opened, read, carried.body, Wishes(observed_at=attributes.get("time") or ""), table)
        prefix, places = where
        inner = Reading(PayloadFormat.CLOUDEVENTS, first_row=reading.first_row + reading.rows)
        try:
            values = _opened(opened)
            yield from read_values(completed(values.rows, attributes), desk.speaking_for(source), inner, table)
        except _OF_ONE_EVENT as error:
            if carried.format is PayloadFormat.DATA_VALUES:
                raise
            raise refuse(QuarantineReason.UNSUPPORTED_DATA, "data", detail=str(error)) from None
        places.note(inner.first_row, lambda row: within(prefix, values.locate(row)))
        reading.remarks += [
            msgspec.structs.replace(remark, place=within(prefix, remark.place)) for remark in values.remarks
        ]
        merge(inner, reading, attributes)


def is_binary(headers: Mapping[str, str]) -> bool:
    """Return whether the request carries a CloudEvent's attributes as headers."""
    return any(f"{HEADER_PREFIX}{name}" in headers for name in ("specversion", "id", "type"))


def from_binary(headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the structured form of a CloudEvent sent in binary mode: header values are percent-decoded."""
    attributes: dict[str, Any] = {
        name[len(HEADER_PREFIX) :].casefold(): unquote(value, errors="replace")
        for name, value in headers.items()
        if name.casefold().startswith(HEADER_PREFIX)
    }
    attributes["datacontenttype"] = content_type = headers.get("content-type", "")
    if is_json(content_type):
        return msgspec.json.encode(attributes | {"data": _document(body)})
    return msgspec.json.encode(attributes | {"data_base64": base64.b64encode(body).decode("ascii")})


def _decoded(body: bytes) -> Generator[Step, None, object]:
    """Return the JSON document in a body; a long one is decoded in a thread, so that others work meanwhile."""
    if len(body) < _LONG:
        return _document(body)
    found: list[object] = []

    async def decode() -> None:
        found.append(await asyncio.to_thread(_document, body))

    yield decode()
    return found[0]


def _document(body: bytes) -> object:
    try:
        return decode_document(body)
    except RefusedError as refused:
        raise MalformedBodyError(f"The body is not JSON: {refused.fault.detail or 'empty'}.") from None


def _place_of_data(prefix: str, document: object) -> Callable[[int], str]:
    """Return how the native rows of an event are placed: "[2]", or "[2].data[1]" where there are several."""
    is_many = isinstance(document, dict) and isinstance(document.get("data"), list)
    whole = prefix.removesuffix(".") or "[0]"
    return lambda row: f"{prefix}data[{row}]" if is_many else whole


def _opened(opened: list[ValueSet | IngestError]) -> ValueSet:
    (found,) = opened
    if isinstance(found, IngestError):
        raise found
    return found


def _table(desk: Desk, source: str, format_: PayloadFormat) -> AliasTable:
    if not desk.may_speak_for(source):
        detail = "the token may not speak for it"
        raise refuse(QuarantineReason.SOURCE_NOT_ALLOWED, "source", source[:100], detail)
    table = desk.tables.get(source)
    if table is None and format_ not in FORM_FORMATS and format_ is not PayloadFormat.DATA_VALUES:
        detail = "the source has no profile in the catalog: nothing says what its data elements mean"
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "source", source, detail)
    return table or AliasTable.empty(source)


def _read_native(attributes: dict[str, Any], desk: Desk, reading: Reading) -> Iterator[Step]:
    data = _data(attributes)
    row, event_id = reading.first_row + reading.rows, attributes["id"]
    reading.rows += len(data) if isinstance(data, list) else 1
    if isinstance(data, list):
        for index, item in enumerate(data):
            if index % _ROWS_PER_SLICE == _ROWS_PER_SLICE - 1:
                yield None
            one = kept_attributes(attributes) | {"id": f"{event_id}/{index}", "data": item}
            _read_data(one, item, row + index, desk, reading, f"data[{index}].")
    else:
        _read_data(attributes, data, row, desk, reading, "data.")


def _attributes(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise refuse(QuarantineReason.WRONG_TYPE, "", document, "a CloudEvent is a JSON object")
    if document.get("specversion") != "1.0":
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "specversion", document.get("specversion"), "only 1.0 is read")
    for name in (*_REQUIRED, *_OPTIONAL):
        value = document.get(name)
        if name in _REQUIRED and value in (None, ""):
            raise refuse(QuarantineReason.MISSING_FIELD, name, remedy=add_field(name))
        if isinstance(value, str) and len(value) > MAX_ID_LENGTH:
            raise refuse(QuarantineReason.WRONG_TYPE, name, value, f"longer than {MAX_ID_LENGTH} characters")
        if not isinstance(value, str | None):
            raise refuse(QuarantineReason.WRONG_TYPE, name, value)
    return document


def _data(attributes: Mapping[str, Any]) -> object:
    data = attributes.get("data")
    if data is None and "data_base64" in attributes:
        data = _from_base64(attributes["data_base64"])
    if isinstance(data, list):
        if not data:
            raise refuse(QuarantineReason.UNSUPPORTED_DATA, "data", data, "there is no event in it")
        for item in data:
            _need_native(attributes, item)
    else:
        _need_native(attributes, data)
    return data


def _need_native(attributes: Mapping[str, Any], data: object) -> None:
    """Refuse data that is no native event: another type's data may be anything, ours is then judged field by field."""
    if isinstance(data, dict) and ("indicator" in data or attributes["type"].startswith(TYPE_PREFIX)):
        return
    shown = "" if isinstance(data, str) else data  # a text may be any document
    raise refuse(QuarantineReason.UNSUPPORTED_DATA, "data", shown, f"not a native event; type is {attributes['type']}")


def _from_base64(text: object) -> object:
    try:
        return decode_document(base64.b64decode(text if isinstance(text, str) else "", validate=True))
    except (binascii.Error, ValueError, RefusedError):
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "data_base64", detail="not base64 of JSON") from None


def _read_data(
    attributes: Mapping[str, Any], data: object, row: int, desk: Desk, reading: Reading, prefix: str
) -> None:
    """Judge one native event under the id and source of its CloudEvent; time and subject stand in for what it lacks."""
    raw = msgspec.json.encode(attributes)
    fields = dict(data) if isinstance(data, dict) else {}
    fields["id"], fields["source"] = attributes["id"], attributes["source"]
    if fields.get("observed_at") is None:
        fields["observed_at"] = attributes.get("time")
    if fields.get("commune") is None:
        fields["commune"] = attributes.get("subject")
    try:
        event = event_from(fields)
    except RefusedError as refused:
        reading.refuse(row, refused.fault, raw, attributes["id"], prefix)
        return
    reading.take(desk, event, row, raw, prefix)
