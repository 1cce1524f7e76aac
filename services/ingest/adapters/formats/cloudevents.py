"""CloudEvents 1.0 over HTTP: structured, batched and binary mode. Ids and sources are required, never invented."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.faults import RefusedError, refuse
from services.ingest.domain.native import decode_document, event_from
from services.ingest.domain.reading import Desk, Reading
from shared.contracts.vocabulary import QuarantineReason

TYPE_PREFIX: Final = "vn.datchuan."
HEADER_PREFIX: Final = "ce-"
_REQUIRED: Final = ("id", "source", "type")
_ROWS_PER_SLICE: Final = 500


def read_structured(body: bytes, desk: Desk, reading: Reading) -> Iterator[None]:
    """Read one CloudEvent, attributes and data in one JSON object."""
    document = _document(body)
    if isinstance(document, list):
        raise MalformedBodyError("The body is an array: send it as application/cloudevents-batch+json.")
    yield
    _read_one(document, 0, desk, reading)


def read_batch(body: bytes, desk: Desk, reading: Reading) -> Iterator[None]:
    """Read a JSON array of CloudEvents."""
    document = _document(body)
    if not isinstance(document, list):
        raise MalformedBodyError("A batch is a JSON array: send one event as application/cloudevents+json.")
    for row, item in enumerate(document):
        if row % _ROWS_PER_SLICE == 0:
            yield
        _read_one(item, row, desk, reading)


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
    if _is_json(content_type):
        return msgspec.json.encode(attributes | {"data": _document(body)})
    return msgspec.json.encode(attributes | {"data_base64": base64.b64encode(body).decode("ascii")})


def _document(body: bytes) -> object:
    try:
        return decode_document(body)
    except RefusedError as refused:
        raise MalformedBodyError(f"The body is not JSON: {refused.fault.detail or 'empty'}.") from None


def _read_one(document: object, row: int, desk: Desk, reading: Reading) -> None:
    reading.rows += 1
    raw = msgspec.json.encode(document)
    event_id = None
    try:
        attributes = _attributes(document)
        event_id = attributes["id"]
        data = _data(attributes)
    except RefusedError as refused:
        reading.refuse(row, refused.fault, raw, event_id)
        return
    if isinstance(data, list):
        for index, item in enumerate(data):
            one = attributes | {"id": f"{event_id}/{index}", "data": item}
            _read_data(one, item, row, desk, reading, f"data[{index}].")
    else:
        _read_data(attributes, data, row, desk, reading, "data.")


def _attributes(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise refuse(QuarantineReason.WRONG_TYPE, "", document, "a CloudEvent is a JSON object")
    if document.get("specversion") != "1.0":
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "specversion", document.get("specversion"), "only 1.0 is read")
    for name in _REQUIRED:
        value = document.get(name)
        if value in (None, ""):
            raise refuse(QuarantineReason.MISSING_FIELD, name)
        if not isinstance(value, str):
            raise refuse(QuarantineReason.WRONG_TYPE, name, value)
    return document


def _data(attributes: Mapping[str, Any]) -> object:
    content_type = attributes.get("datacontenttype")
    if content_type is not None and not _is_json(content_type):
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "datacontenttype", content_type, "data must be JSON")
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
    raise refuse(QuarantineReason.UNSUPPORTED_DATA, "data", data, f"not a native event; type is {attributes['type']}")


def _from_base64(text: object) -> object:
    try:
        return decode_document(base64.b64decode(text if isinstance(text, str) else "", validate=True))
    except (binascii.Error, ValueError, RefusedError):
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "data_base64", text, "not base64 of JSON") from None


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


def _is_json(content_type: object) -> bool:
    if not isinstance(content_type, str):
        return False
    media = content_type.partition(";")[0].strip().casefold()
    return media.endswith(("/json", "+json"))
