"""docs/asyncapi.json is what the code says, and the golden messages obey its schemas."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.contracts import asyncapi, streams

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
MODELS = {"indicator_reported": "IndicatorReportedBatch", "verdict_changed": "VerdictChangedBatch"}
DOCUMENT = asyncapi.build_document()


def references(node: Any) -> list[str]:
    """Every $ref below `node`."""
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for item in node for found in references(item)] if isinstance(node, list) else []


def resolve(reference: str) -> Any:
    """What a local reference points at."""
    node: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def validator_of(model: str) -> Draft202012Validator:
    return Draft202012Validator({**DOCUMENT, "$ref": f"#/components/schemas/{model}"})


def test_the_document_in_docs_is_up_to_date_with_the_contracts() -> None:
    written = (ROOT / "docs/asyncapi.json").read_text(encoding="utf-8")

    assert written == asyncapi.render(), "run `make asyncapi`"


def test_every_reference_of_the_document_leads_somewhere() -> None:
    found = references(DOCUMENT)

    assert found
    for reference in found:
        assert resolve(reference), reference


def test_the_document_names_both_streams_and_who_sends_and_receives_them() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    actions = {name: operation["action"] for name, operation in DOCUMENT["operations"].items()}

    assert addresses == {f"{stream}.p{{partition}}" for stream in (streams.INDICATOR_REPORTED, streams.VERDICT_CHANGED)}
    assert actions == {
        "ingestSendsIndicatorReported": "send",
        "evaluatorReceivesIndicatorReported": "receive",
        "evaluatorSendsVerdictChanged": "send",
        "notifierReceivesVerdictChanged": "receive",
    }


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in sorted(GOLDEN.glob("*.json"))])
def test_a_golden_message_obeys_the_published_schema(path: Path) -> None:
    message = json.loads(path.read_text(encoding="utf-8"))

    assert list(validator_of(MODELS[path.name.split(".")[0]]).iter_errors(message)) == []


def test_the_published_schema_refuses_a_word_outside_the_vocabulary() -> None:
    message = json.loads((GOLDEN / "verdict_changed.v1.json").read_text(encoding="utf-8"))
    message["changes"][0]["to_status"] = "unmet"

    errors = [error.json_path for error in validator_of("VerdictChangedBatch").iter_errors(message)]

    assert errors == ["$.changes[0].to_status"]
