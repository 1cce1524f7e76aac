"""The report on an import in our own words: the JSON of POST /v1/import."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response

from services.ingest.adapters.formats.detecting import READ_HERE
from services.ingest.domain.forecast import Forecast
from services.ingest.domain.reading import Remark
from services.ingest.domain.report import Conflict, ImportReport
from shared.runtime.problems import Problem, problem_body, problem_response

_NOTHING_TAKEN: Final = Problem(
    422, "nothing_accepted", "No row could be accepted",
    "Correct the rows as each conflict says and send them again.",
    "Every row has a conflict.",
)  # fmt: skip
_ATOMIC_REFUSED: Final = Problem(
    409, "atomic_refused", "The import was to be taken whole or not at all, and it has conflicts",
    "Correct the rows as each conflict says and send all of them again, or leave atomic out.",
    "Nothing of this file was stored.",
)  # fmt: skip
_SEVERAL_REFUSED: Final = Problem(
    422, "nothing_accepted", "No file could be taken", "Correct each file as it says and send it again.",
    "Every file was refused, or every row in it has a conflict.",
)  # fmt: skip


class ConflictFace(msgspec.Struct, kw_only=True):
    """One row that could not be taken, or several that make one fact.

    `place` and `places` are in the words of the format: a line, a cell, an XPath, a FHIRPath. `quarantine_id` is null
    when nothing was kept. `remedy` says in English what to do, `remedy_vi` in Vietnamese.
    """

    place: str
    places: list[str]
    id: str | None
    code: str
    field: str
    value: str
    detail: str
    remedy: str
    remedy_vi: str
    quarantine_id: int | None


class ReportFace(msgspec.Struct, kw_only=True):
    """What became of every row of one file: the counts add up to `rows`."""

    file: str
    format: str
    dry_run: bool
    atomic: bool
    rows: int
    accepted: int
    updated: int
    deleted: int
    duplicates: int
    stale: int
    quarantined: int
    refused: int
    conflicts: list[ConflictFace]
    conflicts_omitted: int
    remarks: list[Remark] = []
    forecast: Forecast | None = None


class FileAnswer(msgspec.Struct, frozen=True):
    """What is answered on one file: the status and the JSON that it would have alone."""

    name: str
    status: int
    body: dict[str, Any]
    problem: Problem | None = None


def answer_on(report: ImportReport, name: str) -> FileAnswer:
    """Return the answer on a file that could be read.

    202: something was taken; 200: nothing new was in it, or it was a dry run; 422: no row could be taken; 409: it was
    to be taken whole or not at all, and had conflicts.
    """
    body: dict[str, Any] = msgspec.to_builtins(_face(report, name))
    if report.refused:
        return FileAnswer(name, _ATOMIC_REFUSED.status, body, _ATOMIC_REFUSED)
    if not report.is_taken:
        return FileAnswer(name, _NOTHING_TAKEN.status, body, _NOTHING_TAKEN)
    is_new = report.accepted or report.updated or report.deleted or report.stale
    return FileAnswer(name, 202 if is_new and not report.dry_run else 200, body)


def refusal_of(problem: Problem, name: str) -> FileAnswer:
    """Return the answer on a file that could not be read."""
    if problem.status == 415:
        problem = msgspec.structs.replace(problem, remedy=READ_HERE)
    return FileAnswer(name, problem.status, {"file": name}, problem)


def import_response(answers: Sequence[FileAnswer]) -> Response:
    """Return the answer on one file, or on several: `files` then tells of each what it would have got alone."""
    if len(answers) == 1:
        return _response(answers[0].status, answers[0].body, answers[0].problem)
    files = [
        {"file": answer.name, "status": answer.status}
        | answer.body
        | ({} if answer.problem is None else problem_body(answer.problem))
        for answer in answers
    ]
    taken = [answer.status for answer in answers if answer.status < 300]
    return _response(max(taken, default=422), {"files": files}, None if taken else _SEVERAL_REFUSED)


def _response(status: int, body: dict[str, Any], problem: Problem | None) -> Response:
    if problem is not None:
        return problem_response(problem, body)
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json")


def _face(report: ImportReport, name: str) -> ReportFace:
    return ReportFace(
        file=name,
        format=report.format.value,
        dry_run=report.dry_run,
        atomic=report.atomic,
        rows=report.rows,
        accepted=report.accepted,
        updated=report.updated,
        deleted=report.deleted,
        duplicates=report.duplicates,
        stale=report.stale,
        quarantined=report.quarantined,
        refused=report.refused,
        conflicts=[_conflict(conflict) for conflict in report.conflicts],
        conflicts_omitted=report.conflicts_omitted,
        remarks=list(report.remarks),
        forecast=report.forecast,
    )


def _conflict(conflict: Conflict) -> ConflictFace:
    return ConflictFace(
        place=conflict.place,
        places=list(conflict.places),
        id=conflict.event_id,
        code=conflict.code,
        field=conflict.field,
        value=conflict.value,
        detail=conflict.detail,
        remedy=conflict.remedy,
        remedy_vi=conflict.remedy_vi,
        quarantine_id=conflict.quarantine_id or None,
    )
