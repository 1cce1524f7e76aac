"""What a DHIS2 answer that brings no data says: refusals, login pages, redirections, and how long to wait."""

import datetime as dt
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
import msgspec

from services.ingest.adapters.polling.failures import PollFailedError
from services.ingest.domain.polls import PollFailure

NO_TIME_FILTER: Final = "E2002"
_LONGEST_WAIT: Final = 3600.0
_MAX_WORDS: Final = 300

_BY_STATUS: Final = {
    401: (PollFailure.UNAUTHORIZED, "renew the credentials (a token expires after 30 days by default)"),
    403: (PollFailure.FORBIDDEN, "give the user of the credentials the right to read this data"),
    404: (PollFailure.NOT_FOUND, "is url the address of the instance, with its context path? DHIS2 2.36 is the oldest"),
    413: (PollFailure.TOO_LARGE, "lower org_units_per_request"),
    414: (PollFailure.TOO_LARGE, "lower org_units_per_request"),
    429: (PollFailure.THROTTLED, "raise interval_seconds"),
}


class _Message(msgspec.Struct):
    """DHIS2's WebMessage, as far as it matters here."""

    message: str = ""
    error_code: str = msgspec.field(default="", name="errorCode")


def refusal_of(response: httpx.Response, body: bytes, wait: float) -> PollFailedError | None:
    """Return why an answer is no JSON data, or None when it is."""
    status = response.status_code
    if 300 <= status < 400:
        return _redirection(response)
    if status == httpx.codes.OK:
        return _no_json(response)
    said = _message_of(body)
    kind, remedy = _BY_STATUS.get(status, (PollFailure.REFUSED, "correct the poll"))
    if status >= 500:
        kind, remedy = PollFailure.SERVER_ERROR, "see the server's log"
    words = " ".join(filter(None, (said.error_code, _plain(said.message))))
    text = f"the server answered {status}{f' ({words})' if words else ''}; {remedy}"
    return PollFailedError(kind, text, retry_after=wait, error_code=said.error_code)


def seconds_to_wait(response: httpx.Response) -> float:
    """Return what Retry-After asks for, in seconds or as a date, at most an hour; 0 without it."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        until, now = parsedate_to_datetime(text), parsedate_to_datetime(response.headers.get("date", ""))
        return min(max((until - now) / dt.timedelta(seconds=1), 0.0), _LONGEST_WAIT)
    except (ValueError, TypeError):
        return 0.0


def _redirection(response: httpx.Response) -> PollFailedError:
    target = response.headers.get("location", "").partition("?")[0]
    if "login" in target.casefold():
        return _login_page()
    text = f"the server leads to {_plain(target)!r}; write the address that it means into url"
    return PollFailedError(PollFailure.REDIRECTED, text)


def _no_json(response: httpx.Response) -> PollFailedError | None:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if media_type in ("text/html", "application/xhtml+xml"):
        return _login_page()
    if media_type == "application/json" or media_type.endswith("+json"):
        return None
    text = f"the server answered {_plain(media_type)!r} instead of JSON; is url the address of the instance?"
    return PollFailedError(PollFailure.UNREADABLE, text)


def _login_page() -> PollFailedError:
    text = "the server answered with a web page, as for who is not logged in; renew the credentials, check url"
    return PollFailedError(PollFailure.LOGIN_PAGE, text)


def _message_of(body: bytes) -> _Message:
    try:
        return msgspec.json.decode(body, type=_Message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Message()


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:_MAX_WORDS]
