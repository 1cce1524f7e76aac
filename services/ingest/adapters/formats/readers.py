"""The reader of each format: the one table of them."""

from services.ingest.adapters.formats import adx, cloudevents, dhis2, dhis2_csv, dhis2_xml, fhir, kept, native_body
from services.ingest.adapters.formats.sheets import SheetReader
from services.ingest.adapters.formats.value_set import Readers, ValueReader
from services.ingest.domain.reading import PayloadFormat
from shared.catalog.catalog import Catalog


def all_readers(catalog: Catalog) -> Readers:
    """Return the reader of every format; the catalog has the forms of spreadsheets."""
    values = _value_readers(SheetReader(catalog.forms, catalog.indicators, units=catalog.units))
    return Readers(
        events={
            PayloadFormat.NATIVE_JSON: native_body.read_json,
            PayloadFormat.NDJSON: native_body.read_ndjson,
            PayloadFormat.CLOUDEVENTS: cloudevents.CloudEventReader(values),
        },
        values=values | {PayloadFormat.DATA_VALUES: kept.read_kept},
    )


def _value_readers(sheets: SheetReader) -> dict[PayloadFormat, ValueReader]:
    """Return the reader of every format of data values that senders may send."""
    return {
        PayloadFormat.DHIS2: dhis2.read_json,
        PayloadFormat.DHIS2_XML: dhis2_xml.read_xml,
        PayloadFormat.ADX: adx.read_adx,
        PayloadFormat.DHIS2_CSV: dhis2_csv.read_csv,
        PayloadFormat.FHIR: fhir.read_fhir,
        PayloadFormat.SPREADSHEET: sheets.read_workbook,
        PayloadFormat.CSV: sheets.read_text,
    }
