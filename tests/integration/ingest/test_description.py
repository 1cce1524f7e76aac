"""/openapi.json and /docs: valid, complete and true."""

import json
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest
import schemathesis

from services.ingest.adapters.web import openapi, openapi_examples
from shared.catalog.load import load_catalog

pytestmark = pytest.mark.integration
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
DOCUMENT = openapi.description()
OPERATIONS = [(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods]
EXAMPLES = [
    (path, media, content["example"])
    for path, methods in DOCUMENT["paths"].items()
    for operation in methods.values()
    for media, content in operation.get("requestBody", {}).get("content", {}).items()
    if "example" in content
]
REFUSED = [
    (b"", "application/json"),
    (b"{}", "application/json"),
    (b"[]", "application/json"),
    (b"<adx/>", "application/xml"),
    (b"PK\x03\x04", "application/zip"),
    (b'{"resourceType":"Patient"}', "application/fhir+json"),
    (b"%PDF", "application/pdf"),
    (b"--b", "multipart/form-data; boundary=b"),
    (b'{"dataValues":[{"dataElement":"Paper","period":"202409","orgUnit":"X9","value":"1"}]}', "application/json"),
]


@pytest.fixture
async def real(start_service: Any, database_url: str, redis_url: str) -> AsyncIterator[Any]:
    """The service with the catalog that is delivered."""
    async with start_service(database_url, redis_url, load_catalog()) as running:
        yield running


def concrete(path: str) -> str:
    """Return a path that can be asked for."""
    return path.replace("{version}", "41").replace("{name}", "nothing")


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """Return what checks an answer by a schema of the document."""
    return jsonschema.Draft202012Validator(schema | {"components": DOCUMENT["components"]})


def must_be_as_described(answer: Any, path: str, method: str) -> None:
    """Fail unless status, content type and content of an answer are in the description."""
    told = DOCUMENT["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in told, answer.text
    content = told[str(answer.status_code)]["content"]
    media = answer.headers["content-type"].partition(";")[0]
    assert media in content
    if media.endswith("json"):
        validator(content[media]["schema"]).validate(answer.json())


def test_the_document_is_valid_openapi() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()

    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    text = json.dumps(DOCUMENT)
    named = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    used = {part.partition('"')[0] for part in text.split('"$ref": "')[1:]}

    assert used == named


def test_every_schema_says_what_its_example_is() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                if "example" in content and "json" in media and "ndjson" not in media:
                    assert list(validator(content["schema"]).iter_errors(content["example"])) == [], (path, media)


@pytest.mark.parametrize(("path", "media", "example"), EXAMPLES)
async def test_every_example_is_taken_and_answered_as_described(
    real: Any, path: str, media: str, example: object
) -> None:
    source = "fhir" if "fhir" in media or path.startswith("/fhir") else "hmis"
    _, token = await real.tokens.create("example", source)
    body = example if isinstance(example, str) else json.dumps(example)

    answer = await real.client.post(
        concrete(path),
        content=body.encode(),
        headers={"Content-Type": media, "Authorization": f"Bearer {token}"},
    )

    assert answer.status_code in (200, 202), answer.text
    assert len(await real.journal()) == 1
    must_be_as_described(answer, path, "POST")


async def test_answers_are_as_described_without_a_token_too(service: Any) -> None:
    for path, method in OPERATIONS:
        answer = await service.client.request(method, concrete(path), headers={"Authorization": ""})

        must_be_as_described(answer, path, method)


@pytest.mark.parametrize(("body", "content_type"), REFUSED)
async def test_refusals_are_as_described(service: Any, body: bytes, content_type: str) -> None:
    for path, method in OPERATIONS:
        for query in ("", "?nonsense=1") if method == "POST" else ():
            at = f"{concrete(path)}{query}"
            answer = await service.client.post(at, content=body, headers={"Content-Type": content_type})

            must_be_as_described(answer, path, method)


async def test_other_methods_are_refused_and_told_which_there_are(service: Any) -> None:
    for path, methods in DOCUMENT["paths"].items():
        known = {method.upper() for method in methods}
        for method in set(METHODS) - known:
            answer = await service.client.request(method, concrete(path))

            assert answer.status_code == 405
            assert known <= set(answer.headers["allow"].replace(",", " ").split())
            assert answer.headers["content-type"] == "application/problem+json"


async def test_the_page_needs_nothing_from_elsewhere_and_shows_every_endpoint(service: Any) -> None:
    answer = await service.client.get("/docs")

    assert answer.headers["content-type"].startswith("text/html")
    assert "<script" not in answer.text
    assert "http://" not in answer.text.replace("http://dhis2.org", "").replace("http://example.org", "")
    assert "https://" not in answer.text
    for path, _ in OPERATIONS:
        assert f"<code>{path}</code>" in answer.text
    assert openapi_examples.EVENT["id"] in answer.text


async def test_the_document_is_served(service: Any) -> None:
    assert (await service.client.get("/openapi.json")).json() == json.loads(json.dumps(DOCUMENT))


async def test_fhir_says_what_it_can(service: Any) -> None:
    answer = await service.client.get("/fhir/metadata", headers={"Authorization": ""})

    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.json()["rest"][0]["resource"] == [{"type": "MeasureReport", "interaction": [{"code": "create"}]}]


async def test_templates_are_listed_and_can_be_fetched_without_a_token(real: Any) -> None:
    listed = (await real.client.get("/v1/templates", headers={"Authorization": ""})).json()

    assert {form["form"] for form in listed} == {form.id for form in load_catalog().forms}
    for form in listed:
        sheet = await real.client.get(form["xlsx"], headers={"Authorization": ""})
        table = await real.client.get(form["csv"])
        assert (sheet.status_code, sheet.content[:2]) == (200, b"PK")
        assert sheet.headers["content-disposition"] == f'attachment; filename="{form["form"]}.xlsx"'
        assert form["columns"][0].split(" / ")[0] in table.content.decode("utf-8-sig")
    missing = await real.client.get("/v1/templates/nothing.pdf")
    assert missing.status_code == 404
