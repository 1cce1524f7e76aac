"""DHIS2's answers: a WebMessage around an ImportSummary, in the shape that DHIS2 senders already read."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.responses import Response

from services.ingest.domain.report import Conflict, ImportReport
from services.ingest.domain.values import DataValue, decode_values
from shared.runtime.problems import Problem, headers_of

# DHIS2's names of what our faults name: values are judged in our words and told in the sender's.
_PROPERTIES: Final = {
    "commune": "orgUnit", "indicator": "dataElement", "sex": "categoryOptionCombo", "sector": "categoryOptionCombo",
    "numerator": "value", "denominator": "value", "observed_at": "lastUpdated",
}  # fmt: skip
_READ: Final = (
    "Send a data value set as application/json, application/xml or text/csv, or ADX as application/adx+xml, each as it "
    "is, as gzip or as a zip of one file."
)
_MESSAGES: Final = {
    "OK": "Import was successful.",
    "WARNING": "Some values were set aside, the others were taken or known already.",
    "ERROR": "No value could be taken.",
}
_ATOMIC: Final = "Nothing was stored: the import is atomic, and some of its values could not be taken."


def summary_response(report: ImportReport) -> Response:
    """Return 200 OK or WARNING, or 409 ERROR when no value could be taken.

    Only a correction counts as updated. What was known already, or is older than what is known, counts as ignored;
    `duplicates` and `stale` beside it say which, and neither makes the answer a warning.
    """
    if not report.rejected_rows:
        status, word, code = "OK", "SUCCESS", 200
    else:
        status, word, code = ("WARNING", "WARNING", 200) if report.is_taken else ("ERROR", "ERROR", 409)
    response = {
        "responseType": "ImportSummary",
        "status": word,
        "description": _description(report),
        "importCount": {
            "imported": report.accepted,
            "updated": report.updated,
            "ignored": report.duplicates + report.stale + report.quarantined + report.refused,
            "deleted": report.deleted,
        },
        **{name: getattr(report, name) for name in ("duplicates", "stale", "quarantined", "refused")},
        "conflicts": [_conflict(conflict) for conflict in report.conflicts],
        "rejectedIndexes": list(report.rejected_rows),
        "dataSetComplete": (report.complete_date if _has_news(report) else None) or "false",
    }
    if report.forecast is not None:
        response["forecast"] = msgspec.to_builtins(report.forecast)
    return _web_message(code, status, _ATOMIC if report.refused else _MESSAGES[status], response, {})


def _has_news(report: ImportReport) -> bool:
    """Return whether anything was taken that was not known before."""
    return bool(report.accepted or report.updated or report.deleted or report.stale)


def _description(report: ImportReport) -> str:
    if report.dry_run:
        return "Dry run: nothing was stored."
    return _ATOMIC if report.refused else "Import process completed."


def refusal_response(problem: Problem) -> Response:
    """Return the refusal of a whole request."""
    remedy = _READ if problem.status == 415 else problem.remedy
    message = " ".join(part for part in (f"{problem.title}.", problem.detail, remedy) if part)
    response = {
        "responseType": "ImportSummary",
        "status": "ERROR",
        "description": problem.detail or problem.title,
        "importCount": {"imported": 0, "updated": 0, "ignored": 0, "deleted": 0},
        "conflicts": [],
        "rejectedIndexes": [],
        "dataSetComplete": "false",
    }
    # DHIS2 answers content that it cannot import with 409, not 400.
    status = 409 if problem.status == 400 else problem.status
    return _web_message(status, "ERROR", message, response, headers_of(problem))


def _web_message(code: int, status: str, message: str, response: dict[str, Any], headers: dict[str, str]) -> Response:
    body = {
        "httpStatus": HTTPStatus(code).phrase,
        "httpStatusCode": code,
        "status": status,
        "message": message,
        "response": response,
    }
    return Response(msgspec.json.encode(body), status_code=code, media_type="application/json", headers=headers)


def _conflict(conflict: Conflict) -> dict[str, Any]:
    """Return a conflict in DHIS2's words; `quarantineId` is the number under which the rows wait, if they do."""
    name = _PROPERTIES.get(conflict.field, conflict.field)
    said = f"{conflict.code}: {conflict.value}" if conflict.value else conflict.code
    number = {"quarantineId": conflict.quarantine_id} if conflict.quarantine_id else {}
    return {
        "object": conflict.value or name,
        "objects": _objects(conflict.raw),
        "value": f"{said}{f' ({conflict.detail})' if conflict.detail else ''}. {conflict.remedy}",
        "errorCode": conflict.code,
        "property": name,
        "indexes": sorted(conflict.rows),
        "place": conflict.place,
        "remedyVi": conflict.remedy_vi,
    } | number


def _objects(raw: bytes) -> dict[str, str]:
    """Return the ids of the first value concerned."""
    try:
        value = decode_values(raw)[0]
    except (msgspec.MsgspecError, UnicodeDecodeError, IndexError):
        value = DataValue()
    named = {
        "dataElement": value.element, "period": value.period, "orgUnit": value.org_unit,
        "categoryOptionCombo": value.option, "attributeOptionCombo": value.attribute,
    }  # fmt: skip
    return {name: text for name, text in named.items() if text}
