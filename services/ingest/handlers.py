"""The HTTP endpoints that take reports: authorize, read the body, take it in, answer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeVar

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from services.ingest.adapters.backlog import Backlog
from services.ingest.adapters.formats import cloudevents
from services.ingest.adapters.formats.cutting import CUTTERS
from services.ingest.adapters.formats.detecting import DHIS2_ACCEPTED, FHIR_ACCEPTED, media_type
from services.ingest.adapters.formats.dhis2_parameters import read_parameters
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.adapters.intake import Import, Intake
from services.ingest.adapters.parts import Imports
from services.ingest.adapters.tokens import TokenCache
from services.ingest.adapters.web import problems
from services.ingest.adapters.web.answers import events_response
from services.ingest.adapters.web.bodies import BodyReader
from services.ingest.adapters.web.dhis2_summary import refusal_response, summary_response
from services.ingest.adapters.web.faces import FACES
from services.ingest.adapters.web.import_parameters import (
    Face,
    ImportParameters,
    face_of,
    read_fhir_parameters,
    read_import_parameters,
)
from services.ingest.adapters.web.import_report import FileAnswer, answer_on, import_response, refusal_of
from services.ingest.adapters.web.memory import BodyMemory
from services.ingest.adapters.web.operation_outcome import outcome_refusal, outcome_response
from services.ingest.adapters.web.recognizing import declared_format, format_of, with_binary_event
from services.ingest.adapters.web.spool import Spool
from services.ingest.adapters.web.uploads import SentFile, Upload
from services.ingest.domain.errors import (
    ForbiddenError,
    IngestError,
    UnauthorizedError,
    UnsupportedFormatError,
    UnsupportedRequestError,
)
from services.ingest.domain.privacy import refuse_personal_text
from services.ingest.domain.reading import VALUE_FORMATS, PayloadFormat
from services.ingest.domain.report import ImportReport
from services.ingest.domain.tokens import Grant, Scope, token_of
from services.ingest.metrics import IngestMetrics, RequestFormat
from services.ingest.settings import IngestSettings
from shared.runtime.database import LACKS_TABLES, is_wrong_schema
from shared.runtime.problems import Problem, problem_response

_log = structlog.get_logger(__name__)

Body = TypeVar("Body")
# Rows take ten times the memory of the body they stand in: larger bodies are kept on disk and taken in slices.
IN_MEMORY_BYTES: Final = 8 * 1024 * 1024
HUNG_UP: Final = 499  # sent to nobody: the sender is gone

_EVENT_FORMATS: Final = {
    "application/json": PayloadFormat.NATIVE_JSON,
    "application/x-ndjson": PayloadFormat.NDJSON,
    "application/ndjson": PayloadFormat.NDJSON,
    "application/jsonl": PayloadFormat.NDJSON,
    "application/cloudevents+json": PayloadFormat.CLOUDEVENTS,
    "application/cloudevents-batch+json": PayloadFormat.CLOUDEVENTS,
}
_BINARY_EVENT: Final = PayloadFormat.CLOUDEVENTS
_EVENTS: Final = frozenset({Scope.EVENTS})
_VALUES: Final = frozenset({Scope.DATA_VALUES})
_ANY: Final = _EVENTS | _VALUES


class IngestHandlers:
    """The endpoints that take reports."""

    def __init__(
        self, intake: Intake, tokens: TokenCache, backlog: Backlog, metrics: IngestMetrics, settings: IngestSettings
    ) -> None:
        self._intake = intake
        self._tokens = tokens
        self._backlog = backlog
        self._metrics = metrics
        self._max_body_bytes = settings.max_body_bytes
        memory = BodyMemory(settings.max_in_flight_bytes)
        disk = BodyMemory(settings.max_spool_bytes)
        self._in_memory = min(settings.max_body_bytes, IN_MEMORY_BYTES)
        spool = Spool(self._in_memory, settings.max_import_bytes, disk, settings.spool_folder)
        self._bodies = BodyReader(settings.max_body_bytes, memory, settings.body_timeout_seconds, spool)
        self._imports = Imports(intake.take, backlog.refuse_when_full)

    async def post_events(self, request: Request) -> Response:
        """Take native events or CloudEvents."""
        seen = _Seen()

        async def take(grant: Grant, body: bytes) -> Response:
            if request.scope["query_string"]:  # a dry run that is none would store what was only to be tried
                raise UnsupportedRequestError(
                    "This endpoint takes no parameters. POST /v1/import takes dryRun and others."
                )
            content_type = request.headers.get("content-type", "")
            if cloudevents.is_binary(request.headers):
                body = cloudevents.from_binary(request.headers, body)
                payload = PayloadFormat.CLOUDEVENTS
            else:
                payload = _event_format(content_type, body)
            seen.format = payload
            return events_response(*await self._intake.take_events(grant, payload, body, content_type))

        response = await self._answer(request, _EVENTS, self._bodies.read, take, problem_response)
        return self._counted(seen, response)

    async def post_data_values(self, request: Request) -> Response:
        """Take DHIS2 data values: JSON, XML, CSV, or ADX."""
        seen = _Seen()

        async def take(grant: Grant, file: SentFile) -> Response:
            said = read_parameters(request.query_params)
            seen.format = format_ = declared_format(DHIS2_ACCEPTED, file)
            asked = self._asked(format_, file, said.wishes, dry_run=said.dry_run, atomic=said.atomic)
            return summary_response(await self._imports.take(grant, asked))

        response = await self._answer(request, _VALUES, self._bodies.read_file, take, refusal_response)
        return self._counted(seen, response)

    async def post_fhir(self, request: Request) -> Response:
        """Take FHIR MeasureReports, alone or in a Bundle."""
        seen = _Seen(PayloadFormat.FHIR)

        async def take(grant: Grant, file: SentFile) -> Response:
            said = read_fhir_parameters(request.query_params.multi_items())
            format_ = declared_format(FHIR_ACCEPTED, file)
            asked = self._asked(format_, file, said.wishes(""), dry_run=said.dry_run, atomic=said.atomic)
            return outcome_response(await self._imports.take(grant, asked))

        response = await self._answer(request, _VALUES, self._bodies.read_file, take, outcome_refusal)
        return self._counted(seen, response)

    async def post_import(self, request: Request) -> Response:
        """Take one file or several, each in any format that is read here."""
        seen, face = _Seen(), face_of(request.query_params, request.headers.get("accept", ""))
        tell, refuse = FACES[face]

        async def take(grant: Grant, upload: Upload) -> Response:
            asked = read_import_parameters([*request.query_params.multi_items(), *upload.fields.items()])
            upload = with_binary_event(request.headers, upload)
            if len(upload.files) == 1:
                (file,) = upload.files
                return tell(await self._take_file(grant, file, asked, seen), file.name)
            if face is not Face.DATCHUAN:
                raise UnsupportedRequestError(f"A report in the words of {face} tells of one file: send one at a time.")
            return import_response([await self._answer_on(grant, file, asked, seen) for file in upload.files])

        response = await self._answer(request, _ANY, self._bodies.read_upload, take, refuse)
        return self._counted(seen, response)

    async def _answer_on(self, grant: Grant, file: SentFile, asked: ImportParameters, seen: "_Seen") -> FileAnswer:
        """Return what is answered on one of several files; an outage is no matter of one file."""
        try:
            return answer_on(await self._take_file(grant, file, asked, seen), file.name)
        except IngestError as error:
            problem = problems.problem_of(error)
            if problem.status >= 500:
                raise
            return refusal_of(problem, file.name)

    async def _take_file(self, grant: Grant, file: SentFile, asked: ImportParameters, seen: "_Seen") -> ImportReport:
        """Take one file; what opens the endpoint of its format opens this one for it."""
        seen.format = format_ = format_of(file, asked)
        scope = Scope.DATA_VALUES if format_ in VALUE_FORMATS else Scope.EVENTS
        if scope not in grant.scopes:
            raise ForbiddenError(f"The token of {grant.source!r} may not send {format_.value}: it lacks {scope.value}.")
        wishes = asked.wishes(file.name)
        return await self._imports.take(
            grant, self._asked(format_, file, wishes, dry_run=asked.dry_run, atomic=asked.atomic)
        )

    def _asked(self, format_: PayloadFormat, file: SentFile, wishes: Wishes, *, dry_run: bool, atomic: bool) -> Import:
        """Return what is to be done with a file; one that is not to be cut is read whole as long as it may be."""
        is_whole = atomic or format_ not in CUTTERS
        file = file.in_memory(self._max_body_bytes if is_whole else self._in_memory)
        return Import(
            format=format_,
            body=file.body,
            large=file.large,
            content_type=file.content_type,
            wishes=msgspec.structs.replace(wishes, file_name=file.name),
            dry_run=dry_run,
            atomic=atomic,
        )

    def _counted(self, seen: "_Seen", response: Response) -> Response:
        if response.status_code == HUNG_UP:
            self._metrics.hang_ups.inc()
        else:
            self._metrics.count_request(seen.counted, response.status_code)
        return response

    async def _answer(
        self,
        request: Request,
        scopes: frozenset[Scope],
        read: Callable[[AsyncIterator[bytes], Mapping[str, str], str], AbstractAsyncContextManager[Body]],
        take: Callable[[Grant, Body], Awaitable[Response]],
        refuse: Callable[[Problem], Response],
    ) -> Response:
        """Return what `take` answers, or the refusal in the endpoint's own shape. Content is never logged."""
        grant = None
        try:
            grant = await self._grant(request, scopes)
            self._backlog.refuse_when_full()
            async with read(request.stream(), request.headers, grant.source) as body:
                return await take(grant, body)
        except ClientDisconnect:
            _log.info("a sender hung up", source=None if grant is None else grant.source, path=request.url.path)
            return Response(status_code=HUNG_UP)
        except Exception as error:  # noqa: BLE001 - whatever happens, the sender gets an answer in the endpoint's shape
            problem = problems.problem_of(error)
            self._metrics.count_put_off(problem.slug)
            source = None if grant is None else grant.source
            if problem.status == 500:
                why = LACKS_TABLES if is_wrong_schema(error) else type(error).__name__
                _log.error("a request failed", source=source, path=request.url.path, error=why)
            else:
                _log.info("a request was refused", source=source, path=request.url.path, problem=problem.slug)
            return refuse(problem)

    async def _grant(self, request: Request, scopes: frozenset[Scope]) -> Grant:
        token = token_of(request.headers.get("authorization"))
        if token is None:
            raise UnauthorizedError("The request has no token.")
        grant = await self._tokens.grant(token)
        if grant is None:
            raise UnauthorizedError("The token is unknown or revoked.")
        if scopes.isdisjoint(grant.scopes):
            raise ForbiddenError(f"The token of {grant.source!r} does not open this endpoint.")
        return grant


class _Seen:
    """The format of a request, as far as it was recognized."""

    def __init__(self, format_: PayloadFormat | None = None) -> None:
        self.format = format_

    @property
    def counted(self) -> RequestFormat:
        """Under which label the request counts."""
        return RequestFormat.UNKNOWN if self.format is None else RequestFormat(self.format.value)


def _event_format(content_type: str, body: bytes) -> PayloadFormat:
    found = _EVENT_FORMATS.get(media_type(content_type))
    if found is None:
        refuse_personal_text(body)
        raise UnsupportedFormatError(f"The content type {content_type[:80]!r} is not read here.")
    return found
