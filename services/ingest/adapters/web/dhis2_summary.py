"""DHIS2's answers: a WebMessage around an ImportSummary, in the shape that DHIS2 senders already read."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.responses import Response

from services.ingest.adapters.web.problems import Problem, headers_of
from services.ingest.domain.reading import NO_MATE
from services.ingest.domain.receipts import Quarantined, Receipt
from services.ingest.domain.remedies import REMEDIES

_OBJECTS: Final = ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo")


def summary_response(receipt: Receipt, *, complete_date: str | None, dry_run: bool) -> Response:
    """Return 200 OK or WARNING, or 409 ERROR when no value could be taken.

    A replay counts as updated, as it does in DHIS2, so that a sender that repeats itself sees no failure; `duplicates`
    beside it says how many.
    """
    rejected = sorted({index for row in receipt.quarantined for index in _indexes(row)})
    taken = receipt.accepted_rows + receipt.duplicate_rows
    if not rejected:
        status, word, code = "OK", "SUCCESS", 200
    else:
        status, word, code = ("WARNING", "WARNING", 200) if taken else ("ERROR", "ERROR", 409)
    response = {
        "responseType": "ImportSummary",
        "status": word,
        "description": "Dry run: nothing was stored." if dry_run else "Import process completed.",
        "importCount": {
            "imported": receipt.accepted_rows - receipt.deleted_rows,
            "updated": receipt.duplicate_rows,
            "ignored": len(rejected),
            "deleted": receipt.deleted_rows,
        },
        "duplicates": receipt.duplicate_rows,
        "conflicts": [_conflict(row) | _number(row, dry_run=dry_run) for row in receipt.quarantined],
        "rejectedIndexes": rejected,
        "dataSetComplete": complete_date or "false",
    }
    return _web_message(code, status, _MESSAGES[status], response, {})


_MESSAGES: Final = {
    "OK": "Import was successful.",
    "WARNING": "Some values were set aside, the others were taken.",
    "ERROR": "No value could be taken.",
}


def refusal_response(problem: Problem) -> Response:
    """Return the refusal of a whole request."""
    remedy = "Send a data value set as application/json." if problem.status == 415 else problem.remedy
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


def _indexes(row: Quarantined) -> list[int]:
    return [row.row] if row.mate == NO_MATE else sorted((row.row, row.mate))


def _conflict(row: Quarantined) -> dict[str, Any]:
    fault = row.fault
    reason = fault.reason.value
    value = f"{reason}: {fault.value}" if fault.value else reason
    return {
        "object": fault.value or fault.field,
        "objects": _objects(row.raw),
        "value": f"{value}{f' ({fault.detail})' if fault.detail else ''}. {REMEDIES[fault.reason].en}",
        "errorCode": reason,
        "property": fault.field,
        "indexes": _indexes(row),
    }


def _number(row: Quarantined, *, dry_run: bool) -> dict[str, int]:
    """Return the number under which the row waits in the quarantine; after a dry run it waits nowhere."""
    return {} if dry_run else {"quarantineId": row.quarantine_id}


def _objects(raw: bytes) -> dict[str, str]:
    """Return the ids of the first value concerned, its own or those that stand above it."""
    document = msgspec.json.decode(raw, type=dict[str, Any])
    first = document["dataValues"][0]
    fields = document | (first if isinstance(first, dict) else {})
    return {name: fields[name] for name in _OBJECTS if isinstance(fields.get(name), str)}
