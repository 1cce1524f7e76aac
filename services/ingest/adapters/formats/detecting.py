"""Tells the format of a body by its beginning: the content says what it is, the content type where that is open."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from services.ingest.adapters.formats.dhis2_columns import is_first_line
from services.ingest.adapters.formats.heads import decode_head, refuse_foreign
from services.ingest.adapters.formats.json_outline import outline_of
from services.ingest.adapters.formats.xml_root import root_of
from services.ingest.adapters.formats.zip_entries import ZipKind, kind_of
from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError, UnsupportedFormatError
from services.ingest.domain.privacy import refuse_personal_data
from services.ingest.domain.reading import PayloadFormat

HEAD_BYTES: Final = 64 * 1024
READ_HERE: Final = (
    "Read are DHIS2 data value sets (JSON, XML, CSV), ADX, FHIR MeasureReports (JSON), CloudEvents, native events "
    "(JSON, NDJSON), and spreadsheets (xlsx, xls, ods, CSV)."
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ROOTS: Final = {"dataValueSet": PayloadFormat.DHIS2_XML, "adx": PayloadFormat.ADX}
_PERSONAL_ROOT: Final = re.compile(
    r"giamdinhhs|tong_hop|chi_?tieu_.*|hoso|clinicaldocument|patient|encounter|observation|trackedentit.*|enrollments?",
    re.IGNORECASE,
)
_ROOT_REMEDIES: Final = {
    "html": "It is a web page, also when its name ends in .xls: open it, save it as .xlsx, and send that.",
    "Workbook": "It is a workbook in the XML of 2003: open it, save it as .xlsx, and send that.",
    "MeasureReport": "FHIR is read as JSON (application/fhir+json).",
    "Bundle": "FHIR is read as JSON (application/fhir+json).",
}
_DECISIVE: Final = frozenset({"specversion", "resourceType", "dataValues"})
_NATIVE_KEYS: Final = frozenset({"indicator", "commune"})
_HINTS: Final[dict[str, PayloadFormat]] = {
    "application/x-ndjson": PayloadFormat.NDJSON,
    "application/ndjson": PayloadFormat.NDJSON,
    "application/jsonl": PayloadFormat.NDJSON,
    ".ndjson": PayloadFormat.NDJSON,
    ".jsonl": PayloadFormat.NDJSON,
    "application/fhir+json": PayloadFormat.FHIR,
    "application/cloudevents+json": PayloadFormat.CLOUDEVENTS,
    "application/cloudevents-batch+json": PayloadFormat.CLOUDEVENTS,
    "text/csv": PayloadFormat.CSV,
    "application/csv": PayloadFormat.CSV,
    "text/tab-separated-values": PayloadFormat.CSV,
    ".csv": PayloadFormat.CSV,
    ".tsv": PayloadFormat.CSV,
}
_SEPARATOR: Final = re.compile(r"[,;\t]")
_DHIS2_COLUMNS: Final = frozenset({"period", "orgunit", "value"})


class Shape(StrEnum):
    """What a content is made of, before it is asked what it says."""

    JSON = "JSON"
    XML = "XML"
    WORKBOOK = "a workbook"
    TEXT = "text"


_SHAPES: Final[dict[PayloadFormat, Shape]] = {
    PayloadFormat.NATIVE_JSON: Shape.JSON,
    PayloadFormat.NDJSON: Shape.JSON,
    PayloadFormat.CLOUDEVENTS: Shape.JSON,
    PayloadFormat.DHIS2: Shape.JSON,
    PayloadFormat.FHIR: Shape.JSON,
    PayloadFormat.DHIS2_XML: Shape.XML,
    PayloadFormat.ADX: Shape.XML,
    PayloadFormat.SPREADSHEET: Shape.WORKBOOK,
    PayloadFormat.DHIS2_CSV: Shape.TEXT,
    PayloadFormat.CSV: Shape.TEXT,
}
SENDABLE: Final = tuple(_SHAPES)


class Accepted(msgspec.Struct, frozen=True):
    """What an endpoint for certain formats reads: by content type the shape that it promises (None promises none)."""

    types: Mapping[str, Shape | None]
    formats: Mapping[Shape, PayloadFormat]


_UNSAID: Final[dict[str, Shape | None]] = {
    "": None, "application/octet-stream": None, "application/gzip": None, "application/x-gzip": None,
    "application/zip": None, "application/x-zip-compressed": None,
}  # fmt: skip
DHIS2_ACCEPTED: Final = Accepted(
    types=_UNSAID
    | {
        "application/json": Shape.JSON,
        "application/xml": Shape.XML,
        "text/xml": Shape.XML,
        "application/adx+xml": Shape.XML,
        "application/xml+adx": Shape.XML,
        "text/csv": Shape.TEXT,
        "application/csv": Shape.TEXT,
    },
    formats={
        Shape.JSON: PayloadFormat.DHIS2,
        Shape.XML: PayloadFormat.DHIS2_XML,
        Shape.TEXT: PayloadFormat.DHIS2_CSV,
    },
)
FHIR_ACCEPTED: Final = Accepted(
    types=_UNSAID | {"application/fhir+json": Shape.JSON, "application/json": Shape.JSON},
    formats={Shape.JSON: PayloadFormat.FHIR},
)


def media_type(content_type: str) -> str:
    """Return a content type without its parameters, in small letters."""
    return content_type.partition(";")[0].strip().casefold()


def detect(content_type: str, file_name: str, head: bytes) -> PayloadFormat:
    """Return the format of a body by its first 64 KB, or raise UnsupportedFormatError that says what is read."""
    shape, text = _shape_of(head)
    if shape is Shape.WORKBOOK:
        return PayloadFormat.SPREADSHEET
    if shape is Shape.XML:
        return _xml_format(text)
    hint = _HINTS.get(media_type(content_type)) or _HINTS.get(_ending(file_name))
    return _json_format(text, hint, is_cut=len(head) >= HEAD_BYTES) if shape is Shape.JSON else _text_format(text, hint)


def check_format(asked: PayloadFormat, head: bytes) -> PayloadFormat:
    """Return the format that a sender names, unless the content is plainly none in it."""
    shape, text = _shape_of(head)
    found = _xml_format(text) if shape is Shape.XML else None
    if shape is not _SHAPES[asked] or (found is not None and found is not asked):
        raise UnsupportedFormatError(f"format={asked.value} was asked for, but the content is {found or shape}.")
    return asked


def detect_among(accepted: Accepted, content_type: str, head: bytes) -> PayloadFormat:
    """Return the format of a body at an endpoint for certain formats, where content type and content must agree."""
    media = media_type(content_type)
    if media not in accepted.types:
        raise UnsupportedFormatError(f"The content type {content_type[:80]!r} is not read here.")
    promised = accepted.types[media]
    shape, text = _shape_of(head)
    if promised is not None and shape is Shape.TEXT:
        shape = promised  # a text that is not what was promised is a broken one: its reader says where
    if shape not in accepted.formats or promised not in (None, shape):
        said = f"The content type says {media}, but the" if promised else "The"
        raise UnsupportedFormatError(f"{said} content is {shape}.")
    return _xml_format(text) if shape is Shape.XML and text.startswith("<") else accepted.formats[shape]


def _shape_of(head: bytes) -> tuple[Shape, str]:
    """Return what a content is made of, and its beginning as text where it is one."""
    kind = kind_of(head)
    if kind is ZipKind.WORKBOOK or head.startswith(_OLE):
        return Shape.WORKBOOK, ""
    if kind is not None:
        what = "a zip of files" if kind is ZipKind.ARCHIVE else "a document that is no workbook"
        raise UnsupportedFormatError(f"The content is {what}. {READ_HERE}")
    refuse_foreign(head)
    text = decode_head(head)
    if not text:
        raise MalformedBodyError(
            "The body is empty." if len(head) < HEAD_BYTES else "The body begins with blanks only."
        )
    if text[0] in "{[":
        return Shape.JSON, text
    if text[0] == "<":
        return Shape.XML, text
    refuse_personal_data(dict.fromkeys(_words_of(text)))  # the heads of columns may betray data of persons
    return Shape.TEXT, text


def _xml_format(text: str) -> PayloadFormat:
    root = root_of(text)
    if root in _ROOTS:
        return _ROOTS[root]
    if _PERSONAL_ROOT.fullmatch(root):
        raise PatientLevelDataError
    remedy = _ROOT_REMEDIES.get(root, 'XML is read as DHIS2 "dataValueSet" or as "adx".')
    raise UnsupportedFormatError(f"The XML has the root {root[:60]!r}. {remedy}")


def _json_format(text: str, hint: PayloadFormat | None, *, is_cut: bool) -> PayloadFormat:
    outline = outline_of(text, _DECISIVE)
    if "specversion" in outline.keys:
        return PayloadFormat.CLOUDEVENTS
    if "resourceType" in outline.keys:
        return PayloadFormat.FHIR
    if "dataValues" in outline.keys:
        return PayloadFormat.DHIS2
    if outline.keys & _NATIVE_KEYS:
        return PayloadFormat.NDJSON if outline.is_many or hint is PayloadFormat.NDJSON else PayloadFormat.NATIVE_JSON
    refuse_personal_data(dict.fromkeys(outline.keys | outline.inner_keys))
    if hint is not None and _SHAPES[hint] is Shape.JSON:
        return hint
    if is_cut and "resourceType" in outline.inner_keys:  # a Bundle may name itself behind its entries
        return PayloadFormat.FHIR
    raise UnsupportedFormatError(
        'The JSON has none of the keys "dataValues" (DHIS2), "resourceType" (FHIR), "specversion" (CloudEvents) and '
        '"indicator" (a native event), so nothing says what it is.'
    )


def _text_format(text: str, hint: PayloadFormat | None) -> PayloadFormat:
    words = _words_of(text)
    has_header = "dataelement" in words and bool(_DHIS2_COLUMNS.intersection(words))
    if has_header or is_first_line(text.partition("\n")[0].rstrip("\r")):
        return PayloadFormat.DHIS2_CSV
    if hint is PayloadFormat.CSV or len(words) > 1 or _SEPARATOR.search(text):
        return PayloadFormat.CSV
    raise UnsupportedFormatError(f"The content is text without columns. {READ_HERE}")


def _words_of(text: str) -> list[str]:
    """Return the words of the first line."""
    return [word.strip().strip('"').strip().casefold() for word in _SEPARATOR.split(text.partition("\n")[0])]


def _ending(file_name: str) -> str:
    return f".{file_name.rpartition('.')[2].casefold()}"
