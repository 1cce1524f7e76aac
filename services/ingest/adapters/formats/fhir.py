"""FHIR: a summary MeasureReport, or a Bundle of them in whichever kind; R4, and what R5 moved."""

import asyncio
import codecs
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from services.ingest.adapters.formats.fhir_head import ReportContext
from services.ingest.adapters.formats.fhir_model import Bundle, Entry
from services.ingest.adapters.formats.fhir_places import Directory
from services.ingest.adapters.formats.fhir_rows import PlacedRow, rows_of
from services.ingest.adapters.formats.value_set import ValueSet, Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.documents import decode_document
from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError, UnsupportedFormatError
from services.ingest.domain.faults import Fault, RefusedError, shorten
from services.ingest.domain.privacy import refuse_personal_text
from services.ingest.domain.reading import Remark
from services.ingest.domain.values import BadValue, Row
from shared.contracts.vocabulary import QuarantineReason

_REPORT: Final = "MeasureReport"
_BUNDLE: Final = "Bundle"
_LONG: Final = 1024 * 1024  # others work while such a document is decoded
# A summary names no person, also not among the resources that were evaluated.
_PERSONS: Final = re.compile(rb'"reference"\s*:\s*"(?:[^"]*/)?(?:Patient|Person|RelatedPerson|Encounter)\\?/')


async def read_fhir(body: bytes, wishes: Wishes, table: AliasTable) -> ValueSet:
    """Open a MeasureReport or a Bundle. Places are FHIRPaths: "Bundle.entry[2].resource.group[0].population[1]"."""
    resource = _decode(body) if len(body) < _LONG else await asyncio.to_thread(_decode, body)
    remarks: list[Remark] = []
    context = ReportContext(table, wishes, Directory(table.profile.org_units), remarks)
    if resource["resourceType"] == _REPORT:
        placed = rows_of(resource, _REPORT, context)
    else:
        bundle = _bundle(resource)
        _collect(bundle, context.directory)
        placed = _bundle_rows(bundle, _BUNDLE, context)
    places: list[str] = []
    return ValueSet(rows=_noting(placed, places), locate=places.__getitem__, remarks=remarks)


def _decode(body: bytes) -> dict[str, Any]:
    body = body.removeprefix(codecs.BOM_UTF8).strip()
    if body.startswith(b"<"):
        refuse_personal_text(body)
        raise UnsupportedFormatError("FHIR in XML is not read: send application/fhir+json.")
    try:
        document = decode_document(body)
    except RefusedError as refused:
        raise MalformedBodyError(f"The body is not JSON: {refused.fault.detail or 'it is empty'}.") from None
    refuse_references_to_persons(body)
    kind = document.get("resourceType") if isinstance(document, dict) else None
    if not isinstance(document, dict) or kind not in (_REPORT, _BUNDLE):
        raise MalformedBodyError(
            f"The body is no MeasureReport and no Bundle of them: resourceType is {shorten(kind)}."
        )
    return document


def refuse_references_to_persons(body: bytes) -> None:
    """Raise when a text in FHIR's JSON refers to a person."""
    if _PERSONS.search(body):
        raise PatientLevelDataError


def _noting(placed: Iterator[PlacedRow], places: list[str]) -> Iterator[Row]:
    """Yield the rows and note the place of each."""
    for row, place in placed:
        places.append(place)
        yield row


def _bundle(resource: dict[str, Any]) -> list[Entry | BadValue]:
    try:
        entries = msgspec.convert(resource, Bundle).entry
    except msgspec.ValidationError as error:
        raise MalformedBodyError(f"The Bundle cannot be read: {error}.") from None
    return [_entry(entry) for entry in entries]


def _entry(document: object) -> Entry | BadValue:
    try:
        return msgspec.convert(document, Entry)
    except msgspec.ValidationError as error:
        return BadValue(Fault(QuarantineReason.WRONG_TYPE, "entry", "", str(error)), msgspec.json.encode(document))


def _collect(entries: list[Entry | BadValue], directory: Directory) -> None:
    """Note what references can mean: the resources of the Bundle that are no reports."""
    for entry in entries:
        if isinstance(entry, BadValue) or not isinstance(entry.resource, dict):
            continue
        if entry.resource.get("resourceType") != _REPORT:
            directory.add(entry.resource, entry.full_url)


def _bundle_rows(entries: list[Entry | BadValue], place: str, context: ReportContext) -> Iterator[PlacedRow]:
    reports = resources = 0
    for index, entry in enumerate(entries):
        where = f"{place}.entry[{index}]"
        if isinstance(entry, BadValue):
            yield entry, where
            continue
        fault = _unread(entry)
        if fault is not None:
            yield BadValue(fault, msgspec.json.encode({"request": entry.request, "resource": entry.resource})), where
        elif entry.resource is not None:
            resources += 1
            if entry.resource.get("resourceType") == _REPORT:
                reports += 1
                yield from rows_of(entry.resource, f"{where}.resource", context)
    if resources and not reports:
        # No row: this may be a part of a larger Bundle, whose reports are in the next.
        context.remark(f"{place}.entry", "No resource here is a MeasureReport.", "Không có MeasureReport nào ở đây.")


def _unread(entry: Entry) -> Fault | None:
    """Return why an entry is not read; one without a resource (a response, say) is passed over."""
    if entry.request is not None and entry.request.method == "DELETE":
        detail = "a report is not taken back by an entry: correct it, or send its values with deleted: true"
        return Fault(QuarantineReason.UNSUPPORTED_DATA, "request.method", "DELETE", detail)
    if entry.resource is None:
        return None
    if not isinstance(entry.resource, dict):
        return Fault(QuarantineReason.WRONG_TYPE, "resource", shorten(entry.resource), "a resource is an object")
    if entry.resource.get("resourceType") == _BUNDLE:
        return Fault(QuarantineReason.UNSUPPORTED_DATA, "resource", _BUNDLE, "send a Bundle within a Bundle by itself")
    return None
