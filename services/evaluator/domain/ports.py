"""What the evaluator needs from outside, as protocols: a store whose steps commit once or not at all."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from services.evaluator.domain.behind import Chunk
from services.evaluator.domain.outcome import Outcome, StoredVerdict
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import VerdictStatus
from shared.contracts.wire import IndicatorReported, IndicatorReportedBatch


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of a partition when a writer takes it over; `rules` is the digest of the rules it obeys.

    `pages` are the units of the stored pages of facts, one for each page.
    `kept` are the messages whose reports are judged, but whose facts may not be among the stored ones yet.
    """

    facts: Sequence[IndicatorReported]
    pages: Sequence[str]
    kept: Sequence[IndicatorReportedBatch]
    verdicts: dict[tuple[str, str], StoredVerdict]
    rollups: Sequence[tuple[str, str]]
    last_transition: int
    rules: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What an outcome writes, worked out before its transaction opens.

    `transitions` are the rows in the form that the store takes them, `messages` the ids and bodies of what is told.
    """

    verdicts: Mapping[tuple[str, str], StoredVerdict]
    transitions: bytes
    rollups: Mapping[tuple[str, str], Mapping[VerdictStatus, int]]
    messages: Sequence[tuple[str, bytes]]


class Step(Protocol):
    """One transaction of the writer."""

    async def load(self, units: Sequence[str], windowed: Iterable[str]) -> Stored:
        """Return what the store holds of the partition: verdicts and kept messages, and the facts of `units`.

        Of `windowed` indicators it is all facts, of the others what `restore` needs.
        """
        ...

    async def claim(self, message_ids: Sequence[str]) -> frozenset[str]:
        """Mark messages as handled and keep them; only the returned ones were still to be handled."""
        ...

    async def histories(self, wanted: Iterable[tuple[str, str, str]]) -> Sequence[IndicatorReported]:
        """Return every stored report of the given (unit, indicator, cell)."""
        ...

    async def write(self, draft: Draft, claiming: Sequence[str] = ()) -> frozenset[str]:
        """Write verdicts, transitions, roll-ups and messages; the messages are published after the commit.

        What is `claiming` is claimed on the way, see `claim`.
        """
        ...

    async def write_behind(self, chunk: Chunk) -> None:
        """Append pages of facts, and forget the messages nobody needs any more."""
        ...

    async def merge_pages(self, units: Sequence[str]) -> None:
        """Merge the pages of units where that is worth it; a fact that stood in several then stands in one."""
        ...

    async def mark(self, as_of: dt.date, catalog: Catalog, now: dt.datetime) -> None:
        """Note the day and the catalog that the verdicts now belong to."""
        ...


class VerdictStore(Protocol):
    """The writer's store, fenced by its lease."""

    def draft(self, outcome: Outcome) -> Draft:
        """Return what an outcome writes; it stays the same however far the engine moves on."""
        ...

    def step(self) -> AbstractAsyncContextManager[Step]:
        """Open a transaction that commits at the end of the block, or not at all; raise when the lease is lost."""
        ...
