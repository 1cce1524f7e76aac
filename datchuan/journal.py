"""Reading the whole journal: raw COPY, decoded in pages of megabytes, and the newest report of every fact."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.domain.outcome import FactKey
from services.evaluator.domain.recompute import keep_newest
from services.evaluator.domain.slots import slot_table
from shared.catalog.catalog import Catalog
from shared.contracts.streams import INDICATOR_REPORTED
from shared.contracts.wire import IndicatorReported, decode_indicator_reported
from shared.runtime.database import raw_connection

_JOURNAL = "SELECT event FROM ingest.journal"
_WAITING = text("SELECT payload FROM messaging.mailbox WHERE handled_at IS NULL AND stream LIKE :stream")
_BURIED = text("SELECT payload FROM messaging.dead_letter WHERE stream LIKE :stream")
_PAGE_BYTES = 4 * 1024 * 1024
# However long the journal is: the connection's own limit is meant for single statements of the services.
_TIMEOUT_SECONDS = 86_400
_decode_page = msgspec.json.Decoder(list[IndicatorReported]).decode

Take = Callable[[list[IndicatorReported]], None]


@dataclass
class Newest:
    """What the journal says: the newest report of every fact, and how many reports were read."""

    facts: dict[FactKey, IndicatorReported] = field(default_factory=dict)
    events: int = 0


@dataclass(frozen=True)
class NotApplied:
    """Journal numbers of the reports that no verdict knows yet: their message waits, or is a dead letter."""

    waiting: frozenset[int]
    buried: frozenset[int]

    @property
    def all(self) -> frozenset[int]:
        """Both together."""
        return self.waiting | self.buried


async def not_applied(connection: AsyncConnection) -> NotApplied:
    """Return which journaled reports the stored verdicts do not claim to know."""
    numbers = []
    for query in (_WAITING, _BURIED):
        payloads = await connection.scalars(query, {"stream": f"{INDICATOR_REPORTED}%"})
        numbers.append(frozenset(report.seq for payload in payloads for report in _reports(payload)))
    return NotApplied(*numbers)


def _reports(payload: bytes) -> tuple[IndicatorReported, ...]:
    """Return the reports of a message; what was buried because nobody can read it brings none."""
    try:
        return decode_indicator_reported(payload).events
    except msgspec.DecodeError:
        return ()


async def newest_reports(connection: AsyncConnection, catalog: Catalog, without: frozenset[int]) -> Newest:
    """Return the newest report of every fact that the catalog has a place for, leaving out the numbers `without`."""
    newest = Newest()

    def take(page: list[IndicatorReported]) -> None:
        newest.events += len(page)
        keep_newest(newest.facts, (report for report in page if report.seq not in without) if without else page)

    await read_journal(connection, take)
    drop_unplaced(newest.facts, catalog)
    return newest


def drop_unplaced(facts: dict[FactKey, IndicatorReported], catalog: Catalog) -> None:
    """Take out the facts by which the catalog judges nothing: they wait for one that does."""
    # A fact has a place or has none whatever its reports say, so it is asked once a fact, not once a report.
    units, slots = catalog.unit_by_id, slot_table(catalog)
    for key, report in list(facts.items()):
        if report.unit not in units or slots.number(report) is None:
            del facts[key]


async def read_journal(connection: AsyncConnection, take: Take) -> None:
    """Hand every journaled report to `take`, in pages, inside the caller's transaction."""
    pages = _Pages(take)
    driver = await raw_connection(connection)
    await driver.copy_from_query(_JOURNAL, output=pages.receive, timeout=_TIMEOUT_SECONDS)
    pages.finish()


class _Pages:
    """Gathers what COPY sends and decodes it in pages of whole rows."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._parts: list[bytes] = []
        self._size = 0

    async def receive(self, data: bytes) -> None:
        """Take the next bytes of the copy."""
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _PAGE_BYTES:
            whole, _, rest = b"".join(self._parts).rpartition(b"\n")
            self._parts, self._size = [rest], len(rest)
            self._decode(whole)

    def finish(self) -> None:
        """Decode what is left."""
        self._decode(b"".join(self._parts).rstrip(b"\n"))

    def _decode(self, rows: bytes) -> None:
        """Decode rows of COPY's text format: of what it escapes, JSON on one line holds only backslashes."""
        if rows:
            plain = rows.replace(b"\\\\", b"\\") if b"\\" in rows else rows
            self._take(_decode_page(b"[%b]" % plain.replace(b"\n", b",")))
