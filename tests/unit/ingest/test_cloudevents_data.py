"""CloudEvents whose data are documents in the formats of data values."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from services.ingest.adapters.formats import cloudevents
from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.intake import alias_tables, read_all
from services.ingest.adapters.retry import read_row
from services.ingest.domain.errors import PatientLevelDataError
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.reading import MAX_BAD_ROWS, Desk, PayloadFormat, Reading
from services.ingest.domain.tokens import Grant
from shared.contracts.vocabulary import QuarantineReason as Reason
from tests.unit.ingest import sheet_files
from tests.unit.ingest.conftest import NOW
from tests.unit.ingest.fhir_forms import a_group, a_measure_report, ratio
from tests.unit.ingest.fhir_reading import a_fhir_catalog

CATALOG = a_fhir_catalog()
TABLES = alias_tables(CATALOG)
NORMALIZER = Normalizer(CATALOG)
READERS = all_readers(CATALOG)
ADX = (
    '<adx xmlns="urn:ihe:qrph:adx:2015" exported="2024-10-03T00:00:00Z">'
    '<group orgUnit="C1" period="2024-09-01/P1M" dataSet="d"><dataValue dataElement="KIDS_N" value="80"/>'
    '<dataValue dataElement="OTHER" value="1"/></group></adx>'
)
CSV = "dataelement,period,orgunit,categoryoptioncombo,attributeoptioncombo,value\nKIDS_N,202409,C1,,,80\n"
DHIS2 = {"dataValues": [{"dataElement": "KIDS_N", "period": "202409", "value": "80"}]}
REPORT = a_measure_report(a_group(population=ratio(80, 100)))


def a_desk(grant: Grant | None = None) -> Desk:
    return Desk(NORMALIZER, grant or Grant("hmis"), NOW, tables=TABLES)


def an_event(**attributes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "specversion": "1.0", "id": "A1", "source": "hmis", "type": "org.example.report",
        "time": "2024-10-02T08:30:00+07:00", "subject": "C2",
    }  # fmt: skip
    return {name: value for name, value in (known | attributes).items() if value is not None}


def read_body(body: bytes, desk: Desk | None = None, first_row: int = 0) -> Reading:
    reading = Reading(PayloadFormat.CLOUDEVENTS, first_row=first_row)
    read = READERS.events[PayloadFormat.CLOUDEVENTS]
    asyncio.run(read_all(read(body, desk or a_desk(), reading)))
    return reading


def read(*events: Any, desk: Desk | None = None) -> Reading:
    return read_body(msgspec.json.encode(events[0] if len(events) == 1 else events), desk)


def read_binary(headers: Mapping[str, str], body: bytes) -> Reading:
    known = {"ce-specversion": "1.0", "ce-id": "A1", "ce-source": "hmis", "ce-type": "t", "ce-subject": "C2",
             "ce-time": "2024-10-02T08:30:00Z"}  # fmt: skip
    return read_body(cloudevents.from_binary(known | dict(headers), body))


def numerators(reading: Reading) -> list[tuple[str, int | None]]:
    return [(draft.event.unit, draft.event.numerator) for draft in reading.good]


@pytest.mark.parametrize(
    ("attributes", "place", "unit"),
    [
        pytest.param({"datacontenttype": "application/adx+xml", "data": ADX}, "data/adx/group[1]/dataValue[1]", "C1",
                     id="ADX"),
        pytest.param({"data": ADX}, "data/adx/group[1]/dataValue[1]", "C1", id="XML without a content type"),
        pytest.param({"datacontenttype": "text/csv", "data": CSV}, "data: line 2", "C1", id="DHIS2 CSV"),
        pytest.param({"datacontenttype": "application/json", "data": DHIS2}, "data.dataValues[0]", "C2", id="DHIS2"),
        pytest.param({"data": REPORT}, "data.MeasureReport.group[0].population[1]", "C1", id="FHIR"),
        pytest.param({"datacontenttype": "application/fhir+json", "data": REPORT},
                     "data.MeasureReport.group[0].population[1]", "C1", id="FHIR by its content type"),
        pytest.param({"datacontenttype": "application/fhir+json",
                      "data_base64": base64.b64encode(msgspec.json.encode(REPORT)).decode()},
                     "data.MeasureReport.group[0].population[1]", "C1", id="FHIR in base64"),
        pytest.param({"datacontenttype": "application/xml", "data_base64": base64.b64encode(ADX.encode()).decode()},
                     "data/adx/group[1]/dataValue[1]", "C1", id="ADX in base64"),
    ],
)  # fmt: skip
def test_data_in_any_format_go_through_the_profile_of_their_source(
    attributes: dict[str, Any], place: str, unit: str
) -> None:
    reading = read(an_event(**attributes))

    assert numerators(reading) == [(unit, 80)]
    assert reading.place(reading.good[0].row) == place
    assert reading.good[0].key[0] == "hmis"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/adx+xml", ADX.encode()),
        ("text/csv; charset=utf-8", CSV.encode()),
        ("application/json", msgspec.json.encode(DHIS2)),
        ("application/fhir+json", msgspec.json.encode(REPORT)),
    ],
)
def test_binary_mode_carries_the_same(content_type: str, body: bytes) -> None:
    assert [number for _, number in numerators(read_binary({"content-type": content_type}, body))] == [80]


def test_a_workbook_comes_in_base64_and_its_sender_needs_no_profile() -> None:
    body = sheet_files.xlsx((*sheet_files.BHYT_HEAD, (1, "06184", "Thị trấn Đồng Đăng", 3512, 3620, 3401, 3498)))
    event = an_event(
        source="commune",
        datacontenttype="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        data_base64=base64.b64encode(body).decode(),
    )
    desk = Desk(Normalizer(sheet_files.CATALOG), Grant("commune"), NOW)
    reading = Reading(PayloadFormat.CLOUDEVENTS)
    read = all_readers(sheet_files.CATALOG).events[PayloadFormat.CLOUDEVENTS]

    asyncio.run(read_all(read(msgspec.json.encode(event), desk, reading)))

    assert [(draft.event.numerator, draft.event.denominator) for draft in reading.good] == [(3401, 3512), (3498, 3620)]
    assert reading.place(reading.good[0].row) == "data: BHYT!D6"


def test_time_and_subject_stand_in_for_what_the_data_do_not_say() -> None:
    event = read(an_event(data=DHIS2)).good[0].event

    assert (event.unit, event.observed_at.isoformat()) == ("C2", "2024-10-02T01:30:00+00:00")


def test_a_batch_may_mix_formats_and_every_row_has_its_number_and_place() -> None:
    native = {"commune": "C1", "indicator": "kids", "period": "2024-08", "numerator": 1, "denominator": 2}
    batch = [an_event(data=[native, native | {"period": "x"}]), 7, an_event(data=ADX), an_event(id="A2", data=native)]

    reading = read(*batch)

    assert (reading.rows, [draft.row for draft in reading.good]) == (6, [0, 3, 5])
    assert [reading.place(row) for row in range(6)] == [
        "[0].data[0]", "[0].data[1]", "[1]", "[2].data/adx/group[1]/dataValue[1]",
        "[2].data/adx/group[1]/dataValue[2]", "[3]",
    ]  # fmt: skip
    assert [(bad.row, bad.fault.reason) for bad in reading.bad] == [
        (1, Reason.BAD_PERIOD), (2, Reason.WRONG_TYPE), (4, Reason.UNKNOWN_ALIAS)
    ]  # fmt: skip


def test_a_part_of_a_larger_batch_counts_on() -> None:
    body = msgspec.json.encode([an_event(data=DHIS2), 7])

    reading = read_body(body, first_row=40)

    assert [reading.place(row) for row in (40, 41)] == ["[40].data.dataValues[0]", "[41]"]


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        pytest.param({"datacontenttype": "text/plain", "data": "Hello, World!"}, "datacontenttype", id="plain text"),
        pytest.param({"datacontenttype": "application/xml", "data": "<msg>Hello</msg>"}, "data", id="another XML"),
        pytest.param({"datacontenttype": "application/xml", "data": "<adx"}, "data", id="half an XML"),
        pytest.param({"datacontenttype": "application/adx+xml", "data": {"a": 1}}, "datacontenttype", id="no text"),
        pytest.param({"datacontenttype": "application/json", "data": ADX}, "data", id="XML that is called JSON"),
        pytest.param({"data": {"dataValues": 7}}, "data", id="a broken set"),
        pytest.param({"data": {"resourceType": "Measure"}}, "data", id="FHIR without numbers"),
        pytest.param({"source": "agri", "data": ADX}, "source", id="a source without a profile"),
        pytest.param({"datacontenttype": "application/vnd.datchuan.data-values+json", "data": [{}]}, "datacontenttype",
                     id="what only the quarantine writes"),
    ],
)  # fmt: skip
def test_data_that_are_no_values_spoil_only_their_event(attributes: dict[str, Any], field: str) -> None:
    desk = a_desk(Grant("hmis", frozenset({"agri"})))

    reading = read(an_event(**attributes), an_event(id="A2", data=DHIS2), desk=desk)

    assert [(bad.row, bad.fault.reason, bad.fault.field) for bad in reading.bad] == [
        (0, Reason.UNSUPPORTED_DATA, field)
    ]
    assert len(reading.good) == 1


def test_rows_are_kept_without_what_else_an_event_says() -> None:
    native = {"commune": "C8", "indicator": "kids", "period": "2024-08", "numerator": 1, "denominator": 2}
    more = {"extension": "x" * 100_000}

    reading = read(an_event(data=[native] * 3, **more), an_event(data=DHIS2, subject="C8", **more))

    assert [bad.fault.reason for bad in reading.bad] == [Reason.UNKNOWN_COMMUNE] * 4
    assert max(len(bad.raw) for bad in reading.bad) < 1_000


@pytest.mark.parametrize("name", ["id", "source", "type", "time", "subject"])
def test_an_attribute_that_is_too_long_is_set_aside(name: str) -> None:
    (bad,) = read(an_event(**{name: "x" * 201}, data=DHIS2)).bad

    assert (bad.fault.reason, bad.fault.field) == (Reason.WRONG_TYPE, name)


def test_a_source_that_the_token_may_not_send_for_is_set_aside() -> None:
    assert read(an_event(source="bhxh", data=ADX)).bad[0].fault.reason is Reason.SOURCE_NOT_ALLOWED


def test_a_relay_sends_for_the_source_of_the_event() -> None:
    relay = a_desk(Grant("gateway", frozenset({"hmis"})))

    assert read(an_event(data=DHIS2), desk=relay).good[0].key[0] == "hmis"


@pytest.mark.parametrize("data", ["<hoso><HO_TEN>A</HO_TEN></hoso>", "<GIAMDINHHS/>", "ho_ten,so\nA,1\n"])
def test_data_of_persons_in_any_wrapping_refuse_the_request(data: str) -> None:
    encoded = base64.b64encode(data.encode()).decode()
    content_type = "text/csv" if "," in data else "application/xml"

    with pytest.raises(PatientLevelDataError):
        read(an_event(datacontenttype=content_type, data=data))
    with pytest.raises(PatientLevelDataError):
        read(an_event(datacontenttype=content_type, data_base64=encoded))


def test_the_same_event_sent_again_makes_the_same_reports() -> None:
    first, again = read(an_event(data=ADX)), read(an_event(data=ADX))

    assert [draft.key for draft in first.good] == [draft.key for draft in again.good]


def test_remarks_say_in_which_event() -> None:
    strata = [{"value": {"text": "x"}, "population": ratio(1, 2)}]
    report = a_measure_report(a_group(population=ratio(80, 100), stratifier=[{"stratum": strata}]))

    reading = read(an_event(data=DHIS2), an_event(id="A2", data=report))

    assert {remark.place.split(".stratifier")[0] for remark in reading.remarks} == {"[1].data.MeasureReport.group[0]"}


async def test_a_quarantined_value_is_kept_with_its_source_and_can_be_read_again() -> None:
    relay = Grant("gateway", frozenset({"hmis"}))
    desk = a_desk(relay)
    reading = Reading(PayloadFormat.CLOUDEVENTS)
    body = msgspec.json.encode(an_event(datacontenttype="application/xml", data=ADX.replace("C1", "C8")))
    await read_all(READERS.events[PayloadFormat.CLOUDEVENTS](body, desk, reading))
    kept = next(bad for bad in reading.bad if bad.fault.reason is Reason.UNKNOWN_COMMUNE)

    still_bad = await read_row(PayloadFormat.CLOUDEVENTS, kept.raw, desk, TABLES)
    corrected = await read_row(PayloadFormat.CLOUDEVENTS, kept.raw.replace(b"C8", b"C1"), desk, TABLES)

    assert still_bad.bad[0].fault.reason is Reason.UNKNOWN_COMMUNE
    assert [(draft.key[0], draft.event.numerator) for draft in corrected.good] == [("hmis", 80)]
    assert corrected.good[0].event.observed_at.isoformat() == "2024-10-03T00:00:00+00:00"


async def test_an_event_set_aside_as_a_whole_is_read_again_with_its_document() -> None:
    raw = msgspec.json.encode(an_event(datacontenttype="application/xml", data=ADX))

    reading = await read_row(PayloadFormat.CLOUDEVENTS, raw, a_desk(), TABLES, READERS.values)

    assert [draft.event.numerator for draft in reading.good] == [80]


async def test_a_kept_event_with_more_bad_rows_than_one_request_may_have_stays_as_it_is() -> None:
    raw = msgspec.json.encode(an_event(data=[{"indicator": "?"}] * (MAX_BAD_ROWS + 1)))

    reading = await read_row(PayloadFormat.CLOUDEVENTS, raw, a_desk(Grant("hmis")), TABLES)

    assert (reading.good, reading.bad) == ([], [])


@pytest.mark.parametrize(
    "fields",
    [
        {"specversion": "0.3", "datacontenttype": "text/csv"},
        {"datacontenttype": "text/plain"},
        {"source": "nobody", "datacontenttype": "text/csv"},
    ],
)
def test_an_event_that_is_refused_as_a_whole_is_kept_without_the_document_that_nobody_looked_into(
    fields: dict[str, Any],
) -> None:
    text = "STT;Họ và tên;Mã xã\n1;Nguyễn Văn A;C1\n"
    carried: list[dict[str, Any]] = [
        {"data": text},
        {"data": None, "data_base64": base64.b64encode(text.encode()).decode()},
    ]

    bad = [bad for data in carried for bad in read(an_event(**(fields | data))).bad]

    assert len(bad) == len(carried)
    for row in bad:
        assert not {"data", "data_base64"} & {name for name, value in msgspec.json.decode(row.raw).items() if value}
        assert "Nguyễn" not in repr(row.fault)


def test_a_document_of_persons_in_an_unread_type_refuses_the_request() -> None:
    with pytest.raises(PatientLevelDataError):
        read(an_event(datacontenttype="text/plain", data='{"ho_ten": "Nguyễn Văn A"}'))
