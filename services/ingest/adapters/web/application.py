"""The FastAPI application: routes, their description, and problems for wrong paths."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.ingest.adapters.web import openapi
from services.ingest.adapters.web.docs_page import docs_page
from services.ingest.adapters.web.templates import Templates
from shared.runtime.ops import Check, ops_routes
from shared.runtime.problems import Problem, problem_response

Endpoint = Callable[[Request], Awaitable[Response]]

_EVENTS_PATH: Final = "/v1/events"
_VERSION: Final = re.compile(r"[0-9]{1,3}")
_INDEX: Final = {
    "service": "datchuan ingest",
    "documentation": "/docs",
    "openapi": "/openapi.json",
    "endpoints": [
        "POST /v1/events", "POST /v1/import", "POST /api/dataValueSets", "POST /fhir", "GET /fhir/metadata",
        "GET /v1/templates",        "GET /metrics", "GET /healthz", "GET /readyz",
    ],
}  # fmt: skip
_CAPABILITIES: Final = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-11",
    "kind": "instance",
    "implementation": {"description": "Đạt Chuẩn: takes summary MeasureReports; nothing can be read back or searched."},
    "fhirVersion": "4.0.1",
    "format": ["json"],
    "rest": [
        {
            "mode": "server",
            "security": {"description": "Authorization: Bearer TOKEN"},
            "resource": [{"type": "MeasureReport", "interaction": [{"code": "create"}]}],
            "interaction": [{"code": "batch"}],
        }
    ],
}


class Endpoints(Protocol):
    """The handlers behind the routes."""

    @property
    def post_events(self) -> Endpoint:
        """Take native events or CloudEvents."""
        ...

    @property
    def post_import(self) -> Endpoint:
        """Take files in any format."""
        ...

    @property
    def post_data_values(self) -> Endpoint:
        """Take DHIS2 data values."""
        ...

    @property
    def post_fhir(self) -> Endpoint:
        """Take FHIR MeasureReports."""
        ...


class _IngestApi(FastAPI):
    """Describes the endpoints by hand, since their bodies are read by hand, and takes the short way to /v1/events.

    FastAPI's layers around an endpoint take longer than everything else that a request of one report needs. The route
    stays registered: it answers other methods.
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
        return openapi.description()


def build_application(
    endpoints: Endpoints, templates: Templates, registry: CollectorRegistry, checks: Mapping[str, Check]
) -> FastAPI:
    """Return the application with all routes."""
    app = _IngestApi(
        endpoints.post_events, title="Đạt Chuẩn: ingest", version="1", docs_url=None, redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    posts = {
        _EVENTS_PATH: endpoints.post_events,
        "/v1/import": endpoints.post_import,
        "/api/dataValueSets": endpoints.post_data_values,
        "/api/{version}/dataValueSets": _of_a_version(endpoints.post_data_values),
        "/fhir": endpoints.post_fhir,
        "/fhir/Bundle": endpoints.post_fhir,
        "/fhir/MeasureReport": endpoints.post_fhir,
    }
    gets = {
        "/": _index,
        "/docs": _docs,
        "/fhir/metadata": _capabilities,
        "/v1/templates": templates.get_list,
        "/v1/templates/{name}": templates.get_file,
    }
    app.router.routes += [Route(path, endpoint, methods=["POST"]) for path, endpoint in posts.items()]
    app.router.routes += [Route(path, endpoint, methods=["GET"]) for path, endpoint in gets.items()]
    app.router.routes += ops_routes(registry, checks)
    app.add_exception_handler(HTTPException, _http_problem)
    return app


def _of_a_version(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint behind a path with a version of DHIS2's API: any number that one could have."""

    async def post(request: Request) -> Response:
        if _VERSION.fullmatch(request.path_params["version"]) is None:
            raise HTTPException(404)
        return await endpoint(request)

    return post


async def _index(_request: Request) -> Response:
    return JSONResponse(_INDEX)


async def _docs(_request: Request) -> Response:
    return HTMLResponse(docs_page(openapi.description()))


async def _capabilities(_request: Request) -> Response:
    return Response(msgspec.json.encode(_CAPABILITIES), media_type=openapi.FHIR_JSON)


async def _http_problem(_request: Request, error: Exception) -> Response:
    """Answer a wrong path or method as a problem too; a wrong method is told which ones there are."""
    if not isinstance(error, HTTPException):
        return problem_response(Problem(500, "http", "The service failed", "Send the request again."))
    problem = Problem(error.status_code, "http", error.detail, "See /docs for the endpoints.")
    return problem_response(problem, headers=error.headers)
