"""Refusals of whole requests: one table from error to status, title and remedy."""

from typing import Final

import msgspec

from services.ingest.domain import errors
from shared.runtime.database import is_outage, is_wrong_schema
from shared.runtime.problems import Problem

RETRY_AFTER_SECONDS: Final = 5
RETRY_WHEN_BACKLOGGED_SECONDS: Final = 30


UNAVAILABLE: Final = Problem(
    503, "store_unavailable", "The database is away", "Send the request again unchanged; replays do no harm.",
    "Nothing of this request was stored.", RETRY_AFTER_SECONDS,
)  # fmt: skip
INTERNAL: Final = Problem(
    500, "internal", "The service failed", "Send the request again; tell the operator if it goes on.",
    "Nothing of this request was stored.",
)  # fmt: skip
_WRONG_SCHEMA: Final = msgspec.structs.replace(
    INTERNAL, remedy="Tell the operator: the database is not of this version. Send the request again afterwards."
)
_TABLE: Final[dict[type[errors.IngestError], Problem]] = {
    errors.MalformedBodyError: Problem(400, "malformed_body", "The body cannot be read", "Mend what the detail names."),
    errors.UnauthorizedError: Problem(
        401, "unauthorized", "A valid token is needed", "Send the header Authorization: Bearer TOKEN.",
    ),
    errors.ForbiddenError: Problem(
        403, "forbidden", "The token may not do this", "Ask the operator for a token with this right.",
    ),
    errors.SlowBodyError: Problem(
        408, "body_too_slow", "The body did not come in time",
        "Send the request again unchanged; on a slow line send fewer reports at a time, or send gzip.",
    ),
    errors.UnsupportedRequestError: Problem(
        409, "unsupported_request", "This is not supported",
        "Change what the detail names; docs/intake.md lists what is.",
    ),
    errors.BodyTooLargeError: Problem(413, "body_too_large", "The body is too large", "Split the request."),
    errors.UnsupportedFormatError: Problem(
        415, "unsupported_format", "The format is not read here",
        "Send application/json, application/x-ndjson, application/cloudevents+json or "
        "application/cloudevents-batch+json.",
    ),
    errors.PatientLevelDataError: Problem(
        422, "patient_level_data", "Data of single persons is refused",
        "Send counts of people only. Nothing of this request was stored or logged.",
        "The request carries data of single persons.",
    ),
    errors.OverloadedError: Problem(
        503, "overloaded", "Too many requests wait", "Send the request again in a moment.", retry_after_seconds=1,
    ),
    errors.BackloggedError: Problem(
        503, "backlogged", "Too many reports wait to be judged",
        "Send the request again later, unchanged; if it goes on, tell the operator.",
        retry_after_seconds=RETRY_WHEN_BACKLOGGED_SECONDS,
    ),
    errors.StoreUnavailableError: UNAVAILABLE,
}  # fmt: skip

# What to do about a body that cannot be read, by the word that the text of its error has.
_UNREADABLE: Final = (
    ("empty", "Send the reports in the body of the request."),
    ("cut off", "Send the whole file again: its end is missing."),
    ("JSON", "Mend the JSON at the place that the detail names, in UTF-8; `python -m json.tool FILE` finds it."),
    ("XML", "Mend the XML at the place that the detail names; `xmllint --noout FILE` shows the place, too."),
)  # fmt: skip


def problem_of(error: Exception) -> Problem:
    """Return how an error is told to the sender. Its text is told only for errors that we raise on purpose."""
    if isinstance(error, errors.PartlyTakenError):
        return msgspec.structs.replace(problem_of(error.cause), detail=str(error), taken=error.taken)
    known = _TABLE.get(type(error)) if isinstance(error, errors.IngestError) else None
    if known is None:
        if is_wrong_schema(error):
            return _WRONG_SCHEMA
        return UNAVAILABLE if is_outage(error) else INTERNAL
    if isinstance(error, errors.MalformedBodyError):
        remedy = next((remedy for word, remedy in _UNREADABLE if word in str(error)), known.remedy)
        return msgspec.structs.replace(known, detail=str(error), remedy=remedy)
    return msgspec.structs.replace(known, detail=str(error) or known.detail)
