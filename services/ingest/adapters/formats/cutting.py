"""The cutter of each format that may come in bodies too large for memory."""

import mmap
from collections.abc import Mapping
from typing import Final

from services.ingest.adapters.formats.cutting_json import cut_batch, cut_bundle, cut_data_values, cut_rows
from services.ingest.adapters.formats.cutting_lines import cut_lines, cut_records
from services.ingest.adapters.formats.cutting_xml import cut_elements
from services.ingest.adapters.formats.slices import SLICE_BYTES, Cutter, Cutting, Slice
from services.ingest.domain.errors import BodyTooLargeError
from services.ingest.domain.reading import PayloadFormat

CUTTERS: Final[Mapping[PayloadFormat, Cutter]] = {
    PayloadFormat.NATIVE_JSON: cut_rows,
    PayloadFormat.NDJSON: cut_lines,
    PayloadFormat.CLOUDEVENTS: cut_batch,
    PayloadFormat.DHIS2: cut_data_values,
    PayloadFormat.DHIS2_XML: cut_elements,
    PayloadFormat.DHIS2_CSV: cut_records,
    PayloadFormat.ADX: cut_elements,
    PayloadFormat.FHIR: cut_bundle,
}


def cut(format_: PayloadFormat, body: mmap.mmap, slice_bytes: int = SLICE_BYTES) -> Cutting:
    """Cut a large body; BodyTooLargeError for a format that cannot be cut."""
    cutter = CUTTERS.get(format_)
    if cutter is None:
        raise BodyTooLargeError(f"A body of this size cannot be {format_.value}: split the file.")
    return cutter(body, slice_bytes)


__all__ = ["CUTTERS", "Cutter", "Cutting", "Slice", "cut"]
