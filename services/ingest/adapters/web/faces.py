"""The faces of a report at POST /v1/import: in our words, DHIS2's or FHIR's."""

from collections.abc import Callable
from typing import Final

import msgspec
from starlette.responses import Response

from services.ingest.adapters.formats.detecting import READ_HERE
from services.ingest.adapters.web.dhis2_summary import refusal_response, summary_response
from services.ingest.adapters.web.import_parameters import Face
from services.ingest.adapters.web.import_report import answer_on, import_response
from services.ingest.adapters.web.operation_outcome import outcome_refusal, outcome_response
from services.ingest.domain.report import ImportReport
from shared.runtime.problems import Problem, problem_response

Tell = Callable[[ImportReport, str], Response]
Refuse = Callable[[Problem], Response]


def _tell(report: ImportReport, name: str) -> Response:
    return import_response([answer_on(report, name)])


def _tell_dhis2(report: ImportReport, _name: str) -> Response:
    return summary_response(report)


def _tell_fhir(report: ImportReport, _name: str) -> Response:
    return outcome_response(report)


def _refuse(problem: Problem) -> Response:
    if problem.status == 415:
        problem = msgspec.structs.replace(problem, remedy=READ_HERE)
    return problem_response(problem)


FACES: Final[dict[Face, tuple[Tell, Refuse]]] = {
    Face.DATCHUAN: (_tell, _refuse),
    Face.DHIS2: (_tell_dhis2, refusal_response),
    Face.FHIR: (_tell_fhir, outcome_refusal),
}
