"""The FastAPI application: routes, their description, and problems for wrong paths."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from services.ingest.adapters.web import openapi
from services.ingest.adapters.web.problems import Problem, problem_response
from shared.runtime.ops import Check, ops_routes

Endpoint = Callable[[Request], Awaitable[Response]]

_EVENTS_PATH: Final = "/v1/events"
_DATA_VALUE_PATHS: Final = ("/api/dataValueSets", "/api/{version:int}/dataValueSets")
_INDEX: Final = {
    "service": "datchuan ingest",
    "documentation": "/docs",
    "openapi": "/openapi.json",
    "endpoints": ["POST /v1/events", "POST /api/dataValueSets", "GET /metrics", "GET /healthz", "GET /readyz"],
}


class Endpoints(Protocol):
    """The handlers behind the routes."""

    @property
    def post_events(self) -> Endpoint:
        """Take native events or CloudEvents."""
        ...

    @property
    def post_data_values(self) -> Endpoint:
        """Take DHIS2 data values."""
        ...


class _IngestApi(FastAPI):
    """Adds to the generated document the parts that hand-read bodies refer to, and takes the short way to /v1/events.

    FastAPI's layers around an endpoint take longer than everything else that a request of one report needs. The route
    stays registered: it describes the endpoint and answers other methods.
    """

    def __init__(self, post_events: Endpoint, **settings: Any) -> None:
        super().__init__(**settings)
        self._post_events = post_events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == _EVENTS_PATH and scope["method"] == "POST":
            response = await self._post_events(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        parts = document.setdefault("components", {})
        parts.setdefault("schemas", {}).update(openapi.event_components())
        parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        return document


def build_application(endpoints: Endpoints, registry: CollectorRegistry, checks: Mapping[str, Check]) -> FastAPI:
    """Return the application with all routes."""
    app = _IngestApi(endpoints.post_events, title="Đạt Chuẩn: ingest", version="1")
    refusals = openapi.problem_responses()
    app.add_api_route(
        _EVENTS_PATH,
        endpoints.post_events,
        methods=["POST"],
        status_code=202,
        summary="Report indicators",
        description=openapi.EVENTS_DESCRIPTION,
        openapi_extra=openapi.events_extra(),
        responses=refusals,
        response_model=None,
    )
    for path in _DATA_VALUE_PATHS:
        app.add_api_route(
            path,
            endpoints.post_data_values,
            methods=["POST"],
            summary="Report DHIS2 data values",
            description=openapi.DATA_VALUES_DESCRIPTION,
            openapi_extra=openapi.data_values_extra(),
            responses=refusals,
            response_model=None,
            include_in_schema="{" not in path,
        )
    app.add_api_route("/", _index, methods=["GET"], include_in_schema=False, response_model=None)
    app.router.routes.extend(ops_routes(registry, checks))
    app.add_exception_handler(HTTPException, _http_problem)
    return app


async def _index(_request: Request) -> Response:
    return JSONResponse(_INDEX)


async def _http_problem(_request: Request, error: Exception) -> Response:
    """Answer a wrong path or method as a problem too."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    title = error.detail if isinstance(error, HTTPException) else "The service failed"
    return problem_response(Problem(status, "http", title, "See /docs for the endpoints."))
