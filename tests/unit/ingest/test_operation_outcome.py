"""FHIR's face of a report."""

from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from starlette.responses import Response

from services.ingest.adapters.web.operation_outcome import ISSUE_TYPES, outcome_refusal, outcome_response
from services.ingest.adapters.web.problems import problem_of
from services.ingest.domain.errors import OverloadedError, PatientLevelDataError, UnsupportedFormatError
from services.ingest.domain.forecast import Forecast
from services.ingest.domain.reading import PayloadFormat, Remark
from services.ingest.domain.remedies import REMEDIES
from services.ingest.domain.report import Conflict, ImportReport
from shared.contracts.vocabulary import QuarantineReason as Reason
from shared.runtime.problems import Problem

PLACES = ("Bundle.entry[0].resource.group[0].population[1]", "Bundle.entry[0].resource.group[0].population[2]")


def a_conflict(**fields: Any) -> Conflict:
    remedy = REMEDIES[Reason.UNKNOWN_COMMUNE]
    known: dict[str, Any] = {
        "rows": (0, 1), "places": PLACES, "event_id": None, "code": "unknown_commune", "field": "commune",
        "value": "99999", "detail": "no such code", "remedy": remedy.en, "remedy_vi": remedy.vi, "quarantine_id": 7,
        "raw": b"[]",
    }  # fmt: skip
    return Conflict(**(known | fields))


def a_report(**fields: Any) -> ImportReport:
    known: dict[str, Any] = {"format": PayloadFormat.FHIR, "source": "hmis", "rows": 4, "accepted": 2, "quarantined": 2,
                             "conflicts": (a_conflict(),)}  # fmt: skip
    return ImportReport(**(known | fields))


def issues_of(response: Response) -> list[dict[str, Any]]:
    assert response.media_type == "application/fhir+json"
    OperationOutcome.model_validate_json(bytes(response.body))
    return list(msgspec.json.decode(bytes(response.body))["issue"])


def test_a_conflict_says_where_in_fhirpath_what_and_what_to_do() -> None:
    issue = issues_of(outcome_response(a_report()))[0]

    remedy = REMEDIES[Reason.UNKNOWN_COMMUNE]
    assert (issue["severity"], issue["code"]) == ("error", "not-found")
    assert issue["expression"] == list(PLACES)
    assert issue["details"]["coding"][0]["code"] == "unknown_commune"
    assert issue["details"]["text"] == f"{remedy.vi} / {remedy.en}"
    assert issue["diagnostics"] == "subject = 99999 (no such code) quarantine_id=7"


def test_a_place_that_is_no_fhirpath_is_a_location() -> None:
    report = a_report(format=PayloadFormat.ADX, conflicts=(a_conflict(places=("/adx/group[1]",), rows=(0,)),))

    issue = issues_of(outcome_response(report))[0]

    assert "expression" not in issue
    assert issue["location"] == ["/adx/group[1]"]
    assert issue["diagnostics"].startswith("commune = ")


def test_counts_and_warnings_follow_the_conflicts() -> None:
    remark = Remark("MeasureReport.group[0].stratifier[0]", "they do not add up", "không khớp")
    issues = issues_of(outcome_response(a_report(remarks=(remark,), conflicts_omitted=3, duplicates=0)))

    assert [issue["severity"] for issue in issues] == ["error", "warning", "warning", *["information"] * 3]
    assert issues[2]["expression"] == ["MeasureReport.group[0].stratifier[0]"]
    assert [issue["details"]["coding"][0]["code"] for issue in issues[3:]] == ["rows", "accepted", "quarantined"]
    assert issues[4]["details"]["text"] == "accepted: 2 (đã nhận)"


def test_a_dry_run_says_so_and_what_it_would_change() -> None:
    issues = issues_of(outcome_response(a_report(dry_run=True, forecast=Forecast(omitted=1))))

    assert issues[-1]["details"]["coding"][0]["code"] == "dry_run"
    assert msgspec.json.decode(issues[-1]["diagnostics"])["omitted"] == 1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({}, 200, id="some rows were taken"),
        pytest.param(
            {"rows": 0, "accepted": 0, "quarantined": 0, "conflicts": ()}, 200, id="there was nothing to take"
        ),
        pytest.param({"rows": 2, "accepted": 0}, 422, id="no row could be taken"),
        pytest.param({"rows": 4, "accepted": 0, "quarantined": 0, "refused": 4, "atomic": True}, 409, id="all or none"),
    ],
)
def test_the_status_says_whether_anything_was_taken(fields: dict[str, Any], status: int) -> None:
    assert outcome_response(a_report(**fields)).status_code == status


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_an_issue_type_of_fhir(reason: Reason) -> None:
    conflict = a_conflict(code=reason.value)

    assert issues_of(outcome_response(a_report(conflicts=(conflict,))))[0]["code"] == ISSUE_TYPES[reason]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (PatientLevelDataError(), 422, "business-rule"),
        (UnsupportedFormatError("XML"), 415, "not-supported"),
        (OverloadedError(), 503, "transient"),
    ],
)
def test_a_refusal_is_an_outcome_with_one_issue(error: Exception, status: int, code: str) -> None:
    problem: Problem = problem_of(error)

    response = outcome_refusal(problem)

    (issue,) = issues_of(response)
    assert (response.status_code, issue["code"]) == (status, code)
    assert issue["details"]["coding"][0]["code"] == problem.slug
    assert problem.title in issue["details"]["text"]


def test_a_refused_format_is_told_what_to_send() -> None:
    (issue,) = issues_of(outcome_refusal(problem_of(UnsupportedFormatError("FHIR in XML"))))

    assert "application/fhir+json" in issue["details"]["text"]
    assert issue["diagnostics"] == "FHIR in XML"


def test_the_headers_of_a_refusal_are_kept() -> None:
    assert outcome_refusal(problem_of(OverloadedError())).headers["retry-after"] == "1"
