"""POST /v1/import: any format, raw or as a form, one report for each file."""

import gzip
import io
import zipfile
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from services.ingest.domain.tokens import Scope

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]
COUNTS = ("accepted", "updated", "deleted", "duplicates", "stale", "quarantined", "refused")


def a_value(**fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"dataElement": "Paper", "period": "202409", "orgUnit": "C1", "value": "true"}
    return known | fields


def values(*rows: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"dataValues": list(rows)})


def counts(report: dict[str, Any]) -> dict[str, int]:
    """The counts that are not 0."""
    return {name: report[name] for name in COUNTS if report[name]}


def a_zip(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


async def send(service: Any, body: bytes, query: str = "", **headers: str) -> Any:
    return await service.client.post(f"/v1/import{query}", content=body, headers=headers)


async def test_the_content_says_the_format_and_the_report_tells_of_every_row(service: Any) -> None:
    answer = await send(service, values(a_value(), a_value(orgUnit="X9")))

    report = answer.json()
    (conflict,) = report.pop("conflicts")
    assert answer.status_code == 202
    assert (report["format"], report["rows"], report["dry_run"], report["atomic"]) == ("dhis2", 2, False, False)
    assert counts(report) == {"accepted": 1, "quarantined": 1}
    assert sum(report[name] for name in COUNTS) == report["rows"]
    assert (conflict["place"], conflict["places"]) == ("dataValues[1]", ["dataValues[1]"])
    assert (conflict["code"], conflict["value"]) == ("unknown_commune", "X9")
    assert conflict["remedy"]
    assert conflict["remedy_vi"]
    (row,) = await service.quarantine.list()
    assert conflict["quarantine_id"] == row.id


async def test_a_resend_is_known_and_answered_200(service: Any) -> None:
    await send(service, values(a_value(lastUpdated="2024-10-02T01:30:00.000+0000")))

    again = await send(service, values(a_value(lastUpdated="2024-10-02T01:30:00.000+0000")))

    assert again.status_code == 200
    assert counts(again.json()) == {"duplicates": 1}


async def test_a_dry_run_answers_200_and_stores_nothing(service: Any) -> None:
    for query in ("?dryRun=true", "?dry_run=true"):
        answer = await send(service, values(a_value(), a_value(orgUnit="X9")), query)

        assert answer.status_code == 200
        assert counts(answer.json()) == {"accepted": 1, "quarantined": 1}
        assert answer.json()["conflicts"][0]["quarantine_id"] is None
    assert await service.journal() == []
    assert await service.quarantine.list() == []


async def test_an_atomic_import_with_a_conflict_is_refused_whole(service: Any) -> None:
    answer = await send(service, values(a_value(), a_value(orgUnit="X9")), "?atomic=true")

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["type"], answer.json()["refused"]) == ("urn:datchuan:problem:atomic_refused", 2)
    assert len(answer.json()["conflicts"]) == 1
    assert await service.journal() == []
    assert await service.quarantine.list() == []


async def test_a_file_of_which_nothing_can_be_taken_is_a_problem_with_its_conflicts(service: Any) -> None:
    answer = await send(service, values(a_value(orgUnit="X9")))

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:datchuan:problem:nothing_accepted"
    assert answer.json()["conflicts"][0]["place"] == "dataValues[0]"


@pytest.mark.parametrize(
    ("content_type", "fold"),
    [
        ("application/json", gzip.compress),
        ("application/gzip", gzip.compress),
        ("application/zip", lambda body: a_zip(values=body)),
        ("application/json", lambda body: a_zip(values=body)),
    ],
)
async def test_a_folded_file_is_unfolded(service: Any, content_type: str, fold: Callable[[bytes], bytes]) -> None:
    answer = await send(service, fold(values(a_value())), **{"Content-Type": content_type})

    assert answer.status_code == 202
    assert counts(answer.json()) == {"accepted": 1}


