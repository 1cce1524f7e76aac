"""One window of a poll: all that changed since a moment, cut into answers of a bearable size, each taken in."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from services.ingest.adapters.polling.answers import NO_TIME_FILTER
from services.ingest.adapters.polling.client import Dhis2Client
from services.ingest.adapters.polling.failures import PollFailedError
from services.ingest.adapters.polling.polls import Poll
from services.ingest.domain.errors import BodyTooLargeError
from services.ingest.domain.polls import (
    DATE_TOLERANCE,
    Mark,
    Part,
    PollFailure,
    below,
    halves_of,
    parts_of,
    window_start,
)

Take = Callable[[bytes], Awaitable[None]]
# DHIS2 2.43.0 wants a filter by period beside the one by time (DHIS2-21821): every period there is.
_ALL_PERIODS: Final = {"startDate": "1900-01-01", "endDate": "2199-12-31"}
# As DHIS2 writes moments itself. Its lastUpdatedDuration is no alternative: it reads the server's wall clock as UTC, so
# that 2.43 on a server in Viet Nam begins seven hours late.
_MOMENT: Final = "%Y-%m-%dT%H:%M:%S.000+0000"
_ROWS: Final = "dataValues"
_HEAD: Final = frozenset({"dataSet", "completeDate", "period", "orgUnit", "attributeOptionCombo"})
_LOOKS: Final = 3


class _OrgUnit(msgspec.Struct):
    id: str


class _Branch(msgspec.Struct):
    children: list[_OrgUnit] = []


class _Fetched(msgspec.Struct):
    body: bytes
    rows: int
    asked: Mark


class WindowReader:
    """Reads the windows of one poll and gives every answer to `take`; `now` tells our time."""

    def __init__(self, poll: Poll, client: Dhis2Client, take: Take, now: Callable[[], dt.datetime]) -> None:
        self._poll = poll
        self._client = client
        self._take = take
        self._now = now
        self._needs_periods = False

    async def read(self, last: Mark | None) -> Mark:
        """Take in all that changed since the last window, which ended at `last`, and return where this one ends.

        It ends when its first answer was asked for: whatever is committed later belongs to the next. Raises
        PollFailedError, and what `take` raises; what was taken before is recognized when it comes again.
        """
        poll = self._poll
        start = window_start(last, None, poll.first_start, poll.overlap)
        for _ in range(_LOOKS):
            end = await self._read_from(start)
            needed = window_start(last, end, poll.first_start, poll.overlap)
            if needed >= start - DATE_TOLERANCE:
                return end
            start = needed
        raise PollFailedError(PollFailure.UNREADABLE, "the server's clock jumps from answer to answer")

    async def look(self, last: Mark | None) -> tuple[dt.datetime, bytes, int]:
        """Return from when the next window asks, its first answer, and how many values that has; take nothing in."""
        poll = self._poll
        start = window_start(last, None, poll.first_start, poll.overlap)
        first = next(parts_of(poll.org_units, poll.org_units_per_request, children=poll.children))
        fetched = await self._fetch(first, start, poll.values_per_request)
        return start, fetched.body, fetched.rows

    async def _read_from(self, start: dt.datetime) -> Mark:
        poll = self._poll
        waiting = list(parts_of(poll.org_units, poll.org_units_per_request, children=poll.children))[::-1]
        first: Mark | None = None
        while waiting:
            part = waiting.pop()
            try:
                asked = await self._take_part(part, start)
            except PollFailedError as failure:
                if failure.kind is not PollFailure.TOO_LARGE:
                    raise
                smaller = await self._smaller(part)
                if not smaller:
                    raise
                waiting += smaller[::-1]
            else:
                first = first or asked
        if first is None:
            raise PollFailedError(PollFailure.REFUSED, "there is no organisation unit to ask for")
        return first

    async def _take_part(self, part: Part, start: dt.datetime) -> Mark:
        """Take in one part and return when it was asked for; raises TOO_LARGE when it has to be cut."""
        limit = self._poll.values_per_request
        fetched = await self._fetch(part, start, limit)
        if fetched.rows >= limit:  # there may be more, and DHIS2 promises no order by which to go on
            if part.children or len(part.units) > 1:
                text = f"an answer has all the {limit} values of values_per_request"
                raise PollFailedError(PollFailure.TOO_LARGE, text)
            fetched = await self._fetch(part, start, None)
        if fetched.rows:
            try:
                await self._take(fetched.body)
            except BodyTooLargeError as error:
                raise PollFailedError(PollFailure.TOO_LARGE, str(error)) from None
        return fetched.asked

    async def _fetch(self, part: Part, start: dt.datetime, limit: int | None) -> _Fetched:
        try:
            return await self._fetch_once(part, start, limit)
        except PollFailedError as failure:
            if failure.error_code != NO_TIME_FILTER or self._needs_periods:
                raise
            self._needs_periods = True
        return await self._fetch_once(part, start, limit)

    async def _fetch_once(self, part: Part, start: dt.datetime, limit: int | None) -> _Fetched:
        ours = self._now()
        answer = await self._client.get("dataValueSets", self._query(part, start, limit))
        return _Fetched(answer.body, _count(answer.body), Mark(answer.server_at, ours))

    def _query(self, part: Part, start: dt.datetime, limit: int | None) -> dict[str, str | Sequence[str]]:
        poll = self._poll
        query: dict[str, str | Sequence[str]] = {
            "dataSet": poll.data_sets,
            "orgUnit": part.units,
            "children": "true" if part.children else "false",
            "lastUpdated": start.astimezone(dt.UTC).strftime(_MOMENT),
            "includeDeleted": "true",
        }
        query |= {f"{name}IdScheme": scheme for name, scheme in poll.id_schemes.items()}
        if limit is not None:
            query["limit"] = str(limit)
        return query | _ALL_PERIODS if self._needs_periods else query

    async def _smaller(self, part: Part) -> list[Part]:
        """Return smaller requests for the same, or none when it is one unit by itself."""
        if len(part.units) > 1:
            return halves_of(part)
        if not part.children:
            return []
        (unit,) = part.units
        answer = await self._client.get(f"organisationUnits/{unit}", {"fields": "id,children[id]"})
        try:
            branch = msgspec.json.decode(answer.body, type=_Branch)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            text = f"organisationUnits/{unit} does not name its children ({type(error).__name__})"
            raise PollFailedError(PollFailure.UNREADABLE, text) from None
        return below(unit, [child.id for child in branch.children], self._poll.org_units_per_request)


def _count(body: bytes) -> int:
    """Return the number of rows of an answer; a document that is no answer has one, so that the intake judges it."""
    try:
        document = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if _ROWS in document:
            return len(msgspec.json.decode(document[_ROWS], type=list[msgspec.Raw]))
    except msgspec.ValidationError:
        return 1
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = "the answer to dataValueSets is no whole JSON document: it was cut off, or it is something else"
        raise PollFailedError(PollFailure.CUT_OFF, text) from None
    return 0 if document.keys() <= _HEAD else 1
