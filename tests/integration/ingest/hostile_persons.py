"""Data of single persons in every wrapping. Each holds MARKER, of which nothing may be found afterwards."""

# ruff: noqa: E501 - tables, one case a line

import base64
import gzip
import io
import json
import zipfile
from typing import Any

from tests.integration.ingest.hostile import (
    ADX,
    ANY,
    CLOUDEVENT,
    CSV,
    DHIS2,
    EVENTS,
    FHIR,
    FHIR_JSON,
    IMPORT,
    JSON,
    MARKER,
    NDJSON,
    XML,
    ZIP,
    Attack,
    Body,
    post,
)
from tests.unit.ingest.sheet_files import ods, xls, xlsx

PERSONS = "patient_level_data"
NAME = f"Nông Thị {MARKER}"
XML1 = f"<TONG_HOP><MA_LK>1</MA_LK><HO_TEN><![CDATA[{NAME}]]></HO_TEN><NGAY_SINH>199001010000</NGAY_SINH></TONG_HOP>"
GOOD_EVENT = (
    b'{"id":"g%d","commune":"06208","indicator":"stunting_u5","period":"2024-09","numerator":1,"denominator":9,'
    b'"observed_at":"2024-10-01T00:00:00Z"}'
)
GOOD_VALUE = '{"dataElement":"SddDuocDo01","orgUnit":"06208","period":"202409","value":"9"}'


def giamdinh(kind: str = "XML1", content: str = XML1) -> bytes:
    """A file of the insurance's audit system, as QĐ 4750 and 3176 have it: the record is base64 inside."""
    inside = base64.b64encode(content.encode()).decode()
    return (
        '<?xml version="1.0" encoding="utf-8"?><GIAMDINHHS><THONGTINDONVI><MACSKCB>20001</MACSKCB></THONGTINDONVI>'
        f"<THONGTINHOSO><DANHSACHHOSO><HOSO><FILEHOSO><LOAIHOSO>{kind}</LOAIHOSO><NOIDUNGFILE>{inside}</NOIDUNGFILE>"
        f"<GHICHU>{MARKER}</GHICHU></FILEHOSO></HOSO></DANHSACHHOSO></THONGTINHOSO></GIAMDINHHS>"
    ).encode()


def a_report(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MeasureReport", "status": "complete", "type": kind, "measure": "http://x/Measure/stunting_u5",
        "subject": {"reference": f"Patient/{MARKER}"}, "period": {"start": "2024-09-01", "end": "2024-09-30"},
    } | more  # fmt: skip


