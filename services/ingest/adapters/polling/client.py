"""One DHIS2 instance over HTTP: bounded in time and size, no redirect followed, every failure a kind with a remedy."""

import asyncio
import datetime as dt
import ssl
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final, Self

import httpx
import msgspec

from services.ingest.adapters.polling.answers import refusal_of, seconds_to_wait
from services.ingest.adapters.polling.credentials import read_authorization
from services.ingest.adapters.polling.failures import PollFailedError
from services.ingest.adapters.polling.polls import Poll
from services.ingest.adapters.web.gunzip import Gunzip
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.polls import PollFailure

Query = Mapping[str, str | Sequence[str]]
_MAX_REFUSAL_BYTES: Final = 64 * 1024


class Answer(msgspec.Struct, frozen=True):
    """A JSON body, and a moment by the server's clock that is not after the request came to it."""

    body: bytes
    server_at: dt.datetime


class Dhis2Client:
    """Asks the instance of a poll; to be used as a context manager.

    Raises PollFailedError when the credentials or the CA file cannot be used.
    """

    def __init__(self, poll: Poll) -> None:
        self._poll = poll
        self._http = httpx.AsyncClient(
            timeout=poll.timeout_seconds,
            follow_redirects=False,  # the credentials are for this server only
            verify=_trust(poll),
            headers={
                "Authorization": read_authorization(poll.credentials_file),
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": "datchuan",
                "X-Requested-With": "XMLHttpRequest",  # DHIS2 then answers 401 instead of its login page
            },
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, query: Query) -> Answer:
        """Return the JSON that the instance answers; raises PollFailedError, TOO_LARGE for more than max_body_bytes."""
        poll = self._poll
        try:
            async with asyncio.timeout(poll.timeout_seconds):
                return await self._get(f"{poll.url}/api/{path}", query)
        except (TimeoutError, httpx.TimeoutException):
            remedy = "raise timeout_seconds, or lower org_units_per_request and values_per_request"
            text = f"{path} was not answered whole within {poll.timeout_seconds:g} s; {remedy}"
            raise PollFailedError(PollFailure.TIMEOUT, text) from None
        except httpx.ConnectError as error:
            raise _unreachable(poll, error) from None
        except (httpx.RemoteProtocolError, httpx.ReadError, MalformedBodyError) as error:
            text = f"the answer to {path} was cut off ({type(error).__name__})"
            raise PollFailedError(PollFailure.CUT_OFF, text) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PollFailedError(PollFailure.UNREACHABLE, f"{path}: {type(error).__name__}") from None

    async def _get(self, url: str, query: Query) -> Answer:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with self._http.stream("GET", url, params=dict(query)) as response:
            taken = dt.timedelta(seconds=loop.time() - asked)
            limit = self._poll.max_body_bytes if response.status_code == httpx.codes.OK else _MAX_REFUSAL_BYTES
            body = await _read(response, limit)
            if body is None:
                text = f"an answer is larger than max_body_bytes ({limit}); raise it, or ask for fewer units at once"
                raise PollFailedError(PollFailure.TOO_LARGE, text)
            refusal = refusal_of(response, body, seconds_to_wait(response))
            if refusal is not None:
                raise refusal
            return Answer(body, _date_of(response) - taken)


async def _read(response: httpx.Response, limit: int) -> bytes | None:
    """Return the unfolded body, or None when it is larger than `limit`, however small it was folded."""
    encoding = response.headers.get("content-encoding", "identity").strip().casefold()
    if encoding not in ("gzip", "x-gzip", "identity", ""):
        raise PollFailedError(PollFailure.UNREADABLE, f"the answer is encoded as {encoding[:20]!r}, asked was gzip")
    unfold = Gunzip() if "gzip" in encoding else None
    body = bytearray()
    async for chunk in response.aiter_raw():
        for piece in unfold.pieces(chunk) if unfold else (chunk,):
            body += piece
            if len(body) > limit:
                return None
    if unfold:
        unfold.finish()
    return bytes(body)


def _date_of(response: httpx.Response) -> dt.datetime:
    try:
        found = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError, TypeError):
        text = "the answer has no valid Date header, so nobody knows the server's time; let the proxy pass it on"
        raise PollFailedError(PollFailure.UNREADABLE, text) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)


def _trust(poll: Poll) -> ssl.SSLContext | bool:
    if poll.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(poll.ca_file))
    except (OSError, ssl.SSLError) as error:
        text = f"ca_file {poll.ca_file} cannot be used: {type(error).__name__}"
        raise PollFailedError(PollFailure.TLS, text) from None


def _unreachable(poll: Poll, error: httpx.ConnectError) -> PollFailedError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            text = f"{poll.url}: its certificate is not trusted ({cause.reason or 'TLS'}); name its CA in ca_file"
            return PollFailedError(PollFailure.TLS, text)
        cause = cause.__cause__ or cause.__context__
    return PollFailedError(PollFailure.UNREACHABLE, f"{poll.url} cannot be reached: {error}")
