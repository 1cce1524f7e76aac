"""The notifier's HTTP application: its routes under the prefix, the operators' endpoints beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from services.notifier.adapters.web.acknowledge_page import AcknowledgePage
from services.notifier.adapters.web.alerts_api import AlertsApi
from services.notifier.adapters.web.silences_api import SilencesApi
from shared.runtime.problems import Problem, problem_response


@dataclass(frozen=True, slots=True)
class Edge:
    """What the notifier serves to programs and to the readers of its messages; `prefix` is "" or begins with "/"."""

    alerts: AlertsApi
    silences: SilencesApi
    page: AcknowledgePage
    prefix: str

    def application(self, ops: Sequence[BaseRoute]) -> Starlette:
        """Return the application with the operators' endpoints, which have no prefix."""
        routes: list[BaseRoute] = [*self.alerts.routes(), *self.silences.routes(), *self.page.routes()]
        served = [Mount(self.prefix, routes=routes)] if self.prefix else routes
        app = Starlette(routes=[*ops, *served])
        app.router.redirect_slashes = False
        app.add_exception_handler(HTTPException, _wrong_path)
        return app


async def _wrong_path(_request: Request, error: Exception) -> Response:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    title = str(error.detail) if isinstance(error, HTTPException) else "The service failed"
    remedy = "There are /v1/alerts, /v1/silences and /ack, all below DATCHUAN_PATH_PREFIX."
    return problem_response(Problem(status, "http", title, remedy), headers=headers)
