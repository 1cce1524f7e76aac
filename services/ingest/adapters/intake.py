"""Takes a request in: reads its rows at a desk, and has the good and the bad ones committed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Protocol

from services.ingest.adapters.formats.dhis2 import DataValueSet, read_data_values
from services.ingest.adapters.submission import Committed, Submission
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import UnsupportedRequestError
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.receipts import Receipt
from services.ingest.domain.tokens import Grant
from shared.catalog.catalog import Catalog
from shared.runtime.clock import Clock

Reader = Callable[[bytes, Desk, Reading], Iterator[None]]


class Committer(Protocol):
    """Stores a submission and returns once it is committed."""

    async def submit(self, submission: Submission) -> Receipt:
        """Return what became of the rows."""
        ...


def alias_tables(catalog: Catalog) -> dict[str, AliasTable]:
    """Return the alias table of every source that has a profile."""
    return {source: AliasTable(profile) for source, profile in catalog.profile_by_source.items()}


async def read_all(rows: Iterator[None]) -> None:
    """Run a reader to its end, letting other requests work between its slices."""
    for _ in rows:
        await asyncio.sleep(0)


class Intake:
    """The way of a request from its body to its receipt."""

    def __init__(
        self,
        normalizer: Normalizer,
        aliases: Mapping[str, AliasTable],
        committer: Committer,
        rehearse: Callable[[Sequence[Submission]], Awaitable[Committed]],
        clock: Clock,
    ) -> None:
        self._normalizer = normalizer
        self._aliases = aliases
        self._committer = committer
        self._rehearse = rehearse
        self._rehearsing = asyncio.Lock()
        self._clock = clock

    async def take_events(
        self, grant: Grant, format_: PayloadFormat, read: Reader, body: bytes, content_type: str
    ) -> tuple[Reading, Receipt]:
        """Read native events or CloudEvents and have them committed."""
        desk = Desk(self._normalizer, grant, self._clock.now())
        reading = Reading(format_)
        await read_all(read(body, desk, reading))
        submission = Submission(grant.source, content_type, body, desk.received_at, reading)
        return reading, await self._committer.submit(submission)

    async def take_data_values(
        self, grant: Grant, request: DataValueSet, body: bytes, content_type: str, *, dry_run: bool
    ) -> Receipt:
        """Read DHIS2 data values by the alias table of the token's source and have them committed, or rehearsed."""
        aliases = self._aliases.get(grant.source)
        if aliases is None:
            raise UnsupportedRequestError(
                f"The source {grant.source!r} has no profile in the catalog: nothing says what its data elements mean."
            )
        desk = Desk(self._normalizer, grant, self._clock.now())
        reading = Reading(PayloadFormat.DHIS2)
        await read_all(read_data_values(request, desk, reading, aliases))
        submission = Submission(grant.source, content_type, body, desk.received_at, reading)
        if not dry_run:
            return await self._committer.submit(submission)
        async with self._rehearsing:
            return (await self._rehearse([submission])).receipts[0]
