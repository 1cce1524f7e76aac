"""FHIR's answer: one OperationOutcome for a whole request, a Bundle of transaction or batch included."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from starlette.responses import Response

from services.ingest.domain.reading import PayloadFormat, Remark
from services.ingest.domain.report import Conflict, ImportReport
from shared.contracts.vocabulary import QuarantineReason as Reason
from shared.runtime.problems import Problem, headers_of

MEDIA_TYPE: Final = "application/fhir+json"
REASONS: Final = "urn:datchuan:quarantine-reason"
COUNTS: Final = "urn:datchuan:count"
PROBLEMS: Final = "urn:datchuan:problem"

# FHIR's issue types (http://hl7.org/fhir/issue-type) of our reasons.
ISSUE_TYPES: Final[dict[Reason, str]] = {
    Reason.MALFORMED_JSON: "structure",
    Reason.WRONG_TYPE: "structure",
    Reason.MISSING_FIELD: "required",
    Reason.MISSPELT_FIELD: "structure",
    Reason.UNKNOWN_COMMUNE: "not-found",
    Reason.COMMUNE_NOT_VALID_THEN: "not-found",
    Reason.UNKNOWN_INDICATOR: "code-invalid",
    Reason.INDICATOR_NOT_FOR_LEVEL: "business-rule",
    Reason.UNKNOWN_SEX: "code-invalid",
    Reason.UNKNOWN_SECTOR: "code-invalid",
    Reason.MISSING_SEX: "required",
    Reason.MISSING_SECTOR: "required",
    Reason.UNEXPECTED_SEX: "business-rule",
    Reason.UNEXPECTED_SECTOR: "business-rule",
    Reason.BAD_PERIOD: "value",
    Reason.BAD_OBSERVED_AT: "value",
    Reason.OBSERVED_IN_FUTURE: "business-rule",
    Reason.NO_MEASURE: "required",
    Reason.WRONG_MEASURE: "business-rule",
    Reason.NOT_A_NUMBER: "value",
    Reason.NOT_AN_INTEGER: "value",
    Reason.NEGATIVE_NUMBER: "value",
    Reason.NUMBER_TOO_LARGE: "value",
    Reason.ZERO_DENOMINATOR: "business-rule",
    Reason.NUMERATOR_OVER_DENOMINATOR: "business-rule",
    Reason.SOURCE_NOT_ALLOWED: "forbidden",
    Reason.ID_REUSED: "duplicate",
    Reason.UNKNOWN_ALIAS: "code-invalid",
    Reason.CONTRADICTED: "conflict",
    Reason.COMMUNE_SPLIT: "multiple-matches",
    Reason.COMMUNE_PART: "business-rule",
    Reason.COMMUNE_NAME_DIFFERS: "conflict",
    Reason.AMBIGUOUS_COMMUNE: "multiple-matches",
    Reason.AMBIGUOUS_NUMBER: "value",
    Reason.UNCOMPUTED_FORMULA: "value",
    Reason.UNSUPPORTED_DATA: "not-supported",
}
_REFUSALS: Final = {
    400: "structure", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 408: "timeout",
    409: "not-supported", 413: "too-long", 415: "not-supported", 422: "business-rule", 429: "throttled",
    500: "exception", 503: "transient",
}  # fmt: skip
_COUNTED_VI: Final = {
    "rows": "số dòng", "accepted": "đã nhận", "updated": "đã cập nhật", "deleted": "đã hủy", "duplicates": "trùng",
    "stale": "cũ hơn số liệu đã có", "quarantined": "cách ly", "refused": "từ chối",
}  # fmt: skip
# What our faults name, in the words of a MeasureReport.
_ELEMENTS: Final = {
    "commune": "subject", "orgUnit": "subject", "indicator": "group.code", "dataElement": "group.code",
    "sex": "stratifier", "sector": "stratifier", "observed_at": "date", "lastUpdated": "date",
}  # fmt: skip


def outcome_response(report: ImportReport) -> Response:
    """Return 200 when any row was taken, 422 when none was, 409 when an atomic import was refused."""
    status = 409 if report.refused else 200 if report.is_taken else 422
    return _response(status, list(_issues(report)), {})


def outcome_refusal(problem: Problem) -> Response:
    """Return the refusal of a whole request."""
    remedy = "Send application/fhir+json." if problem.status == 415 else problem.remedy
    text = " ".join(part for part in (f"{problem.title}.", remedy) if part)
    code = _REFUSALS.get(problem.status, "processing")
    issue = _issue("fatal" if problem.status >= 500 else "error", code, (PROBLEMS, problem.slug), text)
    if problem.detail:
        issue["diagnostics"] = problem.detail
    return _response(problem.status, [issue], headers_of(problem))


def _response(status: int, issues: list[dict[str, Any]], headers: dict[str, str]) -> Response:
    body = msgspec.json.encode({"resourceType": "OperationOutcome", "issue": issues})
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _issues(report: ImportReport) -> Iterator[dict[str, Any]]:
    is_fhir = report.format is PayloadFormat.FHIR
    for conflict in report.conflicts:
        yield _of_conflict(conflict, is_fhir=is_fhir)
    if report.conflicts_omitted:
        text = (
            f"{report.conflicts_omitted} further conflicts are not listed. / Còn {report.conflicts_omitted} lỗi khác."
        )
        yield _issue("warning", "incomplete", (COUNTS, "conflicts_omitted"), text)
    for remark in report.remarks:
        yield _of_remark(remark, is_fhir=is_fhir)
    for name, name_vi in _COUNTED_VI.items():
        count = getattr(report, name)
        if count or name == "rows":
            yield _issue("information", "informational", (COUNTS, name), f"{name}: {count} ({name_vi})")
    if report.dry_run:
        text = "Dry run: nothing was stored. / Chạy thử: không lưu gì."
        issue = _issue("information", "informational", (COUNTS, "dry_run"), text)
        if report.forecast is not None:
            issue["diagnostics"] = msgspec.json.encode(report.forecast).decode()
        yield issue


def _of_conflict(conflict: Conflict, *, is_fhir: bool) -> dict[str, Any]:
    text = f"{conflict.remedy_vi} / {conflict.remedy}"
    issue = _issue("error", ISSUE_TYPES[Reason(conflict.code)], (REASONS, conflict.code), text)
    field = _ELEMENTS.get(conflict.field, conflict.field) if is_fhir else conflict.field
    told = (field, f"= {conflict.value}" if conflict.value else "", f"({conflict.detail})" if conflict.detail else "")
    number = f"quarantine_id={conflict.quarantine_id}" if conflict.quarantine_id else ""
    diagnostics = " ".join(part for part in (*told, number) if part)
    return issue | ({"diagnostics": diagnostics} if diagnostics else {}) | _where(conflict.places, is_fhir=is_fhir)


def _of_remark(remark: Remark, *, is_fhir: bool) -> dict[str, Any]:
    issue = _issue("warning", "business-rule", None, f"{remark.text_vi} / {remark.text}")
    return issue | _where((remark.place,), is_fhir=is_fhir)


def _where(places: tuple[str, ...], *, is_fhir: bool) -> dict[str, Any]:
    """Return the places: FHIRPaths as FHIR wants them, those of other formats beside it."""
    return {"expression" if is_fhir else "location": list(places)}


def _issue(severity: str, code: str, coding: tuple[str, str] | None, text: str) -> dict[str, Any]:
    details: dict[str, Any] = {"text": text}
    if coding is not None:
        details = {"coding": [{"system": coding[0], "code": coding[1]}]} | details
    return {"severity": severity, "code": code, "details": details}
