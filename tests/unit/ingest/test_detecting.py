"""The format of a body by its beginning: the content says it, the content type only where that is open."""

import codecs
import io
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import xlsxwriter
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet, OpenDocumentText

from services.ingest.adapters.formats.detecting import (
    DHIS2_ACCEPTED,
    FHIR_ACCEPTED,
    HEAD_BYTES,
    check_format,
    detect,
    detect_among,
)
from services.ingest.domain.errors import (
    IngestError,
    MalformedBodyError,
    PatientLevelDataError,
    UnsupportedFormatError,
)
from services.ingest.domain.reading import PayloadFormat

P = PayloadFormat
DHIS2 = b'{"dataSet":"F","period":"202409","dataValues":[{"dataElement":"a"}]}'
NATIVE = b'{"id":"e1","commune":"06196","indicator":"rate"}'
DXF = b'<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0"/>'
ADX = b'<adx xmlns="urn:ihe:qrph:adx:2015"/>'
CSV = "Mã xã;Tên xã;Nam;Nữ\n06196;Xã Một;1;2\n"
DHIS2_CSV = b"dataelement,period,orgunit,categoryoptioncombo,attributeoptioncombo,value\na,202409,b,,,1\n"
EVENT = b'{"specversion":"1.0","id":"a","source":"b","type":"c","data":{"indicator":"x"}}'
REPORT = b'{"resourceType":"MeasureReport","type":"summary"}'


def a_zip(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "content of " + name)
    return file.getvalue()


def an_xlsx() -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet().write(0, 0, "Mã xã")
    return file.getvalue()


def an_xls() -> bytes:
    file, book = io.BytesIO(), xlwt.Workbook()
    book.add_sheet("S").write(0, 0, "Mã xã")
    book.save(file)
    return file.getvalue()


def an_open_document(kind: Callable[[], Any]) -> bytes:
    file, document = io.BytesIO(), kind()
    document.save(file)
    return file.getvalue()