def dumped(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def a_zip(**files: bytes) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stored.getvalue()


PATIENT = {"resourceType": "Patient", "name": [{"text": NAME}]}
EVENT = {"specversion": "1.0", "id": "p1", "source": "hmis", "type": "vn.datchuan.report"}
HEAD = ("STT", "Họ và tên", "Ngày sinh", "Mã xã")
ROW = (1, NAME, "01/01/1990", "06208")
SHEET = (HEAD, ROW)
FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="p.xml"\r\n\r\n' + giamdinh() + b"\r\n--b--\r\n"


def _text(*rows: tuple[Any, ...], separator: str = ";") -> str:
    return "\r\n".join(separator.join(str(cell) for cell in row) for row in rows)


def _deep(count: int, last: bytes) -> bytes:
    return b"\n".join([*(GOOD_EVENT % number for number in range(count)), last])


def _deep_values(count: int) -> bytes:
    return f'{{"dataValues":[{",".join([GOOD_VALUE] * count)},{{"ho_ten":"{NAME}"}}]}}'.encode()


def _deep_xml(count: int) -> bytes:
    row = '<dataValue dataElement="SddDuocDo01" orgUnit="06208" period="202409" value="9"/>'
    return f'<dataValueSet>{row * count}<dataValue HO_TEN="{NAME}"/></dataValueSet>'.encode()


def _deep_csv(count: int) -> bytes:
    row = "SddDuocDo01,202409,06208,,,9"
    return "\n".join(["dataelement,period,orgunit,categoryoptioncombo,ho_ten,value", *[row] * count, MARKER]).encode()


_WRAPPED: list[tuple[str, Body, str, str]] = [
    ("QĐ 4750 file", giamdinh(), XML, IMPORT),
    ("QĐ 3176 file", giamdinh("XML7"), XML, IMPORT),
    ("QĐ 4750 file to DHIS2", giamdinh(), XML, DHIS2),
    ("QĐ 4750 file as bytes", giamdinh(), ANY, IMPORT),
    ("QĐ 4750 file as JSON", giamdinh(), JSON, IMPORT),
    ("QĐ 4750 file as CSV", giamdinh(), CSV, IMPORT),
    ("QĐ 4750 file to events", giamdinh(), XML, EVENTS),
    ("QĐ 4750 in UTF-16", lambda: giamdinh().decode().replace("utf-8", "utf-16").encode("utf-16"), XML, IMPORT),
    ("QĐ 4750 zipped", lambda: a_zip(**{"HS.xml": giamdinh()}), ZIP, IMPORT),
    ("QĐ 4750 gzipped", lambda: gzip.compress(giamdinh()), ANY, IMPORT),
    ("QĐ 4750 in a form", FORM, "multipart/form-data; boundary=b", IMPORT),
    ("QĐ 130 record", XML1.encode(), XML, IMPORT),
    ("QĐ 130 check-in", f"<CHECKIN><HO_TEN>{NAME}</HO_TEN></CHECKIN>".encode(), XML, IMPORT),
    ("QĐ 130 list", f"<CHITIEU_DICHVUKYTHUAT><MA_LK>{MARKER}</MA_LK></CHITIEU_DICHVUKYTHUAT>".encode(), XML, IMPORT),
    ("persons as attributes of DHIS2", f'<dataValueSet><dataValue hoTen="{NAME}"/></dataValueSet>'.encode(), XML, DHIS2),
    ("persons in ADX", f'<adx><group patientId="{MARKER}"/></adx>'.encode(), ADX, IMPORT),
    ("persons in elements of ADX", f"<adx><group><HO_TEN>{NAME}</HO_TEN></group></adx>".encode(), ADX, DHIS2),
    ("a CDA document", f"<ClinicalDocument><recordTarget>{NAME}</recordTarget></ClinicalDocument>".encode(), XML, IMPORT),
    ("CSV with HO_TEN", f"MA_LK,HO_TEN,MA_THE\n1,{NAME},X".encode(), CSV, IMPORT),
    ("CSV with Họ và tên", _text(*SHEET).encode("utf-8-sig"), CSV, IMPORT),
    ("CSV in UTF-16", _text(*SHEET, separator="\t").encode("utf-16"), CSV, IMPORT),
    ("CSV in Windows-1258", _text(("STT", "Ho va ten", "Ngay sinh"), (1, MARKER, 1990)).encode("cp1258"), CSV, IMPORT),
    ("CSV with the header below a title", _text(("BAO CAO", ""), HEAD, ROW).encode(), CSV, IMPORT),
    ("CSV with persons to DHIS2", f"dataelement,period,orgunit,ho_ten\n1,2,3,{NAME}".encode(), CSV, DHIS2),
    ("CSV with persons as JSON", f"MA_LK,HO_TEN\n1,{NAME}".encode(), JSON, IMPORT),
    ("XLSX with Họ và tên", lambda: xlsx(SHEET), ANY, IMPORT),
    ("XLSX with NFD letters", lambda: xlsx((("STT", "Họ và tên"), ROW[:2])), ANY, IMPORT),
    ("XLSX with persons on another sheet", lambda: xlsx((("x",),), others=[("y", SHEET, False)]), ANY, IMPORT),
    ("XLSX with persons on a hidden sheet", lambda: xlsx((("x",),), others=[("y", SHEET, True)]), ANY, IMPORT),
    ("XLS with persons", lambda: xls(SHEET), ANY, IMPORT),
    ("ODS with persons", lambda: ods(SHEET), ANY, IMPORT),
    ("FHIR individual report", dumped(a_report("individual")), FHIR_JSON, FHIR),
    ("FHIR subject list", dumped(a_report("subject-list")), FHIR_JSON, FHIR),
    ("FHIR individual report to import", dumped(a_report("individual")), JSON, IMPORT),
    ("FHIR patient", dumped(PATIENT), FHIR_JSON, FHIR),
    ("FHIR bundle with a patient", dumped({"resourceType": "Bundle", "entry": [{"resource": PATIENT}]}), FHIR_JSON, FHIR),
    ("FHIR patient contained", dumped(a_report("summary", contained=[PATIENT])), FHIR_JSON, IMPORT),
    ("FHIR bundle without its type first", dumped({"entry": [{"resource": PATIENT}], "resourceType": "Bundle"}), JSON, IMPORT),
    ("FHIR observation", dumped({"resourceType": "Observation", "note": NAME}), FHIR_JSON, FHIR),
    ("FHIR in XML", f'<Patient xmlns="http://hl7.org/fhir"><name>{NAME}</name></Patient>'.encode(), XML, IMPORT),
    ("DHIS2 tracked entities", dumped({"trackedEntities": [{"x": NAME}]}), JSON, DHIS2),
    ("DHIS2 enrollments", dumped({"enrollments": [{"x": NAME}]}), JSON, IMPORT),
    ("DHIS2 events", dumped({"events": [{"event": "x", "trackedEntity": MARKER}]}), JSON, IMPORT),
    ("DHIS2 instances", dumped({"trackedEntityInstances": [{"x": NAME}]}), JSON, IMPORT),
    ("a native event of a person", dumped({"id": "p", "indicator": "stunting_u5", "ho_ten": NAME}), JSON, EVENTS),
    ("a CloudEvent of a person", dumped(EVENT | {"data": {"hoTen": NAME}}), CLOUDEVENT, EVENTS),
    ("a CloudEvent with a patient", dumped(EVENT | {"data": PATIENT}), CLOUDEVENT, IMPORT),
    ("a CloudEvent with XML of persons",
     dumped(EVENT | {"datacontenttype": XML, "data": giamdinh().decode()}), CLOUDEVENT, EVENTS),
    ("a CloudEvent with persons in base64",
     dumped(EVENT | {"datacontenttype": XML, "data_base64": base64.b64encode(giamdinh()).decode()}), CLOUDEVENT, EVENTS),
    ("a person in a broken JSON", f'{{"dataValues":[{{"ho_ten":"{NAME}'.encode(), JSON, IMPORT),
    ("a person in a broken line", b"%s\n" % (GOOD_EVENT % 1) + f'{{"ho_ten":"{NAME}'.encode(), NDJSON, EVENTS),
    ("a person in the last of 3,000 lines", lambda: _deep(3_000, f'{{"ho_ten":"{NAME}"}}'.encode()), NDJSON, EVENTS),
    ("a person in the last of 30,000 lines", lambda: _deep(30_000, f'{{"ho_ten":"{NAME}"}}'.encode()), NDJSON, IMPORT),
    ("a person in the last of 40,000 values", lambda: _deep_values(40_000), JSON, IMPORT),
    ("a person in the last of 40,000 elements", lambda: _deep_xml(40_000), XML, IMPORT),
    ("a person in a column of 40,000 lines", lambda: _deep_csv(40_000), CSV, DHIS2),
]  # fmt: skip

ATTACKS: list[Attack] = [
    post(name, body, 422, PERSONS, kind, path, personal=True) for name, body, kind, path in _WRAPPED
]
