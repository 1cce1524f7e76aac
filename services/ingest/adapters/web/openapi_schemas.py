"""The JSON schemas of requests and answers."""

from typing import Any, Final

import msgspec

from services.ingest.adapters.web.import_report import ReportFace
from services.ingest.adapters.web.templates import TemplateFace
from services.ingest.domain.native import NativeEvent

Schema = dict[str, Any]
_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_COUNTS: Final = ("imported", "updated", "ignored", "deleted")


def ref(name: str) -> Schema:
    """Return the reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: dict[str, Schema], **optional: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": required | optional}


def _problem() -> Schema:
    return _object(
        {
            "type": {"type": "string", "format": "uri"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "instance": {"type": "string", "format": "uri"},
            "remedy": _TEXT,
        }
    )


def _events_report() -> Schema:
    error = _object(
        {
            "row": _COUNT,
            "row_kind": {"enum": ["line", "index"]},
            "id": {"type": ["string", "null"]},
            "reason": _TEXT,
            "field": _TEXT,
            "value": _TEXT,
            "detail": _TEXT,
            "remedy": _TEXT,
            "remedy_vi": _TEXT,
            "quarantine_id": {"type": "integer"},
        }
    )
    counts = {"accepted": _COUNT, "duplicates": _COUNT, "quarantined": _COUNT}
    return _object(counts | {"errors": {"type": "array", "items": error}}, errors_omitted=_COUNT)


def _import_files() -> Schema:
    """Return the schema of an answer on several files: of each what it would have got alone, and its status."""
    one = _object({"file": _TEXT, "status": {"type": "integer"}})
    return _object({"files": {"type": "array", "items": one}})


def _web_message() -> Schema:
    conflict = _object(
        {"object": _TEXT, "value": _TEXT, "errorCode": _TEXT, "property": _TEXT},
        objects={"type": "object"},
        indexes={"type": "array", "items": _COUNT},
        place=_TEXT,
        remedyVi=_TEXT,
        quarantineId={"type": "integer"},
    )
    summary = _object(
        {
            "responseType": {"const": "ImportSummary"},
            "status": {"enum": ["SUCCESS", "WARNING", "ERROR"]},
            "description": _TEXT,
            "importCount": _object(dict.fromkeys(_COUNTS, _COUNT)),
            "conflicts": {"type": "array", "items": conflict},
            "rejectedIndexes": {"type": "array", "items": _COUNT},
            "dataSetComplete": _TEXT,
        },
        duplicates=_COUNT,
        stale=_COUNT,
        quarantined=_COUNT,
        refused=_COUNT,
        forecast=ref("Forecast"),
    )
    return _object(
        {
            "httpStatus": _TEXT,
            "httpStatusCode": {"type": "integer"},
            "status": {"enum": ["OK", "WARNING", "ERROR"]},
            "message": _TEXT,
            "response": summary,
        }
    )


def _operation_outcome() -> Schema:
    issue = _object(
        {"severity": {"enum": ["fatal", "error", "warning", "information"]}, "code": _TEXT},
        diagnostics=_TEXT,
        expression={"type": "array", "items": _TEXT},
    )
    return _object(
        {"resourceType": {"const": "OperationOutcome"}, "issue": {"type": "array", "minItems": 1, "items": issue}}
    )


def _data_value_set() -> Schema:
    value = {
        "type": "object",
        "required": ["dataElement", "value"],
        "properties": {
            **dict.fromkeys(("dataElement", "period", "orgUnit", "lastUpdated", "storedBy", "comment"), _TEXT),
            "categoryOptionCombo": {"type": ["string", "object"]},
            "attributeOptionCombo": {"type": ["string", "object"]},
            "value": {"type": ["string", "number", "boolean"]},
            "deleted": {"type": "boolean"},
        },
    }
    return _object(
        {"dataValues": {"type": "array", "items": value}},
        **dict.fromkeys(
            ("dataSet", "completeDate", "period", "orgUnit", "dataElementIdScheme", "orgUnitIdScheme"), _TEXT
        ),
    )


def _resource(*kinds: str) -> Schema:
    return _object({"resourceType": {"enum": list(kinds)}})


def schemas() -> dict[str, Schema]:
    """Return every schema by its name."""
    _, components = msgspec.json.schema_components(
        [NativeEvent, ReportFace, TemplateFace], ref_template="#/components/schemas/{name}"
    )
    components["ImportReport"] = components.pop("ReportFace")
    components["Conflict"] = components.pop("ConflictFace")
    components["Template"] = components.pop("TemplateFace")
    components["ImportReport"]["properties"]["conflicts"]["items"] = ref("Conflict")
    return components | {
        "CloudEvent": _object(
            {"specversion": {"const": "1.0"}, "id": _TEXT, "source": _TEXT, "type": _TEXT},
            time={"type": "string", "format": "date-time"},
            subject=_TEXT,
            datacontenttype=_TEXT,
            data={},
            data_base64=_TEXT,
        ),
        "DataValueSet": _data_value_set(),
        "EventsReport": _events_report(),
        "FhirReport": _resource("MeasureReport", "Bundle"),
        "CapabilityStatement": _resource("CapabilityStatement"),
        "ImportFiles": _import_files(),
        "OperationOutcome": _operation_outcome(),
        "Problem": _problem(),
        "WebMessage": _web_message(),
    }