async def test_events_are_imported_too_and_the_lines_of_bad_ones_are_told(service: Any, an_event: Event) -> None:
    lines = b"\n".join(msgspec.json.encode(event) for event in (an_event(1), an_event(2, commune="X9")))

    answer = await send(service, lines, **{"Content-Type": "text/plain"})

    assert answer.status_code == 202
    assert answer.json()["format"] == "ndjson"
    assert (answer.json()["conflicts"][0]["place"], answer.json()["conflicts"][0]["id"]) == ("line 2", "e2")
    assert await service.journal() == ["e1"]


async def test_a_cloud_event_may_say_its_attributes_in_headers(service: Any, an_event: Event) -> None:
    data = msgspec.json.encode(an_event(1))
    headers = {"ce-specversion": "1.0", "ce-id": "c1", "ce-source": "hmis", "ce-type": "vn.datchuan.indicator.reported"}

    answer = await send(service, data, **headers, **{"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["format"]) == (202, "cloudevents")
    assert await service.journal() == ["c1"]


async def test_a_form_takes_each_file_on_its_own(service: Any, an_event: Event) -> None:
    files = [
        ("file", ("values.json", values(a_value(), a_value(orgUnit="X9")), "application/json")),
        ("file", ("events.ndjson", msgspec.json.encode(an_event(1)), "application/octet-stream")),
        ("file", ("letter.pdf", b"%PDF-1.7", "application/pdf")),
        ("file", ("patients.xml", b"<GIAMDINHHS/>", "text/xml")),
        ("file", ("bad.json", values(a_value(orgUnit="X9")), "application/json")),
    ]

    answer = await service.client.post("/v1/import", files=files)

    told = answer.json()["files"]
    assert answer.status_code == 202
    assert [(file["file"], file["status"]) for file in told] == [
        ("values.json", 202), ("events.ndjson", 202), ("letter.pdf", 415), ("patients.xml", 422), ("bad.json", 422),
    ]  # fmt: skip
    assert counts(told[0]) == {"accepted": 1, "quarantined": 1}
    assert told[1]["format"] == "ndjson"
    assert "PDF" in told[2]["detail"]
    assert told[3]["type"] == "urn:datchuan:problem:patient_level_data"
    assert len(told[4]["conflicts"]) == 1
    assert len(await service.journal()) == 2


async def test_a_form_with_one_file_is_answered_with_its_report(service: Any) -> None:
    files = {"file": ("values.json", values(a_value()), "application/json")}

    answer = await service.client.post("/v1/import", files=files, data={"dry_run": "true", "period": ""})

    assert answer.status_code == 200
    assert (answer.json()["file"], answer.json()["dry_run"]) == ("values.json", True)


async def test_a_form_of_which_no_file_can_be_taken_is_a_problem(service: Any) -> None:
    files = [("file", ("a.pdf", b"%PDF-1.7", "application/pdf")), ("file", ("b.json", b"{", "application/json"))]

    answer = await service.client.post("/v1/import", files=files)

    assert answer.status_code == 422
    assert [file["status"] for file in answer.json()["files"]] == [415, 415]


@pytest.mark.parametrize(
    ("query", "accept", "media"),
    [
        ("?report=dhis2", "*/*", "application/json"),
        ("?report=fhir", "*/*", "application/fhir+json"),
        ("", "application/fhir+json", "application/fhir+json"),
    ],
)
async def test_the_report_is_told_in_the_words_that_were_asked_for(
    service: Any, query: str, accept: str, media: str
) -> None:
    answer = await send(service, values(a_value()), query, Accept=accept)
    refused = await send(service, b"%PDF-1.7", query, Accept=accept)

    kind = "OperationOutcome" if "fhir" in media else "ImportSummary"
    for told, status in ((answer, 200), (refused, 415)):
        assert (told.status_code, told.headers["content-type"]) == (status, media)
        assert kind in told.text


BAD: list[tuple[str, str, bytes, dict[str, str], int, str]] = [
    ("nothing", "", b"", {}, 400, "empty"),
    ("an unknown parameter", "?foo=1", b"{}", {}, 409, "'foo'"),
    ("a parameter said twice", "?form=a&form=b", b"{}", {}, 409, "form"),
    ("a flag that is none", "?dryRun=maybe", b"{}", {}, 409, "dryRun"),
    ("an unknown format", "?format=pdf", b"{}", {}, 409, "format"),
    ("an unknown report", "?report=pdf", b"{}", {}, 409, "report"),
    ("a format that the content contradicts", "?format=adx", b'{"dataValues":[]}', {}, 415, "adx"),
    ("data values kept inside", "?format=data_values", b"[]", {}, 409, "format"),
    ("a zip of two files", "", a_zip(a=b"1", b=b"2"), {}, 415, "one by one"),
    ("a gzip twice", "", gzip.compress(gzip.compress(b"{}")), {}, 415, "once"),
    ("a gzip in a gzip encoding", "", gzip.compress(gzip.compress(b"{}")), {"Content-Encoding": "gzip"}, 415, "once"),
    ("deflate", "", b"{}", {"Content-Encoding": "deflate"}, 415, "deflate"),
    ("br", "", b"{}", {"Content-Encoding": "br"}, 415, "br"),
    ("a bomb", "", gzip.compress(bytes(3_000_000)), {}, 413, "larger"),
    ("a large body", "", bytes(1_000_001), {}, 413, "larger"),
    ("a form cut off", "", b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n1',
     {"Content-Type": "multipart/form-data; boundary=b"}, 400, "cut off"),
    ("a form without boundary", "", b"x", {"Content-Type": "multipart/form-data"}, 400, "boundary"),
    ("a form with an unknown field", "", (b'--b\r\nContent-Disposition: form-data; name="foo"\r\n\r\n1\r\n--b\r\n'
     b'Content-Disposition: form-data; name="file"\r\n\r\n{}\r\n--b--\r\n'),
     {"Content-Type": "multipart/form-data; boundary=b"}, 409, "'foo'"),
    ("patients", "", b"<GIAMDINHHS><HO_TEN>Nguyen Van A</HO_TEN></GIAMDINHHS>", {}, 422, "single persons"),
    ("patients called a spreadsheet", "?format=csv", b"STT,HO_TEN\n1,Nguyen Van A", {}, 422, "single persons"),
    ("patients in a wrapping", "", b'<wrap><HO_TEN>A</HO_TEN></wrap>', {}, 422, "single persons"),
    ("no token", "", b"{}", {"Authorization": ""}, 401, "token"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "body", "headers", "status", "text"), [pytest.param(*case[1:], id=case[0]) for case in BAD]
)
async def test_a_bad_request_gets_a_problem_that_says_what_to_do(
    start_service: Any,
    database_url: str,
    redis_url: str,
    query: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    text: str,
) -> None:
    limits = {"max_body_bytes": 1_000_000, "max_import_bytes": 1_000_000}
    async with start_service(database_url, redis_url, **limits) as service:
        answer = await send(service, body, query, **headers)

        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert text in answer.json()["detail"]
        assert answer.json()["remedy"]
        assert await service.rows("SELECT count(*) FROM ingest.request") == [0]
        assert await service.quarantine.list() == []


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_token_imports_what_it_may_send_elsewhere(service: Any, an_event: Event, scope: Scope) -> None:
    _, token = await service.tokens.create("narrow", "hmis", scopes=(scope,))
    headers = {"Authorization": f"Bearer {token}"}

    event = await send(service, msgspec.json.encode(an_event(1)), **headers)
    value = await send(service, values(a_value()), **headers)

    statuses = (event.status_code, value.status_code)
    assert statuses == ((202, 403) if scope is Scope.EVENTS else (403, 202))


async def test_requests_are_counted_by_the_format_that_was_found(service: Any) -> None:
    await send(service, values(a_value()))
    await send(service, b"%PDF-1.7")

    text = (await service.client.get("/metrics")).text

    assert 'datchuan_ingest_requests_total{format="dhis2",status_class="2xx"} 1.0' in text
    assert 'datchuan_ingest_requests_total{format="unknown",status_class="4xx"} 1.0' in text
    assert 'datchuan_ingest_requests_total{format="adx",status_class="2xx"} 0.0' in text
