"""Real FHIR and CloudEvents files of the guides and specifications, with exactly what comes out of each."""

import datetime as dt
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from fhir.resources.R4B.measurereport import MeasureReport

from services.ingest.adapters.formats import cloudevents
from services.ingest.adapters.intake import alias_tables
from services.ingest.domain.errors import PatientLevelDataError
from services.ingest.domain.reading import Reading
from shared.contracts.vocabulary import QuarantineReason as Reason
from shared.testing.factories import a_catalog
from tests.unit.ingest import fhir_reading
from tests.unit.ingest.test_cloudevents_data import read_body

pytestmark = pytest.mark.skipif("DATCHUAN_TEST_DATA" not in os.environ, reason="needs DATCHUAN_TEST_DATA")

ALIASES = [
    {"element": "mrp-group", "indicator": "kids", "role": "ratio"},
    {"element": "attestation-boolean-example", "indicator": "paper", "role": "value"},
    {"element": "QRPH_mADX_ART1_N", "indicator": "kids", "role": "numerator"},
]
PROFILE = {"source": "hmis", "name_vi": "H", "aliases": ALIASES,
           "categories": [{"names": ["gender"], "sex": {"male": "male", "female": "female"}}],
           "org_units": {"organization01": "C1", "HealthPost1": "C1"}}  # fmt: skip
TABLE = alias_tables(a_catalog(profiles=[PROFILE]))["hmis"]


def payload(name: str) -> bytes:
    return (Path(os.environ["DATCHUAN_TEST_DATA"]) / "payloads" / name).read_bytes()


def read_fhir_file(name: str) -> Reading:
    return fhir_reading.read_body(payload(f"fhir/{name}.json"), TABLE, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("name", "rows", "numbers", "places"),
    [
        ("deqm_MeasureReport-summ-measurereport01", 2, (80, 100, None), ["population[1]", "population[2]"]),
        ("deqm_MeasureReport-attestation-boolean", 1, (None, None, 1.0), ["measureScore"]),
        ("ihe_mADX_MeasureReport-compiled-from-fsh", 1, (426, None, None), ["population[0]"]),
    ],
)
def test_a_summary_of_the_guides_gives_one_report(
    name: str, rows: int, numbers: tuple[Any, ...], places: list[str]
) -> None:
    reading = read_fhir_file(name)

    (draft,) = reading.good
    event = draft.event
    assert (reading.rows, reading.bad) == (rows, [])
    assert (event.numerator, event.denominator, event.value) == numbers
    assert [reading.place(row) for row in (draft.row, *draft.mates)] == [
        f"MeasureReport.group[0].{at}" for at in places
    ]


def test_the_strata_of_the_madx_example_do_not_add_up_and_it_says_so() -> None:
    remarks = read_fhir_file("ihe_mADX_MeasureReport-compiled-from-fsh").remarks

    assert "add up to 473, the group says 426" in remarks[0].text
    assert "ageGroup, TBdiagnosisResult" in remarks[1].text
    assert len(remarks) == 2


@pytest.mark.parametrize(
    "name", ["deqm_MeasureReport-indv-measurereport01", "deqm_MeasureReport-ratio-measurereport01"]
)
def test_a_report_on_one_person_is_refused(name: str) -> None:
    with pytest.raises(PatientLevelDataError):
        read_fhir_file(name)


def test_the_oracle_reads_every_file() -> None:
    files = sorted((Path(os.environ["DATCHUAN_TEST_DATA"]) / "payloads" / "fhir").glob("*.json"))

    assert len(files) == 5
    for file in files:
        MeasureReport.model_validate_json(file.read_bytes())


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("spec_jsonformat_1_event", ["data_base64"]),
        ("spec_jsonformat_3_event", ["data"]),
        ("spec_jsonformat_5_event", ["data"]),
        ("spec_jsonformat_7_batch", ["data_base64", "data"]),
    ],
)
def test_events_of_the_specification_carry_nothing_that_we_count(name: str, fields: list[str]) -> None:
    reading = read_body(payload(f"cloudevents/{name}.json"))

    assert [(bad.fault.reason, bad.fault.field) for bad in reading.bad] == [
        (Reason.UNSUPPORTED_DATA, field) for field in fields
    ]
    assert (reading.rows, reading.good) == (len(fields), [])


def conformance_events() -> list[dict[str, Any]]:
    names = ("conformance_v1.yaml", "conformance_v1_minimum.yaml")
    return [event for name in names for event in yaml.safe_load_all(payload(f"cloudevents/{name}"))]


def headers_of(event: dict[str, Any]) -> dict[str, str]:
    attributes = dict(event["ContextAttributes"])
    extensions = attributes.pop("Extensions", {})
    content_type = attributes.pop("datacontenttype", "application/json")
    time = attributes.get("time")
    if time is not None:
        attributes["time"] = str(time)
    return {"content-type": content_type} | {
        f"ce-{name}": str(value) for name, value in (attributes | extensions).items()
    }


def test_conformance_events_are_well_formed_in_binary_mode_and_unsupported() -> None:
    events = conformance_events()

    readings = [read_body(cloudevents.from_binary(headers_of(event), event["Data"].encode())) for event in events]

    assert len(readings) == 8
    assert [(bad.fault.reason, bad.event_id) for reading in readings for bad in reading.bad] == [
        (Reason.UNSUPPORTED_DATA, event["ContextAttributes"]["id"]) for event in events
    ]


def test_conformance_requests_of_the_http_binding_are_well_formed_and_unsupported() -> None:
    text = payload("cloudevents/conformance_http-protocol-binding.feature").decode()
    binary, structured = (block.strip() for block in re.findall(r'"""\s+POST.*?\n\s*\n(.*?)"""', text, re.DOTALL))
    types = re.findall(r"\| (application/\S+(?:; charset=utf-8)?)\s*\|\n", text)
    headers = dict(re.findall(r"(ce-\w+): (\S+)", text))

    bodies = [cloudevents.from_binary(headers | {"content-type": kind}, binary.encode()) for kind in types[:2]]
    bodies.append(structured.encode())

    assert json.loads(bodies[0])["id"] == "1234-1234-1234"
    assert [read_body(body).bad[0].fault.reason for body in bodies] == [Reason.UNSUPPORTED_DATA] * 3
    assert [read_body(body).bad[0].event_id for body in bodies] == ["1234-1234-1234"] * 3
