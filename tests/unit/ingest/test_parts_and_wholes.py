"""A body taken in parts is told as the same body taken whole: in every format that is cut, by the real readers."""

import datetime as dt
from collections.abc import Iterator, Sequence

import msgspec
import pytest

from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.intake import Import, Intake, alias_tables
from services.ingest.adapters.parts import Imports
from services.ingest.adapters.submission import Committed, Submission
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.reading import PayloadFormat
from services.ingest.domain.receipts import Quarantined, Receipt
from services.ingest.domain.report import ImportReport, counts_of
from services.ingest.domain.tokens import Grant
from shared.catalog.load import load_catalog
from shared.testing.clocks import ManualClock
from tests.unit.ingest.large_body import Body

NOW = dt.datetime(2024, 10, 15, 5, 0, tzinfo=dt.UTC)
COMMUNES = ("06208", "06187", "99999", "06184")
AT = "2024-10-02T08:30:00"


class Counter:
    async def submit(self, submission: Submission) -> Receipt:
        receipt = Receipt(quarantined=[Quarantined.of(bad) for bad in submission.reading.bad])
        receipt.count_accepted(submission.reading.good)
        return receipt

    async def rehearse(self, submissions: Sequence[Submission]) -> Committed:
        return Committed([await self.submit(submission) for submission in submissions], [])


@pytest.fixture(scope="module")
def intake() -> Intake:
    catalog = load_catalog()
    counter = Counter()
    return Intake(
        Normalizer(catalog), alias_tables(catalog), all_readers(catalog), counter, counter.rehearse, ManualClock(NOW)
    )


def values() -> Iterator[tuple[str, str, str, str]]:
    """Yield element, commune, period and value; one of four communes is unknown and one element of each."""
    for month in range(1, 10):
        for commune in COMMUNES:
            for element in ("SddThapCoi1", "SddDuocDo01", "Nope"):
                yield element, commune, f"2024{month:02d}", "90" if element == "SddThapCoi1" else "100"


def dhis2() -> bytes:
    rows = [
        {"dataElement": element, "orgUnit": commune, "period": period, "value": value, "lastUpdated": AT}
        for element, commune, period, value in values()
    ]
    return msgspec.json.encode({"dataValues": rows, "completeDate": "2024-10-10"})


def dhis2_xml() -> bytes:
    rows = "".join(
        f'\n <dataValue dataElement="{element}" orgUnit="{commune}" period="{period}" value="{value}" '
        f'lastUpdated="{AT}"/>'
        for element, commune, period, value in values()
    )
    return f'<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0">{rows}\n</dataValueSet>'.encode()


def dhis2_csv() -> bytes:
    lines = ["dataelement,period,orgunit,categoryoptioncombo,attributeoptioncombo,value,storedby,lastupdated,comment"]
    for element, commune, period, value in values():
        lines.append(f'{element},{period},{commune},,,{value},x,{AT},"one\ntwo, ""three"""')
    return "\n".join(lines).encode()


def adx() -> bytes:
    groups: dict[tuple[str, str], list[str]] = {}
    for element, commune, period, value in values():
        groups.setdefault((commune, period), []).append(f'<dataValue dataElement="{element}" value="{value}"/>')
    text = "".join(
        f'<group orgUnit="{commune}" period="{period[:4]}-{period[4:]}-01/P1M">{"".join(rows)}</group>\n'
        for (commune, period), rows in groups.items()
    )
    return f'<adx xmlns="urn:ihe:qrph:adx:2015" exported="2024-10-02T08:30:00Z">{text}</adx>'.encode()


def fhir() -> bytes:
    def entry(commune: str, month: int) -> dict[str, object]:
        population = [
            {"code": {"coding": [{"code": code}]}, "count": count}
            for code, count in (("numerator", 9), ("denominator", 10))
        ]
        groups = [{"code": {"coding": [{"code": code}]}, "population": population} for code in ("stunting_u5", "nope")]
        report = {
            "resourceType": "MeasureReport", "status": "complete", "type": "summary", "date": f"{AT}Z",
            "measure": "http://example.org/m", "subject": {"identifier": {"value": commune}},
            "period": {"start": f"2024-{month:02d}-01", "end": f"2024-{month:02d}-28"}, "group": groups,
        }  # fmt: skip
        return {"resource": report}

    entries = [entry(commune, month) for month in range(1, 10) for commune in COMMUNES]
    return msgspec.json.encode({"resourceType": "Bundle", "type": "collection", "entry": entries})


def events() -> list[bytes]:
    return [
        msgspec.json.encode(
            {
                "id": f"{commune}-{period}-{element}", "commune": commune, "indicator": "stunting_u5", "period": period,
                "numerator": int(value), "denominator": 95, "observed_at": f"{AT}Z",
            }
        )
        for element, commune, period, value in values()
    ]  # fmt: skip


def batch() -> bytes:
    wrapped = [
        {"specversion": "1.0", "id": str(number), "source": "hmis", "type": "vn.datchuan.indicator.reported.v1",
         "data": msgspec.json.decode(event)}
        for number, event in enumerate(events())
    ]  # fmt: skip
    return msgspec.json.encode(wrapped)


BODIES = {
    PayloadFormat.DHIS2: ("hmis", dhis2()),
    PayloadFormat.DHIS2_XML: ("hmis", dhis2_xml()),
    PayloadFormat.DHIS2_CSV: ("hmis", dhis2_csv()),
    PayloadFormat.ADX: ("hmis", adx()),
    PayloadFormat.FHIR: ("fhir", fhir()),
    PayloadFormat.NDJSON: ("hmis", b"\n".join(events())),
    PayloadFormat.NATIVE_JSON: ("hmis", b"[" + b",\n".join(events()) + b"]"),
    PayloadFormat.CLOUDEVENTS: ("hmis", batch()),
}


def conflicts(report: ImportReport) -> list[tuple[object, ...]]:
    return [(found.rows, found.places, found.code, found.field, found.value) for found in report.conflicts]


@pytest.mark.parametrize("slice_bytes", [300, 1_000, 5_000])
@pytest.mark.parametrize("format_", list(BODIES))
async def test_what_is_told_of_a_body_does_not_depend_on_how_it_was_cut(
    intake: Intake, format_: PayloadFormat, slice_bytes: int
) -> None:
    source, body = BODIES[format_]
    grant = Grant(source, frozenset())
    whole = await intake.take(grant, Import(format=format_, body=body))
    parts: list[ImportReport] = []

    async def take(grant: Grant, asked: Import) -> ImportReport:
        parts.append(await intake.take(grant, asked))
        return parts[-1]

    imports = Imports(take, lambda: None, slice_bytes)
    in_parts = await imports.take(grant, Import(format=format_, body=b"", large=Body(body)))

    assert whole.quarantined > 0
    assert whole.accepted > 0
    assert len(parts) > 1
    assert counts_of(in_parts) == counts_of(whole)
    assert conflicts(in_parts) == conflicts(whole)
    assert in_parts.rejected_rows == whole.rejected_rows
    assert in_parts.complete_date == whole.complete_date
