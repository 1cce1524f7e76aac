"""Polling a DHIS2 instance: why it fails, from when a window must ask, and into which parts a request is cut."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

# DHIS2 writes and compares moments to the millisecond; the Date of an answer is whole seconds.
DATE_TOLERANCE: Final = dt.timedelta(seconds=2)


class PollFailure(StrEnum):
    """Why a poll failed; the window is not advanced, whatever the kind."""

    CREDENTIALS = "credentials"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    TIMEOUT = "timeout"
    CUT_OFF = "cut_off"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    LOGIN_PAGE = "login_page"
    REDIRECTED = "redirected"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    PATIENT_LEVEL = "patient_level"
    NOT_TAKEN = "not_taken"
    INTERNAL = "internal"


class PolledValue(StrEnum):
    """What became of a polled value."""

    ACCEPTED = "accepted"
    UPDATED = "updated"
    DELETED = "deleted"
    DUPLICATE = "duplicate"
    STALE = "stale"
    QUARANTINED = "quarantined"


class Mark(msgspec.Struct, frozen=True):
    """One moment, read from the server's clock and from ours."""

    server: dt.datetime
    ours: dt.datetime


class Part(msgspec.Struct, frozen=True):
    """The organisation units of one request, with or without those below them."""

    units: tuple[str, ...]
    children: bool


def window_start(last: Mark | None, now: Mark | None, since: dt.datetime, overlap: dt.timedelta) -> dt.datetime:
    """Return from when, by the server's clock, values must be asked for; `last` is the end of the last window.

    `now` is known once the server has answered. If its clock was set back since, its present reading of the last end
    is earlier than what was noted then, and so is the start: what it has written meanwhile bears earlier times.
    """
    if last is None:
        return since
    end = last.server
    if now is not None:
        end = min(end, now.server - (now.ours - last.ours))
    return end - overlap


def parts_of(units: Sequence[str], size: int, *, children: bool) -> Iterator[Part]:
    """Yield requests for all units, `size` of them in each."""
    for first in range(0, len(units), size):
        yield Part(tuple(units[first : first + size]), children)


def halves_of(part: Part) -> list[Part]:
    """Return two requests that together ask for what one of several units asked for."""
    middle = len(part.units) // 2
    return [Part(part.units[:middle], part.children), Part(part.units[middle:], part.children)]


def below(unit: str, children: Iterable[str], size: int) -> list[Part]:
    """Return requests that together ask for a unit and all units below it: itself, and its children's branches."""
    return [Part((unit,), False), *parts_of(tuple(children), size, children=True)]


def backoff_seconds(failures: int, first: float, longest: float, chance: float) -> float:
    """Return the pause after so many failures in a row, by `chance` (0 to 1) up to a half shorter: no two in step.

    >>> [backoff_seconds(n, 5, 60, 0) for n in (1, 2, 3, 4, 5)], backoff_seconds(1, 5, 60, 1)
    ([5.0, 10.0, 20.0, 40.0, 60.0], 2.5)
    """
    whole = min(longest, first * 2.0 ** min(failures - 1, 30))
    return whole * (1 - chance / 2)
