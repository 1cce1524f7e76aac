"""What every endpoint of the notifier's edge does first: check the token, read a bounded body, refuse with a remedy."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from services.notifier.domain.matchers import NotFoundError
from services.notifier.domain.silence_requests import InvalidSilenceError, line_of
from shared.runtime.database import is_outage
from shared.runtime.problems import Problem, problem_response

Endpoint = Callable[[Request], Awaitable[Response]]

MAX_BODY_BYTES: Final = 256 * 1024
_BODY_SECONDS: Final = 20.0
_LONGEST_LENGTH: Final = 18  # digits; what is longer is not even worth reading as a number
_RETRY_AFTER_SECONDS: Final = 5
_HUNG_UP: Final = 499  # sent to nobody: the sender is gone
_log = structlog.get_logger(__name__)

_DISABLED = Problem(
    503,
    "api_disabled",
    "The interface for programs is switched off",
    "Let the operator set DATCHUAN_NOTIFIER_API_TOKEN or DATCHUAN_NOTIFIER_API_TOKEN_FILE and restart the notifier.",
)
_UNAUTHORIZED = Problem(
    401, "unauthorized", "A valid token is needed", "Send the header Authorization: Bearer TOKEN; ask the operator."
)
_UNAVAILABLE = Problem(
    503,
    "store_unavailable",
    "The database is away",
    "Send the request again in a moment.",
    "Nothing was changed.",
    _RETRY_AFTER_SECONDS,
)
_NO_TEXT = Problem(400, "invalid_path", "The path cannot be used", "Send it as it was listed, percent-encoded once.")
_INTERNAL = Problem(500, "internal", "The service failed", "Send the request again; tell the operator if it goes on.")


class RefusedError(Exception):
    """A request is refused; `problem` says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


def for_programs(endpoint: Endpoint, token: str | None) -> Endpoint:
    """Return an endpoint that only those with the token reach, and whose errors are answered as problems."""

    async def answer(request: Request) -> Response:
        try:
            _check(request, token)
            return await endpoint(request)
        except RefusedError as error:
            return problem_response(error.problem)
        except InvalidSilenceError as error:
            faults = [msgspec.to_builtins(fault) for fault in error.faults]
            return problem_response(
                Problem(422, "invalid_silence", "The silence cannot be granted", "Mend what the errors name."),
                {"errors": faults},
            )
        except NotFoundError as error:
            return problem_response(
                Problem(400, "unknown_name", "A name is not known", error.remedy, detail=str(error))
            )
        except ClientDisconnect:
            return Response(status_code=_HUNG_UP)
        except (SQLAlchemyError, OSError) as error:
            if is_outage(error):
                return problem_response(_UNAVAILABLE)
            _log.exception("a request failed", path=request.url.path)
            return problem_response(_INTERNAL)

    return answer


async def json_of(request: Request, *, required: bool = True) -> dict[str, Any]:
    """Return the JSON object in the body of a request; {} for an empty one that is not required."""
    body = await body_of(request, MAX_BODY_BYTES)
    if not body and not required:
        return {}
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(
            Problem(
                400, "malformed_body", "The body cannot be read", "Send one JSON object in UTF-8.", detail=str(error)
            )
        ) from error
    if not isinstance(document, dict):
        raise RefusedError(
            Problem(400, "malformed_body", "The body is not an object", "Send one JSON object in UTF-8.")
        )
    return document


async def body_of(request: Request, most: int) -> bytes:
    """Return the body of a request, or refuse one that is larger than `most` bytes or does not come in time."""
    too_large = RefusedError(Problem(413, "body_too_large", "The body is too large", f"Send at most {most} bytes."))
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and (len(announced) > _LONGEST_LENGTH or int(announced) > most):
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise RefusedError(
            Problem(408, "body_too_slow", "The body did not come in time", "Send the request again.")
        ) from None
    return bytes(body)


def text_of(document: Mapping[str, Any], field: str, *, required: bool = False, most: int = 1_000) -> str:
    """Return a text of an object as one line, "" when it is missing and not required."""
    value = document.get(field)
    if value is not None and not isinstance(value, str):
        raise _bad_field(field, "is not a text", "Send a text.")
    text = line_of(value or "")
    if required and not text:
        raise _bad_field(field, "is required", "Say who does this.")
    if len(text) > most:
        raise _bad_field(field, f"is longer than {most} characters", "Shorten it.")
    return text


def json_response(document: object, status: int = 200) -> Response:
    """Return a document as JSON; it is never kept by anything between here and the reader."""
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(document), status, headers, media_type="application/json")


def _bad_field(field: str, detail: str, remedy: str) -> RefusedError:
    return RefusedError(Problem(422, "invalid_field", "A field cannot be used", remedy, detail=f"{field} {detail}"))


def _check(request: Request, token: str | None) -> None:
    if token is None:
        raise RefusedError(_DISABLED)
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise RefusedError(_UNAUTHORIZED)
    if "\x00" in request.scope["path"]:  # which PostgreSQL knows in no text
        raise RefusedError(_NO_TEXT)
