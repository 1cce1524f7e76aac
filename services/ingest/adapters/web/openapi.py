"""The OpenAPI description of the endpoints, whose bodies are read by hand for speed."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from services.ingest.adapters.formats.detecting import SENDABLE
from services.ingest.adapters.web import openapi_examples as examples
from services.ingest.adapters.web.openapi_schemas import Schema, ref, schemas
from services.ingest.adapters.web.openapi_texts import (
    DATA_VALUES_DESCRIPTION,
    DHIS2_PARAMETERS,
    EVENTS_DESCRIPTION,
    FHIR_DESCRIPTION,
    IMPORT_DESCRIPTION,
    IMPORT_PARAMETERS,
    REFUSALS,
)

PROBLEM_JSON: Final = "application/problem+json"
FHIR_JSON: Final = "application/fhir+json"
_FOLDED: Final = ("application/gzip", "application/zip")
_SHEETS: Final = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel",
    "application/vnd.oasis.opendocument.spreadsheet",
)
_BINARY: Final[Schema] = {"type": "string", "format": "binary"}
_TEXT: Final[Schema] = {"type": "string"}


def description() -> dict[str, Any]:
    """Return the whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Đạt Chuẩn: ingest", "version": "1"},
        "paths": {
            "/v1/events": {"post": _events()},
            "/v1/import": {"post": _import()},
            "/api/dataValueSets": {"post": _data_values("dataValueSets")},
            "/api/{version}/dataValueSets": {"post": _versioned_data_values()},
            "/fhir": {"post": _fhir("fhir")},
            "/fhir/Bundle": {"post": _fhir("fhirBundle")},
            "/fhir/MeasureReport": {"post": _fhir("fhirMeasureReport")},
            "/fhir/metadata": {"get": _capabilities()},
            "/v1/templates": {"get": _templates()},
            "/v1/templates/{name}": {"get": _template()},
        },
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _events() -> dict[str, Any]:
    event, cloud_event = ref("NativeEvent"), ref("CloudEvent")
    content = {
        "application/json": _body({"oneOf": [event, {"type": "array", "items": event}]}, examples.EVENT),
        "application/x-ndjson": _body(_TEXT, examples.EVENT_LINE),
        "application/cloudevents+json": _body(cloud_event, examples.CLOUD_EVENT),
        "application/cloudevents-batch+json": _body({"type": "array", "items": cloud_event}, [examples.CLOUD_EVENT]),
    }
    answers = {
        "202": _answer("Everything is committed; `errors` tells what was set aside.", "EventsReport"),
        **_problems(400, 401, 403, 408, 409, 413, 415, 503),
        "422": _refusal(422, PROBLEM_JSON, {"allOf": [ref("Problem")]}),
    }
    return _operation("events", "Report indicators", EVENTS_DESCRIPTION, [], content, answers)


def _import() -> dict[str, Any]:
    event = ref("NativeEvent")
    content = {
        "application/json": _body(
            {"anyOf": [ref("DataValueSet"), event, {"type": "array", "items": event}]}, examples.VALUE_SET
        ),
        "application/x-ndjson": _body(_TEXT, examples.EVENT_LINE),
        "application/cloudevents+json": _body(ref("CloudEvent"), examples.CLOUD_EVENT),
        FHIR_JSON: _body(ref("FhirReport"), examples.MEASURE_REPORT),
        "application/xml": _body(_TEXT, examples.VALUE_SET_XML),
        "application/adx+xml": _body(_TEXT, examples.ADX),
        "text/csv": _body(_TEXT, examples.FORM_CSV),
        "multipart/form-data": {"schema": _form()},
        **{media: {"schema": _BINARY} for media in (*_SHEETS, *_FOLDED)},
    }
    refused = {"anyOf": [{"allOf": [ref("Problem"), ref("ImportReport")]}, ref("Problem")]}
    faces = {"application/json": ref("WebMessage"), FHIR_JSON: ref("OperationOutcome")}
    answers: dict[str, Any] = {status: _answer(text, "ImportReport", "ImportFiles") for status, text in _TAKEN.items()}
    answers |= {str(status): _refusal(status, PROBLEM_JSON, refused) for status in REFUSALS}
    for status, answer in answers.items():
        if status not in _TAKEN:
            answer["content"] |= {media: {"schema": schema} for media, schema in faces.items()}
        else:
            answer["content"][FHIR_JSON] = {"schema": ref("OperationOutcome")}
            answer["content"]["application/json"]["schema"]["anyOf"].append(ref("WebMessage"))
    formats = [format_.value for format_ in SENDABLE]
    parameters = [
        _parameter("format", {"enum": formats}, "Read the content as this, if it can be."),
        *(_parameter(*parameter) for parameter in IMPORT_PARAMETERS),
        _parameter("report", {"enum": ["datchuan", "dhis2", "fhir"]}, "In whose words to answer."),
    ]
    return _operation("import", "Import a file in any format", IMPORT_DESCRIPTION, parameters, content, answers)


