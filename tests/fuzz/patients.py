"""Valid documents with one datum of a person put somewhere into them: each must be refused as a whole."""

import base64
import json
import re
from collections.abc import Hashable, Iterator
from random import Random
from typing import Any, Final

from services.ingest.domain.errors import IngestError, PatientLevelDataError
from services.ingest.domain.reading import FORM_FORMATS, BadRow, PayloadFormat
from tests.fuzz import json_documents, other_documents
from tests.fuzz.fuzzing import BrokenError
from tests.fuzz.words import sometimes
from tests.fuzz.workbooks import WORKBOOKS
from tests.fuzz.world import shipped_world, small_world

_FIELDS: Final = (
    "ho_ten", "HO_TEN", "hoTen", "patientName", "so_cccd", "ma_bn", "ngay_sinh", "birthDate", "ma_the_bhyt",
    "trackedEntityInstance", "MA_LK", "cmnd",
)  # fmt: skip
_COLUMNS: Final = ("Họ và tên", "HỌ TÊN", "Số CCCD", "Ngày sinh", "Mã thẻ BHYT", "Năm sinh", "ho_ten", "Mã bệnh nhân")
_RESOURCES: Final = ("Patient", "Encounter", "Observation", "Condition", "Immunization")
_NAME: Final = "Nguyễn Văn A"
_READ_AS_IT_COMES: Final = (PayloadFormat.DHIS2, PayloadFormat.DHIS2_XML, PayloadFormat.ADX)
_XML_PLACE: Final = re.compile(r"<(?:[a-z]+:)?(?:dataValueSet|dataValue|adx|group)(?=[ >/])")


def _clean(random: Random, make: Any) -> Any:
    """Return a document that can be parsed, with at least one row."""
    while True:
        try:
            document = json.loads(make(random))
        except ValueError:
            continue
        if isinstance(document, dict | list) and len(document) > 0:
            return document


def _objects(item: Any) -> Iterator[dict[str, Any]]:
    if isinstance(item, dict):
        yield item
    for inner in item.values() if isinstance(item, dict) else item if isinstance(item, list) else ():
        yield from _objects(inner)


def _in_json(random: Random, make: Any) -> bytes:
    while True:
        document = _clean(random, make)
        objects = list(_objects(document))
        if objects:
            break
    value = random.choice((_NAME, _NAME, "", None, 1, ["A"], {"text": "A"}))
    random.choice(objects)[random.choice(_FIELDS)] = value
    return json.dumps(document, ensure_ascii=sometimes(random, 0.5), indent=random.choice((None, 1))).encode(
        errors="replace"
    )


def _ndjson(random: Random) -> bytes:
    lines = [json.dumps(json_documents.event(random)).encode() for _ in range(random.randrange(4))]
    lines.insert(random.randrange(len(lines) + 1), _in_json(random, _one_event).replace(b"\n", b" "))
    return b"\n".join(lines)


def _one_event(random: Random) -> bytes:
    return json.dumps(json_documents.event(random)).encode()


def _fhir(random: Random) -> bytes:
    if sometimes(random, 0.5):
        return _in_json(random, json_documents.fhir)
    resource: Any = {"resourceType": random.choice(_RESOURCES), "id": "p"}
    report = json_documents.measure_report(random)
    if sometimes(random, 0.3):
        report = {"resourceType": "MeasureReport", "type": random.choice(("individual", "subject-list"))}
        return json.dumps(report).encode()
    if sometimes(random, 0.5):
        report["contained"] = [resource]
        return json.dumps(report).encode()
    return json.dumps({"resourceType": "Bundle", "entry": [{"resource": report}, {"resource": resource}]}).encode()


def _in_xml(random: Random, make: Any) -> bytes:
    text: str = make(random).decode()
    name = random.choice(_FIELDS)
    if sometimes(random, 0.5):
        places = [match.end() for match in _XML_PLACE.finditer(text)]
        at = random.choice(places)
        return (text[:at] + f' {name}="{_NAME}"' + text[at:]).encode()
    at = text.rindex("</")
    return (text[:at] + random.choice((f"<{name}>{_NAME}</{name}>", f"<x><{name}/></x>")) + text[at:]).encode()


