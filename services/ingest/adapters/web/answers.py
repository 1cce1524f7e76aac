"""The answer to POST /v1/events: what became of the rows, and for each bad one what to do."""

from typing import Any, Final

import msgspec
from starlette.responses import Response

from services.ingest.domain.reading import Reading, RowKind
from services.ingest.domain.receipts import Quarantined, Receipt
from services.ingest.domain.remedies import REMEDIES
from shared.runtime.problems import Problem, problem_response

MAX_ERRORS: Final = 100

_NOTHING_ACCEPTED: Final = Problem(
    422,
    "nothing_accepted",
    "No row could be accepted",
    "Correct the rows as each error says and send them again.",
    "All rows were set aside in the quarantine.",
)


def events_response(reading: Reading, receipt: Receipt) -> Response:
    """Return 202 with the report, or 422 with the same report when no row could be accepted."""
    body = _report(reading, receipt)
    if receipt.quarantined and not receipt.accepted and not receipt.duplicates:
        return problem_response(_NOTHING_ACCEPTED, body)
    return Response(msgspec.json.encode(body), status_code=202, media_type="application/json")


def _report(reading: Reading, receipt: Receipt) -> dict[str, Any]:
    bad = sorted(receipt.quarantined, key=lambda row: row.row)
    body: dict[str, Any] = {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "quarantined": len(bad),
        "errors": [_error(reading.row_kind, row) for row in bad[:MAX_ERRORS]],
    }
    if len(bad) > MAX_ERRORS:
        body["errors_omitted"] = len(bad) - MAX_ERRORS
    return body


def _error(row_kind: RowKind, row: Quarantined) -> dict[str, Any]:
    fault = row.fault
    remedy = fault.remedy or REMEDIES[fault.reason]
    return {
        "row": row.row,
        "row_kind": row_kind.value,
        "id": row.event_id,
        "reason": fault.reason.value,
        "field": fault.field,
        "value": fault.value,
        "detail": fault.detail,
        "remedy": remedy.en,
        "remedy_vi": remedy.vi,
        "quarantine_id": row.quarantine_id,
    }
