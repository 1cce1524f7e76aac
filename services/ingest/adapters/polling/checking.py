"""A dry look at what a poll asks: who we are there, what is found there, and what the next window would bring."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.adapters.intake import Import
from services.ingest.adapters.polling.client import Dhis2Client
from services.ingest.adapters.polling.failures import PollFailedError
from services.ingest.adapters.polling.polls import Poll
from services.ingest.adapters.polling.states import PollState
from services.ingest.adapters.polling.windows import WindowReader
from services.ingest.domain.errors import IngestError
from services.ingest.domain.polls import PollFailure
from services.ingest.domain.reading import PayloadFormat
from services.ingest.domain.report import ImportReport

Rehearse = Callable[[Import], Awaitable[ImportReport]]
_ME: Final = {"fields": "username,displayName"}
_NAMED: Final = {"fields": "id,name"}


class Checked(msgspec.Struct, kw_only=True):
    """What was found. `faults` are what keeps the poll from working; each says what to do.

    `data_sets` and `org_units` are names by id. `values` is None when no values could be asked for; at
    `values_per_request` there may be more.
    """

    name: str
    url: str
    user: str = ""
    version: str = ""
    server_time: dt.datetime | None = None
    data_sets: dict[str, str] = {}
    org_units: dict[str, str] = {}
    asks_from: dt.datetime | None = None
    values: int | None = None
    report: ImportReport | None = None
    faults: list[str] = []


class _Named(msgspec.Struct):
    name: str = ""
    username: str = ""
    version: str = ""


async def check_poll(poll: Poll, state: PollState, rehearse: Rehearse) -> Checked:
    """Ask an instance everything that a poll depends on, and store nothing."""
    found = Checked(name=poll.name, url=poll.url)
    try:
        async with Dhis2Client(poll) as client:
            await _ask(poll, state, rehearse, client, found)
    except PollFailedError as failure:
        found.faults.append(f"{failure.kind}: {failure}")
    except IngestError as error:
        found.faults.append(str(error) or type(error).__name__)
    return found


async def _ask(poll: Poll, state: PollState, rehearse: Rehearse, client: Dhis2Client, found: Checked) -> None:
    found.user = (await _named(client, "me", _ME)).username
    answer = await client.get("system/info", {})
    found.server_time = answer.server_at
    found.version = _decoded(answer.body).version
    found.data_sets = await _names(client, "dataSets", poll.data_sets, found)
    found.org_units = await _names(client, "organisationUnits", poll.org_units, found)
    if found.faults:
        return

    async def take(_: bytes) -> None:
        """A look takes nothing in."""

    reader = WindowReader(poll, client, take, lambda: state.now)
    found.asks_from, body, found.values = await reader.look(state.last)
    if found.values:
        wishes = Wishes(id_schemes=dict(poll.id_schemes), apart=True)
        asked = Import(
            format=PayloadFormat.DHIS2, body=body, content_type="application/json", wishes=wishes, dry_run=True
        )
        found.report = await rehearse(asked)


async def _names(client: Dhis2Client, kind: str, ids: tuple[str, ...], found: Checked) -> dict[str, str]:
    names = {}
    for uid in ids:
        try:
            names[uid] = (await _named(client, f"{kind}/{uid}", _NAMED)).name
        except PollFailedError as failure:
            if failure.kind is not PollFailure.NOT_FOUND:
                raise
            found.faults.append(f"{kind}/{uid} is not there, or {found.user} may not see it; correct the id")
    return names


async def _named(client: Dhis2Client, path: str, query: dict[str, str]) -> _Named:
    return _decoded((await client.get(path, query)).body)


def _decoded(body: bytes) -> _Named:
    try:
        return msgspec.json.decode(body, type=_Named)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        text = f"the answer is not DHIS2's ({type(error).__name__}); is url the address of the instance?"
        raise PollFailedError(PollFailure.UNREADABLE, text) from None
