"""POST /api/dataValueSets in every format that DHIS2 takes, folded or not; content type and content must agree."""

import gzip
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.integration
JSON = b'{"period":"202409","orgUnit":"C1","dataValues":[{"dataElement":"Paper","value":"true"}]}'
XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0" period="202409" orgUnit="C1">
  <dataValue dataElement="Paper" value="true"/>
</dataValueSet>"""
CSV = b"dataelement,period,orgunit,categoryoptioncombo,attributeoptioncombo,value\nPaper,202409,C1,,,true\n"
ADX = b"""<adx xmlns="urn:ihe:qrph:adx:2015" exported="2024-10-02T01:30:00Z">
  <group orgUnit="C1" period="2024-09-01/P1M"><dataValue dataElement="Paper" value="1"/></group>
</adx>"""
READ = [
    ("application/json", JSON),
    ("application/json;charset=UTF-8", JSON),
    ("", JSON),
    ("application/xml", XML),
    ("text/xml", XML),
    ("application/adx+xml", ADX),
    ("application/xml+adx", ADX),
    ("application/xml", ADX),
    ("text/csv", CSV),
    ("application/csv", CSV),
]


def zipped(body: bytes, name: str = "values") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, body)
    return file.getvalue()


def plain(body: bytes) -> bytes:
    return body


async def post(service: Any, body: bytes, content_type: str, query: str = "", **headers: str) -> Any:
    headers = {"Content-Type": content_type} | headers
    return await service.client.post(f"/api/dataValueSets{query}", content=body, headers=headers)


@pytest.mark.parametrize("fold", [plain, gzip.compress, zipped])
async def test_every_format_is_read_and_answered_as_dhis2_does(service: Any, fold: Callable[[bytes], bytes]) -> None:
    for content_type, body in READ:
        answer = await post(service, fold(body), content_type)

        told = answer.json()
        assert (answer.status_code, told["status"], told["response"]["responseType"]) == (200, "OK", "ImportSummary")
        assert sum(told["response"]["importCount"].values()) == 1
    assert await service.journal()


@pytest.mark.parametrize("content_type", ["application/gzip", "application/zip", "application/octet-stream"])
@pytest.mark.parametrize("body", [JSON, XML, ADX, CSV])
async def test_a_folded_body_may_be_called_so(service: Any, content_type: str, body: bytes) -> None:
    folded = gzip.compress(body) if "gzip" in content_type else zipped(body)

    assert (await post(service, folded, content_type)).json()["status"] == "OK"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(JSON, "application/pdf", id="a type that is not read"),
        pytest.param(XML, "application/json", id="XML called JSON"),
        pytest.param(JSON, "application/xml", id="JSON called XML"),
        pytest.param(JSON, "text/csv", id="JSON called CSV"),
        pytest.param(zipped(b"", "xl/workbook.xml"), "application/json", id="a workbook called JSON"),
        pytest.param(b"<metaData/>", "application/xml", id="metadata"),
        pytest.param(gzip.compress(gzip.compress(JSON)), "application/json", id="folded twice"),
        pytest.param(b"--b", "multipart/form-data; boundary=b", id="a form"),
    ],
)
async def test_a_content_type_that_contradicts_the_content_is_refused(
    service: Any, body: bytes, content_type: str
) -> None:
    answer = await post(service, body, content_type)

    assert (answer.status_code, answer.json()["status"]) == (415, "ERROR")
    assert "application/xml" in answer.json()["message"]
    assert await service.rows("SELECT count(*) FROM ingest.request") == [0]


async def test_persons_are_refused_whatever_they_are_called(service: Any) -> None:
    for content_type in ("application/xml", "application/json", "text/csv", "text/html"):
        answer = await post(service, b"<GIAMDINHHS><HO_TEN>Nguyen Van A</HO_TEN></GIAMDINHHS>", content_type)

        assert (answer.status_code, answer.json()["status"]) == (422, "ERROR")


async def test_an_atomic_import_with_a_conflict_is_refused_whole(service: Any) -> None:
    body = JSON.replace(b"}]}", b'},{"dataElement":"Paper","orgUnit":"X9","value":"true"}]}')

    answer = await post(service, body, "application/json", "?atomic=true")

    assert (answer.status_code, answer.json()["response"]["refused"]) == (409, 2)
    assert await service.journal() == []


async def test_places_are_told_in_the_words_of_the_format(service: Any) -> None:
    for content_type, body, place in [
        ("application/json", JSON, "dataValues[0]"),
        ("application/xml", XML, "/dataValueSet/dataValue[1]"),
        ("application/adx+xml", ADX, "/adx/group[1]/dataValue[1]"),
        ("text/csv", CSV, "line 2"),
    ]:
        answer = await post(service, body.replace(b"C1", b"X9"), content_type)

        assert answer.status_code == 409
        assert answer.json()["response"]["conflicts"][0]["place"] == place
