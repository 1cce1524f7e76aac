"""The AsyncAPI document of the streams, built from the message models; `make asyncapi` writes docs/asyncapi.json."""

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.contracts import streams
from shared.contracts.events import IndicatorReportedBatch, Message, VerdictChangedBatch

_SUMMARIES: dict[type[Message], str] = {
    IndicatorReportedBatch: "Reports that passed normalization and are committed to the journal.",
    VerdictChangedBatch: "Changes of verdicts that are committed together with the verdicts themselves.",
}
_CHANNELS: dict[str, tuple[str, type[Message], str, str]] = {
    "indicatorReported": (streams.INDICATOR_REPORTED, IndicatorReportedBatch, "ingest", "evaluator"),
    "verdictChanged": (streams.VERDICT_CHANGED, VerdictChangedBatch, "evaluator", "notifier"),
}
_GROUPS = {"evaluator": streams.EVALUATOR_GROUP, "notifier": streams.NOTIFIER_GROUP}
_DELIVERY = (
    "At least once, in order within a partition. The stream is a transport only: the row in PostgreSQL's mailbox is "
    "the message, its consumer takes it out in the transaction that applies it, producers publish again what is lost. "
    "One stream entry is FastStream's binary envelope around one JSON message."
)


def build_document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document as plain data, the same for the same code."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Đạt Chuẩn",
            "version": "1.0.0",
            "description": _DELIVERY,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(name) for name in _CHANNELS},
        "operations": {operation: body for name in _CHANNELS for operation, body in _operations(name).items()},
        "components": {
            "messages": {model.__name__: _message(model) for model in _SUMMARIES},
            "schemas": _schemas(),
        },
    }


def _channel(name: str) -> dict[str, Any]:
    stream, model, _, _ = _CHANNELS[name]
    return {
        "address": f"{stream}.p{{partition}}",
        "description": f"Redis stream `{streams.partition_stream(stream, 0)}` and one more per further partition.",
        "parameters": {"partition": {"description": "Number of the partition.", "default": "0"}},
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"}},
    }


def _operations(name: str) -> dict[str, Any]:
    _, model, producer, consumer = _CHANNELS[name]
    channel = {"$ref": f"#/channels/{name}"}
    messages = [{"$ref": f"#/channels/{name}/messages/{model.__name__}"}]
    suffix = name[0].upper() + name[1:]
    return {
        f"{producer}Sends{suffix}": {
            "action": "send",
            "channel": channel,
            "summary": f"The service {producer} publishes after its commit.",
            "messages": messages,
        },
        f"{consumer}Receives{suffix}": {
            "action": "receive",
            "channel": channel,
            "summary": f"The service {consumer} reads as consumer group `{_GROUPS[consumer]}`.",
            "messages": messages,
        },
    }


def _message(model: type[Message]) -> dict[str, Any]:
    return {
        "name": model.__name__,
        "contentType": "application/json",
        "summary": _SUMMARIES[model],
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
    }


def _schemas() -> dict[str, Any]:
    _, definitions = models_json_schema(
        [(model, "validation") for model in _SUMMARIES], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def render() -> str:
    """Return the document as the text of docs/asyncapi.json."""
    return json.dumps(build_document(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    print(render(), end="")