_TAKEN: Final = {
    "200": "Nothing new was in it, or it was a dry run.",
    "202": "What could be taken is committed; `conflicts` tells what was set aside.",
}


def _form() -> Schema:
    """Return the schema of the form: files, and the parameters as fields."""
    fields = {name: schema for name, schema, _ in IMPORT_PARAMETERS}
    return {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": 20},
            "format": {"enum": [format_.value for format_ in SENDABLE]},
            **fields,
        },
    }


def _data_values(operation_id: str) -> dict[str, Any]:
    content = {
        "application/json": _body(ref("DataValueSet"), examples.VALUE_SET),
        "application/xml": _body(_TEXT, examples.VALUE_SET_XML),
        "application/adx+xml": _body(_TEXT, examples.ADX),
        "text/csv": _body(_TEXT, examples.VALUE_SET_CSV),
        **{media: {"schema": _BINARY} for media in _FOLDED},
    }
    # DHIS2 answers content that it cannot import with 409, not 400.
    refused = {
        str(status): _refusal(status, "application/json", ref("WebMessage")) for status in REFUSALS if status != 400
    }
    answers = {"200": _answer("Values were taken, or were known already.", "WebMessage"), **refused}
    parameters = [_parameter(*parameter) for parameter in DHIS2_PARAMETERS]
    return _operation(operation_id, "Report DHIS2 data values", DATA_VALUES_DESCRIPTION, parameters, content, answers)


def _versioned_data_values() -> dict[str, Any]:
    operation = _data_values("versionedDataValueSets")
    version = {"name": "version", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}
    operation["parameters"].insert(0, version)
    operation["responses"]["404"] = _refusal(404, PROBLEM_JSON, ref("Problem"))
    return operation


def _fhir(operation_id: str) -> dict[str, Any]:
    content = {media: _body(ref("FhirReport"), examples.MEASURE_REPORT) for media in (FHIR_JSON, "application/json")}
    taken = {"description": "Reports were taken, or were known already.", "content": _outcome()}
    refused = {str(status): _refusal(status, FHIR_JSON, ref("OperationOutcome")) for status in REFUSALS}
    parameters = [_parameter(*parameter) for parameter in IMPORT_PARAMETERS if parameter[0] != "form"]
    return _operation(
        operation_id, "Report FHIR MeasureReports", FHIR_DESCRIPTION, parameters, content, {"200": taken, **refused}
    )


def _outcome() -> dict[str, Any]:
    return {FHIR_JSON: {"schema": ref("OperationOutcome")}}


def _capabilities() -> dict[str, Any]:
    content = {FHIR_JSON: {"schema": ref("CapabilityStatement")}}
    return {
        "operationId": "fhirMetadata",
        "summary": "What FHIR is read here",
        "responses": {"200": {"description": "The CapabilityStatement.", "content": content}},
    }


def _templates() -> dict[str, Any]:
    schema = {"type": "array", "items": ref("Template")}
    content = {"application/json": {"schema": schema}}
    return {
        "operationId": "templates",
        "summary": "The forms for spreadsheets",
        "responses": {"200": {"description": "Every form, and where its empty files are.", "content": content}},
    }


def _template() -> dict[str, Any]:
    name = {"name": "name", "in": "path", "required": True, "schema": _TEXT, "example": "bhyt-xa.xlsx"}
    content = {_SHEETS[0]: {"schema": _BINARY}, "text/csv": {"schema": _TEXT}}
    return {
        "operationId": "template",
        "summary": "An empty form to fill in: FORM.xlsx or FORM.csv",
        "parameters": [name],
        "responses": {
            "200": {"description": "The file.", "content": content},
            "404": {"description": "There is no such form.", "content": {PROBLEM_JSON: {"schema": ref("Problem")}}},
        },
    }


def _operation(
    operation_id: str,
    summary: str,
    text: str,
    parameters: Sequence[Mapping[str, Any]],
    content: Mapping[str, Any],
    responses: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": text,
        "security": [{"bearer": []}],
        "parameters": list(parameters),
        "requestBody": {"required": True, "content": content},
        "responses": dict(sorted(responses.items())),
    }


def _body(schema: Schema, example: object) -> dict[str, Any]:
    return {"schema": schema, "example": example}


def _parameter(name: str, schema: Schema, text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}


def _answer(text: str, *names: str) -> dict[str, Any]:
    schema = ref(names[0]) if len(names) == 1 else {"anyOf": [ref(name) for name in names]}
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): _refusal(status, PROBLEM_JSON, ref("Problem")) for status in statuses}


def _refusal(status: int, media: str, schema: Schema) -> dict[str, Any]:
    text = REFUSALS.get(status, HTTPStatus(status).phrase)
    return {"description": text, "content": {media: {"schema": schema}}}
