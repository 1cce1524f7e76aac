"""The HTTP endpoints: authorize, read the body, take it in, answer."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response

from services.ingest.adapters.backlog import Backlog
from services.ingest.adapters.formats import cloudevents, native_body
from services.ingest.adapters.formats.dhis2 import decode_data_value_set
from services.ingest.adapters.formats.dhis2_parameters import read_dry_run
from services.ingest.adapters.intake import Intake, Reader
from services.ingest.adapters.tokens import TokenCache
from services.ingest.adapters.web import problems
from services.ingest.adapters.web.answers import events_response
from services.ingest.adapters.web.bodies import BodyReader
from services.ingest.adapters.web.dhis2_summary import refusal_response, summary_response
from services.ingest.adapters.web.memory import BodyMemory
from services.ingest.domain.errors import (
    ForbiddenError,
    IngestError,
    UnauthorizedError,
    UnsupportedFormatError,
)
from services.ingest.domain.privacy import refuse_personal_text
from services.ingest.domain.reading import PayloadFormat
from services.ingest.domain.tokens import Grant, Scope, token_of
from services.ingest.metrics import IngestMetrics, RequestFormat
from services.ingest.settings import IngestSettings

_log = structlog.get_logger(__name__)

_EVENT_FORMATS: dict[str, tuple[PayloadFormat, Reader]] = {
    "application/json": (PayloadFormat.NATIVE_JSON, native_body.read_json),
    "application/x-ndjson": (PayloadFormat.NDJSON, native_body.read_ndjson),
    "application/ndjson": (PayloadFormat.NDJSON, native_body.read_ndjson),
    "application/jsonl": (PayloadFormat.NDJSON, native_body.read_ndjson),
    "application/cloudevents+json": (PayloadFormat.CLOUDEVENTS, cloudevents.read_structured),
    "application/cloudevents-batch+json": (PayloadFormat.CLOUDEVENTS, cloudevents.read_batch),
}
_BINARY_EVENT: tuple[PayloadFormat, Reader] = (PayloadFormat.CLOUDEVENTS, cloudevents.read_structured)
_JSON_TYPES = ("", "application/json")


class IngestHandlers:
    """The endpoints that take reports."""

    def __init__(
        self, intake: Intake, tokens: TokenCache, backlog: Backlog, metrics: IngestMetrics, settings: IngestSettings
    ) -> None:
        self._intake = intake
        self._tokens = tokens
        self._backlog = backlog
        self._metrics = metrics
        memory = BodyMemory(settings.max_in_flight_bytes)
        self._bodies = BodyReader(settings.max_body_bytes, memory, settings.body_timeout_seconds)

    async def post_events(self, request: Request) -> Response:
        """Take native events or CloudEvents."""
        format_ = RequestFormat.UNKNOWN

        async def take(grant: Grant, body: bytes) -> Response:
            nonlocal format_
            content_type = request.headers.get("content-type", "")
            if cloudevents.is_binary(request.headers):
                body = cloudevents.from_binary(request.headers, body)
                payload, read = _BINARY_EVENT
            else:
                payload, read = _event_format(content_type, body)
            format_ = RequestFormat(payload.value)
            return events_response(*await self._intake.take_events(grant, payload, read, body, content_type))

        response = await self._answer(request, Scope.EVENTS, take, problems.problem_response)
        self._metrics.count_request(format_, response.status_code)
        return response

    async def post_data_values(self, request: Request) -> Response:
        """Take DHIS2 data values."""

        async def take(grant: Grant, body: bytes) -> Response:
            content_type = request.headers.get("content-type", "")
            dry_run = read_dry_run(request.query_params)
            if _media_type(content_type) not in _JSON_TYPES:
                raise _unsupported(content_type, body)
            values = decode_data_value_set(body)
            receipt = await self._intake.take_data_values(grant, values, body, content_type, dry_run=dry_run)
            return summary_response(receipt, complete_date=values.complete_date, dry_run=dry_run)

        response = await self._answer(request, Scope.DATA_VALUES, take, refusal_response)
        self._metrics.count_request(RequestFormat.DHIS2, response.status_code)
        return response

    async def _answer(
        self,
        request: Request,
        scope: Scope,
        take: Callable[[Grant, bytes], Awaitable[Response]],
        refuse: Callable[[problems.Problem], Response],
    ) -> Response:
        """Return what `take` answers, or the refusal in the endpoint's own shape. Content is never logged."""
        grant = None
        try:
            grant = await self._grant(request, scope)
            self._backlog.refuse_when_full()
            async with self._bodies.read(request.stream(), request.headers, grant.source) as body:
                return await take(grant, body)
        except Exception as error:  # noqa: BLE001 - whatever happens, the sender gets an answer in the endpoint's shape
            problem = problems.problem_of(error)
            self._metrics.count_put_off(problem.slug)
            source = None if grant is None else grant.source
            if problem.status == 500:
                _log.error("a request failed", source=source, path=request.url.path, error=type(error).__name__)
            else:
                _log.info("a request was refused", source=source, path=request.url.path, problem=problem.slug)
            return refuse(problem)

    async def _grant(self, request: Request, scope: Scope) -> Grant:
        token = token_of(request.headers.get("authorization"))
        if token is None:
            raise UnauthorizedError("The request has no token.")
        grant = await self._tokens.grant(token)
        if grant is None:
            raise UnauthorizedError("The token is unknown or revoked.")
        if scope not in grant.scopes:
            raise ForbiddenError(f"The token of {grant.source!r} does not open this endpoint.")
        return grant


def _event_format(content_type: str, body: bytes) -> tuple[PayloadFormat, Reader]:
    found = _EVENT_FORMATS.get(_media_type(content_type))
    if found is None:
        raise _unsupported(content_type, body)
    return found


def _unsupported(content_type: str, body: bytes) -> IngestError:
    """Return the refusal of a content type; personal data in any format is refused as such."""
    refuse_personal_text(body)
    return UnsupportedFormatError(f"The content type {content_type[:80]!r} is not read here.")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().casefold()