FOUND: list[tuple[str, bytes, PayloadFormat]] = [
    ("DHIS2 JSON", DHIS2, P.DHIS2),
    ("DHIS2 JSON with a byte order mark", codecs.BOM_UTF8 + DHIS2, P.DHIS2),
    ("DHIS2 JSON after blanks", b" \r\n\t " + DHIS2, P.DHIS2),
    ("DHIS2 JSON cut off inside a string", b'{"dataValues":[{"comment":"' + b"x" * HEAD_BYTES, P.DHIS2),
    ("DHIS2 JSON whose values come late", b'{"a":{"dataSet":1},"comment":"\\"{[","dataValues":[]}', P.DHIS2),
    ("DHIS2 JSON without values yet known", b'{"dataValues":', P.DHIS2),
    ("DHIS2 JSON in UTF-16", codecs.BOM_UTF16_LE + DHIS2.decode().encode("utf-16-le"), P.DHIS2),
    ("a MeasureReport", REPORT, P.FHIR),
    ("a Bundle whose kind comes last", b'{"entry":[{"resource":{}}],"resourceType":"Bundle"}', P.FHIR),
    ("a Bundle too long to see its kind", b'{"entry":[' + b'{"resourceType":"MeasureReport"},' * 3_000, P.FHIR),
    ("a CloudEvent", EVENT, P.CLOUDEVENTS),
    ("a batch of CloudEvents", b"[" + EVENT + b"," + EVENT + b"]", P.CLOUDEVENTS),
    ("a CloudEvent with values in it", b'{"data":{"dataValues":[]},"specversion":"1.0"}', P.CLOUDEVENTS),
    ("an event", NATIVE, P.NATIVE_JSON),
    ("an event over several lines", NATIVE.replace(b",", b",\n  "), P.NATIVE_JSON),
    ("an array of events", b"[" + NATIVE + b"," + NATIVE + b"]", P.NATIVE_JSON),
    ("events one a line", NATIVE + b"\n" + NATIVE + b"\n", P.NDJSON),
    ("events one a line with a mark", codecs.BOM_UTF8 + NATIVE + b"\r\n" + NATIVE, P.NDJSON),
    ("DHIS2 XML", DXF, P.DHIS2_XML),
    ("DHIS2 XML with a prefix", b'<d:dataValueSet xmlns:d="http://dhis2.org/schema/dxf/2.0">', P.DHIS2_XML),
    ("DHIS2 XML after a licence", b"<!--\n  Copyright > <adx>\n-->\n<?xml-stylesheet href='a'?>\n" + DXF, P.DHIS2_XML),
    ("ADX", ADX, P.ADX),
    ("ADX with a declaration", b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n\n' + ADX, P.ADX),
    ("ADX in UTF-16", ADX.decode().encode("utf-16"), P.ADX),
    ("ADX in UTF-16 without a mark", ADX.decode().encode("utf-16-le"), P.ADX),
    ("ADX in big UTF-16 without a mark", ADX.decode().encode("utf-16-be"), P.ADX),
    ("DHIS2 CSV", DHIS2_CSV, P.DHIS2_CSV),
    ("DHIS2 CSV in quotes", DHIS2_CSV.replace(b"dataelement", b'"dataElement"'), P.DHIS2_CSV),
    ("DHIS2 CSV with tabs", DHIS2_CSV.replace(b",", b"\t"), P.DHIS2_CSV),
    ("DHIS2 CSV with a mark", codecs.BOM_UTF8 + DHIS2_CSV, P.DHIS2_CSV),
    ("a form as CSV", CSV.encode(), P.CSV),
    ("a form as CSV with a mark", CSV.encode("utf-8-sig"), P.CSV),
    ("a form as CSV in UTF-16", CSV.encode("utf-16"), P.CSV),
    ("a form as TSV in Windows-1258", "Ma xa\tTên\tSô\n06196\tXa\t1".encode("cp1258"), P.CSV),
    ("a form under a title", f"BIỂU TỔNG HỢP\n\n{CSV}".encode(), P.CSV),
    ("a form whose first line names the separator", f"sep=;\n{CSV}".encode(), P.CSV),
    ("an xlsx", an_xlsx(), P.SPREADSHEET),
    ("an xls", an_xls(), P.SPREADSHEET),
    ("an ods", an_open_document(OpenDocumentSpreadsheet), P.SPREADSHEET),
]  # fmt: skip

REFUSED: list[tuple[str, bytes, type[IngestError], str | None]] = [
    ("nothing", b"", MalformedBodyError, "empty"),
    ("a byte order mark and blanks", codecs.BOM_UTF8 + b" \n", MalformedBodyError, "empty"),
    ("64 KB of blanks", b" " * HEAD_BYTES, MalformedBodyError, "blanks"),
    ("XML with a DOCTYPE", b'<?xml version="1.0"?><!DOCTYPE adx [<!ENTITY a ""' + ADX, MalformedBodyError, "DOCTYPE"),
    ("XML without a root", b"<?xml version='1.0'?>", MalformedBodyError, "root"),
    ("XML of something else", b"<metaData/>", UnsupportedFormatError, "'metaData'"),
    ("FHIR in XML", b'<MeasureReport xmlns="http://hl7.org/fhir"/>', UnsupportedFormatError, "JSON"),
    ("a web page called xls", b"<html><table><tr><td>1", UnsupportedFormatError, "xlsx"),
    ("a web page with a DOCTYPE", b"<!DOCTYPE html><html>", UnsupportedFormatError, "xlsx"),
    ("a workbook of 2003", b'<?xml version="1.0"?><?mso-application?><Workbook/>', UnsupportedFormatError, "xlsx"),
    ("JSON of something else", b'{"metadata":{}}', UnsupportedFormatError, "dataValues"),
    ("an empty array", b"[]", UnsupportedFormatError, "dataValues"),
    ("a PDF", b"%PDF-1.7\n1 0 obj", UnsupportedFormatError, "PDF"),
    ("a gzip", b"\x1f\x8b\x08\x00", UnsupportedFormatError, "only once"),
    ("a RAR", b"Rar!\x1a\x07\x00", UnsupportedFormatError, "RAR"),
    ("a zip of files", a_zip("a.csv", "b.csv"), UnsupportedFormatError, "a zip of files"),
    ("a letter in Word", a_zip("[Content_Types].xml", "word/document.xml"), UnsupportedFormatError, "no workbook"),
    ("a letter in Writer", an_open_document(OpenDocumentText), UnsupportedFormatError, "no workbook"),
    ("bytes without meaning", b"\x01\x02\x03\x00\x00\x07", UnsupportedFormatError, "neither text"),
    ("UTF-32", CSV.encode("utf-32"), UnsupportedFormatError, "neither text"),
    ("a word", b"hello", UnsupportedFormatError, "without columns"),
    ("insurance records", b'<?xml version="1.0"?><GIAMDINHHS><THONGTINDONVI/>', PatientLevelDataError, None),
    ("one table of them", b"<TONG_HOP><MA_LK>1</MA_LK></TONG_HOP>", PatientLevelDataError, None),
    ("another table of them", b"<CHITIEU_CHITIET_THUOC/>", PatientLevelDataError, None),
    ("a clinical document", b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>', PatientLevelDataError, None),
    ("tracker data", b'{"events":[{"trackedEntity":"x"}]}', PatientLevelDataError, None),
    ("a list of patients", b"STT,HO_TEN,NGAY_SINH\n1,x,1990", PatientLevelDataError, None),
]  # fmt: skip


@pytest.mark.parametrize(("head", "found"), [pytest.param(*case[1:], id=case[0]) for case in FOUND])
@pytest.mark.parametrize("content_type", ["", "application/json", "text/csv", "application/zip"])
def test_the_content_says_what_it_is_whatever_the_content_type(
    head: bytes, found: PayloadFormat, content_type: str
) -> None:
    assert detect(content_type, "file.dat", head[:HEAD_BYTES]) is found


@pytest.mark.parametrize(("head", "error", "text"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED])
def test_what_is_not_read_is_refused_with_a_reason(head: bytes, error: type[IngestError], text: str | None) -> None:
    with pytest.raises(error, match=text):
        detect("", "", head)


@pytest.mark.parametrize(
    ("content_type", "name", "head", "found"),
    [
        ("application/x-ndjson", "", NATIVE, P.NDJSON),
        ("", "events.jsonl", NATIVE, P.NDJSON),
        ("application/json", "", NATIVE, P.NATIVE_JSON),
        ("application/cloudevents-batch+json", "", b"[]", P.CLOUDEVENTS),
        ("application/fhir+json; charset=utf-8", "", b'{"entry":[]}', P.FHIR),
        ("text/csv", "", b"one\n2\n", P.CSV),
        ("", "one.csv", b"one\n2\n", P.CSV),
    ],
)
def test_content_type_and_name_decide_where_the_content_leaves_a_choice(
    content_type: str, name: str, head: bytes, found: PayloadFormat
) -> None:
    assert detect(content_type, name, head) is found


@pytest.mark.parametrize(
    ("content_type", "head", "found"),
    [
        ("application/json", DHIS2, P.DHIS2),
        ("application/json", b"[]", P.DHIS2),
        ("application/json", b"nonsense", P.DHIS2),
        ("", DHIS2, P.DHIS2),
        ("application/xml;charset=UTF-8", DXF, P.DHIS2_XML),
        ("application/xml", ADX, P.ADX),
        ("application/adx+xml", ADX, P.ADX),
        ("application/xml+adx", ADX, P.ADX),
        ("text/csv", DHIS2_CSV, P.DHIS2_CSV),
        ("application/csv", b'"f7n9E0hX8qk","201201","DiszpKrYNg8","","","10001"', P.DHIS2_CSV),
        ("application/gzip", DHIS2_CSV, P.DHIS2_CSV),
    ],
)
def test_dhis2s_endpoint_reads_what_its_content_type_promises(
    content_type: str, head: bytes, found: PayloadFormat
) -> None:
    assert detect_among(DHIS2_ACCEPTED, content_type, head) is found


@pytest.mark.parametrize(
    ("content_type", "head"),
    [
        ("application/json", an_xlsx()),
        ("application/json", DXF),
        ("application/json", a_zip("a.json", "b.json")),
        ("application/xml", DHIS2),
        ("text/csv", DHIS2),
        ("", an_xlsx()),
        ("application/xml", b"<metaData/>"),
        ("application/pdf", DHIS2),
        ("multipart/form-data; boundary=x", DHIS2),
    ],
)
def test_dhis2s_endpoint_refuses_a_content_type_that_contradicts_the_content(content_type: str, head: bytes) -> None:
    with pytest.raises(UnsupportedFormatError):
        detect_among(DHIS2_ACCEPTED, content_type, head)


def test_fhirs_endpoint_reads_json_only() -> None:
    assert detect_among(FHIR_ACCEPTED, "application/fhir+json", REPORT) is P.FHIR
    assert detect_among(FHIR_ACCEPTED, "application/json", REPORT) is P.FHIR
    for content_type, head in [("application/fhir+xml", REPORT), ("application/fhir+json", DXF), ("", CSV.encode())]:
        with pytest.raises(UnsupportedFormatError):
            detect_among(FHIR_ACCEPTED, content_type, head)


@pytest.mark.parametrize(
    ("asked", "head"),
    [(P.CSV, DHIS2_CSV), (P.DHIS2_CSV, CSV.encode()), (P.NDJSON, NATIVE), (P.ADX, ADX), (P.SPREADSHEET, an_xlsx())],
)
def test_a_sender_may_name_the_format(asked: PayloadFormat, head: bytes) -> None:
    assert check_format(asked, head) is asked


@pytest.mark.parametrize(
    ("asked", "head", "error"),
    [
        (P.CSV, an_xlsx(), UnsupportedFormatError),
        (P.ADX, DXF, UnsupportedFormatError),
        (P.SPREADSHEET, DHIS2, UnsupportedFormatError),
        (P.CSV, b"<GIAMDINHHS/>", PatientLevelDataError),
        (P.CSV, b"HO_TEN,1\n", PatientLevelDataError),
    ],
)
def test_no_named_format_makes_something_else_of_the_content(
    asked: PayloadFormat, head: bytes, error: type[IngestError]
) -> None:
    with pytest.raises(error):
        check_format(asked, head)


@pytest.mark.parametrize(
    "unit",
    [b'"', b'"\\"', b"[", b'{"a":', b"<!--", b"<?", b"<", b"PK\x03\x04", b'["', b",", b"\\", b"\0", b"<!DOCTYPE"],
)
def test_no_beginning_takes_long(unit: bytes) -> None:
    head = (unit * (HEAD_BYTES // len(unit) + 1))[:HEAD_BYTES]
    began = time.process_time()

    with pytest.raises(IngestError):
        detect("", "", head if unit != b"," else head.replace(b",", b"x"))

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "head",
    [
        b'"f7n9E0hX8qk","201201","DiszpKrYNg8","","","10001","john","2012-01-01","comment","false"\r\n',
        "Data Element;Period;Org unit;Value\na;202409;b;1\n".encode("utf-16"),
        b"catoptcombo\tdata_element\torgunit\tperiod\tvalue\n",
    ],
)
def test_csv_of_dhis2_is_known_without_a_header_and_by_other_spellings(head: bytes) -> None:
    assert detect("text/csv", "export.csv", head) is P.DHIS2_CSV


@pytest.mark.parametrize(
    "head", [b"06196;Xa Mot;1;2;3;4\n", b'"a","b\n', b"a,2024,b,c,d,many words\n", b"a\0,2024,b,,,1\n"]
)
def test_other_csv_stays_a_form(head: bytes) -> None:
    assert detect("text/csv", "bieu.csv", head) is P.CSV
