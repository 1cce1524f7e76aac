"""Bodies too large for memory: cut into slices they must say the same rows as when they are read whole."""

import mmap
from collections.abc import Hashable
from random import Random
from typing import Final

from services.ingest.adapters.formats.cutting import CUTTERS, cut
from services.ingest.adapters.formats.slices import Slice
from services.ingest.domain.errors import IngestError, PatientLevelDataError
from services.ingest.domain.reading import PayloadFormat, Reading
from tests.fuzz import json_documents, other_documents, patients
from tests.fuzz.fuzzing import BrokenError
from tests.fuzz.words import sometimes
from tests.fuzz.world import small_world

_SLICE_BYTES: Final = 300
_MAKERS: Final = {
    PayloadFormat.NATIVE_JSON: json_documents.native_json,
    PayloadFormat.NDJSON: json_documents.ndjson,
    PayloadFormat.CLOUDEVENTS: json_documents.cloudevents,
    PayloadFormat.DHIS2: json_documents.dhis2,
    PayloadFormat.DHIS2_XML: other_documents.dhis2_xml,
    PayloadFormat.DHIS2_CSV: other_documents.dhis2_csv,
    PayloadFormat.ADX: other_documents.adx,
    PayloadFormat.FHIR: json_documents.fhir,
}


def sliceable(random: Random) -> bytes:
    """Return a format in the first line, and a body of it behind."""
    if sometimes(random):
        return patients.document(random)
    format_ = random.choice(list(CUTTERS))
    return format_.value.encode() + b"\n" + _MAKERS[format_](random)


def check_slices(body: bytes) -> Hashable:
    """Cut a body and read its slices; raises BrokenError when they hold other rows than the whole."""
    name, _, content = body.partition(b"\n")
    format_ = next((known for known in CUTTERS if known.value.encode() == name), None)
    if format_ is None or not content:
        return None
    try:
        slices = _cut(format_, content)
    except IngestError as error:
        return format_, type(error).__name__, str(error)[:25]
    if any(part.start > part.end or part.end > len(content) for part in slices):
        raise BrokenError("a slice lies outside of the body")
    whole = _read(format_, content)
    parts = _parts(format_, content, slices)
    if isinstance(whole, PatientLevelDataError) and isinstance(_read_slice(format_, content, slices[0]), Reading):
        raise BrokenError(f"the slices of {format_} hide data of persons")
    if isinstance(whole, Reading) and isinstance(parts, int) and parts != whole.rows:
        raise BrokenError(f"the slices of {format_} hold other rows than the whole")
    return format_, min(len(slices), 3), type(whole).__name__, type(parts).__name__


def _cut(format_: PayloadFormat, content: bytes) -> list[Slice]:
    with mmap.mmap(-1, len(content)) as mapped:
        mapped.write(content)
        cutting = cut(format_, mapped, _SLICE_BYTES)
        while True:
            try:
                next(cutting)
            except StopIteration as done:
                slices: list[Slice] = done.value
                return slices


def _read(format_: PayloadFormat, content: bytes) -> Reading | IngestError:
    try:
        return small_world().read(format_, content, small_world().desk())
    except IngestError as error:
        return error


def _read_slice(format_: PayloadFormat, content: bytes, part: Slice) -> Reading | IngestError:
    return _read(format_, b"".join((part.head, content[part.start : part.end], part.tail)))


def _parts(format_: PayloadFormat, content: bytes, slices: list[Slice]) -> int | IngestError:
    rows = 0
    for part in slices:
        reading = _read_slice(format_, content, part)
        if not isinstance(reading, Reading):
            return reading
        rows += reading.rows
        for bad in reading.bad[:1]:
            part.relocate(reading.place(bad.row))
    return rows
