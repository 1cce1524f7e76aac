"""Refusals of HTTP requests as RFC 9457 problems, each with a remedy."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

PROBLEM_TYPE: Final = "urn:datchuan:problem:"


class Problem(msgspec.Struct, frozen=True):
    """A refusal of a request; `taken` are the counts of a large body's rows that were taken before."""

    status: int
    slug: str
    title: str
    remedy: str
    detail: str = ""
    retry_after_seconds: int = 0
    taken: dict[str, int] = {}


def headers_of(problem: Problem) -> dict[str, str]:
    """Return the headers that go with a problem."""
    headers: dict[str, str] = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="datchuan"'
    if problem.status == 408:
        headers["Connection"] = "close"  # or the rest of the body would be waited for
    if problem.retry_after_seconds:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    return headers


def problem_body(problem: Problem) -> dict[str, Any]:
    """Return the members of a problem."""
    return {
        "type": f"{PROBLEM_TYPE}{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:uuid:{uuid.uuid4()}",
        "remedy": problem.remedy,
        **({"taken": problem.taken} if problem.taken else {}),
    }


def problem_response(
    problem: Problem, extra: dict[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the problem as application/problem+json; `extra` are further members, `headers` further headers."""
    return Response(
        msgspec.json.encode(problem_body(problem) | (extra or {})),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=headers_of(problem) | dict(headers or {}),
    )
