"""The table of targets: every parser, with the grammar of its inputs and what must be true of what it gives."""

from collections.abc import Callable, Hashable, Sequence
from random import Random
from typing import Final

from services.ingest.adapters.formats import cloudevents
from services.ingest.domain.errors import IngestError
from services.ingest.domain.reading import MAX_BAD_ROWS, VALUE_FORMATS, PayloadFormat
from tests.fuzz import (
    catalog_targets,
    envelope_targets,
    envelopes,
    json_documents,
    other_documents,
    patients,
    text_targets,
    workbooks,
)
from tests.fuzz.fuzzing import BrokenError, Target
from tests.fuzz.reading_oracle import check_reading, said
from tests.fuzz.slicing import check_slices, sliceable
from tests.fuzz.world import World, shipped_world, small_world

_TWICE: Final = 4
_FEW: Final = 3


def refused(error: IngestError) -> Hashable:
    """Return what tells refusals apart: the error, and its first words."""
    return type(error).__name__, " ".join(str(error).split()[:4])[:30]


def _check_format(format_: PayloadFormat, world: Callable[[], World]) -> Callable[[bytes], Hashable]:
    def check(body: bytes) -> Hashable:
        the = world()
        desk = the.desk()
        try:
            reading = the.read(format_, body, desk)
        except IngestError as error:
            str(error).encode()
            return refused(error)
        way = check_reading(reading, desk)
        if len(body) % _TWICE == 0 and said(reading) != said(the.read(format_, body, the.desk())):
            raise BrokenError("reading twice gives something else")
        kept = PayloadFormat.DATA_VALUES if format_ in VALUE_FORMATS else format_
        for bad in reading.bad[:_FEW]:
            the.retry(kept, bad.raw)
        for draft in reading.good[:_FEW]:
            again = the.retry(kept, draft.raw)
            if len(again.good) != 1 or again.bad or again.good[0].tail != draft.tail:
                raise BrokenError("what was good is something else when it is kept and read again")
        return way

    return check


def _check_binary(body: bytes) -> Hashable:
    """Read a CloudEvent in binary mode: the headers stand before an empty line."""
    head, _, content = body.partition(b"\r\n\r\n")
    lines = [line.partition(":") for line in head.decode("latin-1").split("\r\n")]
    headers = {name.strip().casefold(): value.strip() for name, _, value in lines}
    if not cloudevents.is_binary(headers):
        return "no event"
    try:
        structured = cloudevents.from_binary(headers, content)
    except IngestError as error:
        return refused(error)
    return _check_format(PayloadFormat.CLOUDEVENTS, small_world)(structured)


def _check_kept(body: bytes) -> Hashable:
    """Read what may stand in the quarantine, as each kind of row."""
    return tuple(
        (len(reading.good), tuple(bad.fault.reason.value for bad in reading.bad[:2]))
        for format_ in (PayloadFormat.DATA_VALUES, PayloadFormat.NDJSON, PayloadFormat.CLOUDEVENTS)
        for reading in (small_world().retry(format_, body),)
    )


def _kept(random: Random) -> bytes:
    make = random.choice((json_documents.native_json, json_documents.cloudevents, _values))
    return make(random)


def _values(random: Random) -> bytes:
    fields = ("element", "org_unit", "period", "option", "value", "observed_at", "role", "indicator")
    values = [json_documents.data_value(random) for _ in range(random.randrange(3))]
    return json_documents.written(random, [dict(zip(fields, value.values(), strict=False)) for value in values])


def _many_bad(random: Random) -> bytes:
    """Return very many rows of which none is right, so that the limit of bad rows is met."""
    return b"\n".join([b"{}"] * (MAX_BAD_ROWS + random.choice((-1, 0, 1, 2))))


_DOCUMENTS: Final = {
    PayloadFormat.NATIVE_JSON: json_documents.native_json,
    PayloadFormat.NDJSON: json_documents.ndjson,
    PayloadFormat.CLOUDEVENTS: json_documents.cloudevents,
    PayloadFormat.DHIS2: json_documents.dhis2,
    PayloadFormat.DHIS2_XML: other_documents.dhis2_xml,
    PayloadFormat.DHIS2_CSV: other_documents.dhis2_csv,
    PayloadFormat.ADX: other_documents.adx,
    PayloadFormat.FHIR: json_documents.fhir,
}

TARGETS: Final[Sequence[Target]] = (
    *(
        Target(format_.value, make, _check_format(format_, small_world), weight=1.5)
        for format_, make in _DOCUMENTS.items()
    ),
    Target("cloudevents_binary", json_documents.binary_event, _check_binary),
    Target("kept_values", _kept, _check_kept),
    Target("csv", other_documents.csv_form, _check_format(PayloadFormat.CSV, shipped_world), weight=1.5),
    Target(
        "spreadsheet", workbooks.workbook, _check_format(PayloadFormat.SPREADSHEET, shipped_world), max_seconds=None,
        weight=2.0, quick_inputs=8,
    ),
    Target("slices", sliceable, check_slices),
    Target("folded", envelopes.folded, envelope_targets.check_folded),
    Target("form", envelopes.form, envelope_targets.check_form),
    Target("detection", envelopes.head, envelope_targets.check_head),
    *text_targets.TARGETS,
    *catalog_targets.TARGETS,
    Target("patients", patients.document, patients.check, is_mutated=False, weight=1.5, quick_inputs=300),
    Target("bad_rows", _many_bad, _check_format(PayloadFormat.NDJSON, small_world), is_mutated=False, weight=0.2,
           quick_inputs=2, max_seconds=None),
)  # fmt: skip
