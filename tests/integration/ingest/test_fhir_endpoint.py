"""FHIR and CloudEvents over HTTP, on real servers: what is answered, and what is stored."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from shared.testing.factories import a_catalog
from tests.unit.ingest.fhir_forms import a_bundle, a_group, a_measure_report, by_sex_in_deqm, ratio

pytestmark = pytest.mark.integration

FHIR = {"Content-Type": "application/fhir+json"}
ADX = (
    '<adx xmlns="urn:ihe:qrph:adx:2015" exported="2024-10-03T00:00:00Z">'
    '<group orgUnit="{unit}" period="2024-09-01/P1M">'
    '<dataValue dataElement="KIDS_N" value="80"/></group></adx>'
)


def the_fhir_catalog(*more: dict[str, Any]) -> Any:
    aliases = [
        {"element": "RATE", "indicator": "rate", "role": "ratio"},
        {"element": "KIDS", "indicator": "kids", "role": "ratio"},
        {"element": "KIDS_N", "indicator": "kids", "role": "numerator"},
        *more,
    ]
    categories = [{"names": ["gender"], "sex": {"male": "male", "female": "female"}}]
    return a_catalog(profiles=[{"source": "hmis", "name_vi": "H", "aliases": aliases, "categories": categories}])


@pytest.fixture
async def service(start_service: Any, database_url: str, redis_url: str) -> AsyncIterator[Any]:
    """The service with the profile of a FHIR sender."""
    async with start_service(database_url, redis_url, the_fhir_catalog()) as running:
        yield running


def outcome_of(answer: Any) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "application/fhir+json"
    OperationOutcome.model_validate_json(answer.content)
    return list(answer.json()["issue"])


def counts_of(issues: list[dict[str, Any]]) -> dict[str, int]:
    told = [issue["details"] for issue in issues if issue["severity"] == "information"]
    return {
        details["coding"][0]["code"]: int(details["text"].split()[1])
        for details in told
        if details["coding"][0]["code"] != "dry_run"
    }


async def test_a_bundle_is_stored_once_and_a_resend_is_a_duplicate(service: Any) -> None:
    bundle = a_bundle(by_sex_in_deqm({"male": (80, 100), "female": (90, 100)}), type="transaction")

    first = await service.client.post("/fhir", json=bundle, headers=FHIR)
    again = await service.client.post("/fhir/Bundle", json=bundle, headers=FHIR)

    assert (first.status_code, counts_of(outcome_of(first))) == (200, {"rows": 4, "accepted": 4})
    assert (again.status_code, counts_of(outcome_of(again))) == (200, {"rows": 4, "duplicates": 4})
    assert len(await service.journal()) == 2


async def test_a_bad_group_is_told_by_fhirpath_and_can_be_retried(service: Any) -> None:
    bad = a_group("LATER", population=ratio(8, 10))
    report = a_measure_report(a_group(population=ratio(80, 100)), bad)

    answer = await service.client.post("/fhir/MeasureReport", json=report, headers=FHIR)
    catalog = the_fhir_catalog({"element": "LATER", "indicator": "mixed", "role": "ratio"})
    retried = await service.retry(catalog).retry()

    errors = [issue for issue in outcome_of(answer) if issue["severity"] == "error"]
    assert [issue["expression"] for issue in errors] == [
        ["MeasureReport.group[1].population[1]"], ["MeasureReport.group[1].population[2]"]
    ]  # fmt: skip
    assert (answer.status_code, len(retried.accepted), retried.still_bad) == (200, 2, {})


async def test_a_withdrawn_report_stays_in_the_quarantine(service: Any) -> None:
    report = a_measure_report(a_group(population=ratio(80, 100)), status="error")

    answer = await service.client.post("/fhir", json=report, headers=FHIR)
    retried = await service.retry(the_fhir_catalog()).retry()

    assert answer.status_code == 422
    assert (retried.accepted, await service.journal()) == ([], [])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"resourceType": "MeasureReport", "type": "individual"}, 422, id="one person"),
        pytest.param({"resourceType": "Measure"}, 400, id="no report"),
        pytest.param(b'<MeasureReport xmlns="http://hl7.org/fhir"/>', 415, id="XML"),
        pytest.param(b"{", 400, id="no JSON"),
    ],
)
async def test_a_refusal_is_an_outcome_and_stores_nothing(service: Any, body: Any, status: int) -> None:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)

    answer = await service.client.post("/fhir", content=content, headers=FHIR)

    assert (answer.status_code, [issue["severity"] for issue in outcome_of(answer)]) == (status, ["error"])
    assert await service.rows("SELECT count(*) FROM ingest.request") == [0]


async def test_strata_that_do_not_add_up_are_a_warning(service: Any) -> None:
    report = by_sex_in_deqm({"male": (80, 100), "female": (90, 100)})
    report["group"][0]["population"] = ratio(100, 200)

    answer = await service.client.post("/fhir", json=report, headers=FHIR)
    imported = await service.client.post("/v1/import?dry_run=true", json=report, headers=FHIR)

    assert [issue["expression"] for issue in outcome_of(answer) if issue["severity"] == "warning"] == [
        ["MeasureReport.group[0].stratifier[0]"]
    ]
    assert [remark["place"] for remark in imported.json()["remarks"]] == ["MeasureReport.group[0].stratifier[0]"]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/import"])
async def test_cloudevents_carry_adx_in_every_mode(service: Any, path: str) -> None:
    attributes = {"specversion": "1.0", "id": "A1", "source": "hmis", "type": "t"}
    event = attributes | {"datacontenttype": "application/adx+xml", "data": ADX.format(unit="C1")}
    headers = {f"ce-{name}": value for name, value in attributes.items()} | {"Content-Type": "application/adx+xml"}
    kinds = {"Content-Type": "application/cloudevents+json"}, {"Content-Type": "application/cloudevents-batch+json"}

    structured = await service.client.post(path, json=event, headers=kinds[0])
    binary = await service.client.post(path, content=ADX.format(unit="C2"), headers=headers)
    batch = await service.client.post(path, json=[event, event | {"data": ADX.format(unit="W1")}], headers=kinds[1])

    assert [answer.status_code for answer in (structured, binary, batch)] == [202] * 3
    assert (batch.json()["accepted"], batch.json()["duplicates"]) == (1, 1)
    assert len(await service.journal()) == 3


async def test_a_bundle_without_any_report_is_answered_as_one_of_no_rows(service: Any) -> None:
    answer = await service.client.post("/fhir", json={"resourceType": "Bundle"}, headers=FHIR)

    assert answer.status_code == 200
    assert counts_of(outcome_of(answer)) == {"rows": 0}
