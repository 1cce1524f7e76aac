"""What is new in an answer: values that came before are left out, the others are taken in exactly once.

Windows overlap, so an answer repeats values in ever other company. Were a half of a ratio taken again without its mate,
it would be another report. So each version of a value is taken once, and what is about to be taken is kept first: a
process that takes over after a crash takes the same body, which the journal recognizes. Two halves are one report when
they were saved at one moment, as by an import; otherwise each has its own.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.adapters.intake import Import
from services.ingest.adapters.polling.polls import Poll
from services.ingest.adapters.polling.states import HeldPoll
from services.ingest.domain.documents import decode_document
from services.ingest.domain.errors import (
    BackloggedError,
    IngestError,
    MalformedBodyError,
    OverloadedError,
    StoreUnavailableError,
)
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.polls import PolledValue
from services.ingest.domain.reading import PayloadFormat
from services.ingest.domain.report import ImportReport
from services.ingest.metrics import PollMetrics

# The same body will be taken later; after any other refusal it never will.
LATER: Final = (BackloggedError, OverloadedError, StoreUnavailableError)

_ROWS: Final = "dataValues"
_FACT: Final = ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo")
_VERSION: Final = ("value", "deleted", "lastUpdated")
_DIGEST_BYTES: Final = 16

Intake = Callable[[Import], Awaitable[ImportReport]]


class News:
    """Takes the answers of one poll in, each version of a value once."""

    def __init__(self, poll: Poll, held: HeldPoll, intake: Intake, metrics: PollMetrics) -> None:
        self._poll = poll
        self._held = held
        self._intake = intake
        self._metrics = metrics

    async def resume(self) -> None:
        """Take in what was about to be taken in when the last process ended."""
        body = await self._held.pending()
        if body is not None:
            await self._give(body, self._versions(msgspec.json.decode(body)[_ROWS]))

    async def take(self, body: bytes) -> None:
        """Take in what is new in an answer. Raises IngestErrors; nothing of personal data is ever stored."""
        rows = await asyncio.to_thread(_rows_of, body)
        versions = self._versions(rows)
        known = await self._held.known(dict(versions))
        fresh = [(row, pair) for row, pair in zip(rows, versions, strict=True) if pair[0] not in known]
        self._metrics.count(self._poll.name, PolledValue.DUPLICATE, len(rows) - len(fresh))
        if fresh:
            news = msgspec.json.encode({_ROWS: [row for row, _ in fresh]})
            await self._held.keep(news)
            await self._give(news, [pair for _, pair in fresh])

    async def _give(self, body: bytes, versions: list[tuple[bytes, bytes]]) -> None:
        wishes = Wishes(id_schemes=dict(self._poll.id_schemes), apart=True)
        asked = Import(format=PayloadFormat.DHIS2, body=body, content_type="application/json", wishes=wishes)
        try:
            report = await self._intake(asked)
        except LATER:
            raise
        except IngestError:
            await self._held.keep(None)
            raise
        await self._held.note(dict(versions))
        self._metrics.took(self._poll.name, report)

    def _versions(self, rows: list[Any]) -> list[tuple[bytes, bytes]]:
        """Return a digest of what each row speaks of, and one of what it says."""
        origin = (self._poll.url, self._poll.source)
        return [(_digest(*origin, _part(row, _FACT)), _digest(_part(row, _VERSION))) for row in rows]


def _rows_of(body: bytes) -> list[Any]:
    """Return the rows of an answer, each complete in itself; refuses personal data and what is no data value set."""
    try:
        document = decode_document(body)
    except RefusedError as refused:
        raise MalformedBodyError(f"The answer cannot be read: {refused.fault.detail}.") from None
    if not isinstance(document, dict) or not isinstance(document.get(_ROWS), list):
        raise MalformedBodyError('The answer is no data value set: it has no array "dataValues".')
    above = {name: document[name] for name in _FACT if document.get(name) is not None}
    return [above | row if isinstance(row, dict) else row for row in document[_ROWS]]


def _part(row: Any, names: tuple[str, ...]) -> object:
    return [row.get(name) for name in names] if isinstance(row, dict) else row


def _digest(*parts: object) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=_DIGEST_BYTES).digest()
