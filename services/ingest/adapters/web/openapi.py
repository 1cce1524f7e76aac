"""The OpenAPI description of the endpoints, whose bodies are read by hand for speed."""

from typing import Any, Final

import msgspec

from services.ingest.domain.native import NativeEvent
from services.ingest.domain.periods import ACCEPTED_FORMS

_EVENT: Final[dict[str, Any]] = {
    "id": "tram-y-te-06196-2024-09-bhyt-nu-1",
    "commune": "06196",
    "indicator": "bhyt_coverage",
    "sex": "female",
    "period": "2024-9M",
    "numerator": 1234,
    "denominator": 1300,
    "observed_at": "2024-10-02T08:30:00+07:00",
}
_CLOUD_EVENT: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "A234-1234-1234",
    "source": "hmis",
    "type": "vn.datchuan.indicator.reported",
    "time": "2024-10-02T08:30:00+07:00",
    "subject": "06196",
    "datacontenttype": "application/json",
    "data": {name: value for name, value in _EVENT.items() if name not in ("id", "commune", "observed_at")},
}
_VALUE_SET: Final[dict[str, Any]] = {
    "dataSet": "BaoCaoThang",
    "completeDate": "2024-10-02",
    "period": "202409",
    "orgUnit": "06196",
    "dataValues": [
        {"dataElement": "BhytCoThe01", "categoryOptionCombo": "GioiTinhNu0", "value": "1234"},
        {"dataElement": "BhytDanSo01", "categoryOptionCombo": "GioiTinhNu0", "value": "1300"},
    ],
}
_PROBLEM_STATUS: Final = {
    400: "The body cannot be read.",
    401: "No token, or one that is unknown or revoked.",
    403: "The token does not open this endpoint.",
    408: "The body did not come in time: send the request again, in smaller parts on a slow line.",
    413: "The body is too large.",
    415: "The content type or encoding is not read here.",
    422: "Every row was set aside, or the request carries data of single persons.",
    503: "The database is away or too much waits: send the request again, unchanged, after Retry-After seconds.",
}
BEARER: Final[list[dict[str, list[str]]]] = [{"bearer": []}]


def event_components() -> dict[str, Any]:
    """Return the JSON schemas of a native event and of what it refers to, by name."""
    _, components = msgspec.json.schema_components([NativeEvent], ref_template="#/components/schemas/{name}")
    return components


def events_extra() -> dict[str, Any]:
    """Return the OpenAPI part of POST /v1/events."""
    schema = {"$ref": "#/components/schemas/NativeEvent"}
    many = {"type": "array", "items": schema}
    return {
        "security": BEARER,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"oneOf": [schema, many]}, "example": _EVENT},
                "application/x-ndjson": {"schema": {"type": "string"}, "example": "one event a line"},
                "application/cloudevents+json": {"schema": {"type": "object"}, "example": _CLOUD_EVENT},
                "application/cloudevents-batch+json": {
                    "schema": {"type": "array", "items": {"type": "object"}},
                    "example": [_CLOUD_EVENT],
                },
            },
        },
    }


def data_values_extra() -> dict[str, Any]:
    """Return the OpenAPI part of POST /api/dataValueSets."""
    return {
        "security": BEARER,
        "parameters": [
            {"name": "dryRun", "in": "query", "required": False, "schema": {"type": "boolean", "default": False}}
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}, "example": _VALUE_SET}},
        },
    }


def problem_responses() -> dict[int | str, dict[str, Any]]:
    """Return the refusals that every endpoint shares."""
    return {
        status: {"description": text, "content": {"application/problem+json": {"schema": {"type": "object"}}}}
        for status, text in _PROBLEM_STATUS.items()
    }


EVENTS_DESCRIPTION: Final = f"""\
Takes one native event, an array of them, one a line (NDJSON), or CloudEvents 1.0 (structured, batched, binary).

202 is sent only after the commit. Rows are judged one by one: good ones are kept, bad ones are set aside with a reason
and listed under `errors`. A replay is counted as a duplicate. `row` counts lines from 1 in NDJSON and elements from 0
otherwise, as `row_kind` says. Periods: {ACCEPTED_FORMS}.
"""
DATA_VALUES_DESCRIPTION: Final = """\
Takes a DHIS2 data value set. What a data element and option combination mean is in the catalog's profile of the token's
source. Numerator and denominator of one fact in one request become one report. Answers in DHIS2's own shape.
"""