def _dhis2_csv(random: Random) -> bytes:
    lines = ["dataelement,period,orgunit,catoptcombo,value"] + ["Cards,202409,C1,Male,9"] * random.randrange(1, 4)
    at = random.randrange(6)
    rows = [line.split(",") for line in lines]
    for number, row in enumerate(rows):
        row.insert(at, random.choice((*_FIELDS, *_COLUMNS)) if number == 0 else "A")
    return "\n".join(",".join(row) for row in rows).encode()


def _csv(random: Random) -> bytes:
    table = _table_with_person(random)
    return "\r\n".join(";".join(f'"{cell}"' for cell in row) for row in table).encode("utf-8-sig")


def _workbook(random: Random) -> bytes:
    return random.choice(WORKBOOKS)(_table_with_person(random))


def _table_with_person(random: Random) -> list[list[Any]]:
    rows = other_documents.form_rows(random)
    head = next(number for number, row in enumerate(rows) if len(row) > 2)
    at = random.randrange(len(rows[head]) + 1)
    name = random.choice(_COLUMNS)
    return [
        [*row[:at], name if number == head else "A", *row[at:]] if number >= head else row
        for number, row in enumerate(rows)
    ]


def _carried(random: Random) -> bytes:
    """Return a CloudEvent that carries a document with a datum of a person as bytes."""
    media, make = random.choice(_CARRIED)
    event = json_documents.cloud_event(random)
    event.pop("data", None)
    event |= {"datacontenttype": media, "data_base64": base64.b64encode(make(random)).decode()}
    return json.dumps([event] if sometimes(random, 0.5) else event).encode()


_MAKERS: Final = {
    PayloadFormat.NATIVE_JSON: lambda random: _in_json(random, json_documents.native_json),
    PayloadFormat.NDJSON: _ndjson,
    PayloadFormat.CLOUDEVENTS: lambda random: (
        _carried(random) if sometimes(random, 0.4) else _in_json(random, json_documents.cloudevents)
    ),
    PayloadFormat.DHIS2: lambda random: _in_json(random, json_documents.dhis2),
    PayloadFormat.DHIS2_XML: lambda random: _in_xml(random, other_documents.dhis2_xml),
    PayloadFormat.DHIS2_CSV: _dhis2_csv,
    PayloadFormat.ADX: lambda random: _in_xml(random, other_documents.adx),
    PayloadFormat.FHIR: _fhir,
    PayloadFormat.CSV: _csv,
}


_CARRIED: Final = (
    ("application/json", _MAKERS[PayloadFormat.DHIS2]),
    ("application/xml", _MAKERS[PayloadFormat.DHIS2_XML]),
    ("application/adx+xml", _MAKERS[PayloadFormat.ADX]),
    ("text/csv", _MAKERS[PayloadFormat.DHIS2_CSV]),
    ("application/fhir+json", _MAKERS[PayloadFormat.FHIR]),
    ("text/plain", _MAKERS[PayloadFormat.DHIS2]),
)


def document(random: Random) -> bytes:
    """Return a format in the first line, and a body with a datum of a person behind."""
    if sometimes(random, 0.01):  # each costs a process
        return PayloadFormat.SPREADSHEET.value.encode() + b"\n" + _workbook(random)
    format_ = random.choice(list(_MAKERS))
    return format_.value.encode() + b"\n" + _MAKERS[format_](random)


def check(body: bytes) -> Hashable:
    """Read a body with a datum of a person; raises BrokenError unless it is refused as that, however it came here."""
    name, _, content = body.partition(b"\n")
    format_ = PayloadFormat(name.decode())
    world = shipped_world() if format_ in FORM_FORMATS else small_world()
    try:
        reading = world.read(format_, content, world.desk())
    except PatientLevelDataError:
        return format_, "refused"
    except Exception as error:
        is_refused = isinstance(error, IngestError) and _NAME not in str(error)
        if is_refused and format_ in _READ_AS_IT_COMES:  # what is wrong may stand before the datum
            return format_, type(error).__name__
        raise BrokenError(f"{format_} with data of a person is refused as {type(error).__name__}") from error
    if format_ is PayloadFormat.CLOUDEVENTS and not reading.good and not any(map(_tells, reading.bad)):
        return format_, "set aside without its data"
    raise BrokenError(f"{format_} with data of a person is read")


def _tells(bad: BadRow) -> bool:
    """Return whether anything of a carried document stands in what is kept or shown of a row."""
    kept = bad.raw + repr(bad.fault).encode()
    return b'data_base64":' in kept or _NAME.encode() in kept or any(name.encode() in kept for name in _FIELDS)
