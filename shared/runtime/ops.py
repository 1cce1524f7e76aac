"""The operators' endpoints of a service (/metrics, /healthz, /readyz) and the server that carries them."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from shared.runtime.errors import DatchuanError

_log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[str | None]]
_CHECK_SECONDS = 3.0


class Note(str):
    """An answer of a check that is worth knowing and no reason against being ready."""

    __slots__ = ()


class ServerStoppedError(DatchuanError):
    """The HTTP server could not start or ended without being asked."""


def ops_routes(registry: CollectorRegistry, checks: Mapping[str, Check]) -> list[Route]:
    """Return the routes; a check answers None when all is well, the reason why not, or a Note."""

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        results = await asyncio.gather(*(_run(check) for check in checks.values()))
        reasons = dict(zip(checks, results, strict=True))
        ready = all(reason is None or isinstance(reason, Note) for reason in reasons.values())
        body = {"ready": ready, "checks": {name: reason or "ok" for name, reason in reasons.items()}}
        return JSONResponse(body, status_code=200 if ready else 503)

    return [
        Route("/metrics", metrics, include_in_schema=False),
        Route("/healthz", healthz, include_in_schema=False),
        Route("/readyz", readyz, include_in_schema=False),
    ]


async def _run(check: Check) -> str | None:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {_CHECK_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - whatever a check raises is the reason for not being ready
        return f"{type(error).__name__}: {error}"


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers of its own: the process has one place for signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def run_server(app: ASGIApp, host: str, port: int, stop: asyncio.Event | None = None) -> None:
    """Serve until `stop` is set or the task is cancelled; running requests are finished first."""
    sock = _listen(host, port)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="auto", timeout_graceful_shutdown=10, server_header=False
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="http-server")
    stopping = asyncio.create_task(stop.wait() if stop is not None else asyncio.Event().wait())
    _log.info("http server listens", host=host, port=sock.getsockname()[1])
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
            raise ServerStoppedError("The HTTP server ended without being asked; the log lines before this say why.")
    finally:
        stopping.cancel()
        server.should_exit = True
        await asyncio.shield(serving)
        sock.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise ServerStoppedError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. Check DATCHUAN_HOST and DATCHUAN_PORT."
        ) from error
    return sock
