"""The texts and the query parameters of the OpenAPI description."""

from typing import Any, Final

from services.ingest.domain.periods import ACCEPTED_FORMS

Parameter = tuple[str, dict[str, Any], str]
_FLAG: Final[dict[str, Any]] = {"type": "boolean", "default": False}

REFUSALS: Final = {
    400: "The body cannot be read.",
    401: "No token, or one that is unknown or revoked.",
    403: "The token does not open this endpoint.",
    408: "The body did not come in time: send the request again, in smaller parts on a slow line.",
    409: "A parameter is unknown or asks for what is not done here, or an atomic import has conflicts.",
    413: "The body is too large.",
    415: "The content type, the encoding or the content is not read here.",
    422: "No row could be taken, or the request carries data of single persons.",
    503: "The database is away or too much waits: send the request again, unchanged, after Retry-After seconds.",
}
IMPORT_PARAMETERS: Final[tuple[Parameter, ...]] = (
    ("form", {"type": "string"}, "The column template of a spreadsheet or CSV; by default it is recognized."),
    ("period", {"type": "string"}, f"The period of rows that name none: {ACCEPTED_FORMS}."),
    ("observedAt", {"type": "string"}, "When rows that do not say it were observed, ISO 8601 with an offset."),
    ("dryRun", _FLAG, "Store nothing; tell what would be taken, and which verdicts would change."),
    ("atomic", _FLAG, "Take all rows of a file or, when one has a conflict, none."),
)
_SCHEME: Final[dict[str, Any]] = {"type": "string"}
DHIS2_PARAMETERS: Final[tuple[Parameter, ...]] = (
    ("dryRun", _FLAG, "Store nothing; tell what would be taken, and which verdicts would change."),
    ("atomic", _FLAG, "Take all values or, when one has a conflict, none."),
    ("importStrategy", {"enum": ["CREATE_AND_UPDATE", "NEW_AND_UPDATES", "DELETE"]}, "DELETE takes every value back."),
    ("async", {"enum": ["false"]}, "Every import is answered when it is committed; true is refused."),
    ("firstRowIsHeader", {"type": "boolean"}, "Whether the first line of a CSV names the columns."),
    ("idScheme", _SCHEME, "Refused unless it is the scheme of the catalog's profile of the source."),
    ("dataElementIdScheme", _SCHEME, "As idScheme, for data elements."),
    ("orgUnitIdScheme", _SCHEME, "As idScheme, for organisation units."),
)
EVENTS_DESCRIPTION: Final = f"""\
Takes one native event, an array of them, one a line (NDJSON), or CloudEvents 1.0 (structured, batched, binary).

202 is sent only after the commit. Rows are judged one by one: good ones are kept, bad ones are set aside with a reason
and listed under `errors`. A replay is counted as a duplicate. `row` counts lines from 1 in NDJSON and elements from 0
otherwise, as `row_kind` says. Periods: {ACCEPTED_FORMS}.
"""
IMPORT_DESCRIPTION: Final = """\
Takes a file in any format that is read: DHIS2 data value sets (JSON, XML, CSV), ADX, FHIR MeasureReports, CloudEvents,
native events (JSON, NDJSON), and spreadsheets (xlsx, xls, ods, CSV or TSV in any usual encoding). The content says
which it is; the content type decides only where the content leaves a choice. A gzip, or a zip of one file, is unfolded.
As a form (multipart/form-data) up to 20 files are taken, each on its own, in parts named `file`; the parameters may be
fields.

Events need a token for events, everything else one for data values. The counts of a report add up to `rows`: new,
correcting (`updated`), taken back (`deleted`), known (`duplicates`), older than what is known (`stale`), set aside
(`quarantined`), refused (`atomic`). Answers in our words, DHIS2's or FHIR's, as `report` or the header Accept says; in
DHIS2's words the statuses are those of DHIS2.
"""
DATA_VALUES_DESCRIPTION: Final = """\
Takes a DHIS2 data value set as JSON, XML or CSV, or ADX; a gzip, or a zip of one file, is unfolded. What a data element
and option combination mean is in the catalog's profile of the token's source. Numerator and denominator of one fact in
one request become one report. Answers in DHIS2's own shape.
"""
FHIR_DESCRIPTION: Final = """\
Takes a MeasureReport of type summary, or a Bundle of them (R4; what R5 moved is read too). What a group's code means is
in the catalog's profile of the token's source. Answers with an OperationOutcome whose expressions are FHIRPaths.
Reports on individuals are refused.
"""
