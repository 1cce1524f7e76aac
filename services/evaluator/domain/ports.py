"""What the evaluator needs from outside, as protocols: a store whose steps commit once or not at all."""

import datetime as dt
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from services.evaluator.domain.outcome import Outcome, StoredVerdict
from shared.catalog.catalog import Catalog
from shared.contracts.wire import IndicatorReported, VerdictChangedBatch


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of a partition when a writer takes it over; `rules` is the digest of the rules it obeys."""

    facts: Sequence[IndicatorReported]
    verdicts: dict[tuple[str, str], StoredVerdict]
    rollups: Sequence[tuple[str, str]]
    last_transition: int
    rules: str | None


class Step(Protocol):
    """One transaction of the writer."""

    async def load(self, windowed: Iterable[str]) -> Stored:
        """Return what the store holds: all facts of `windowed` indicators, of the others what `restore` needs."""
        ...

    async def claim(self, message_ids: Sequence[str]) -> frozenset[str]:
        """Take messages out of the mailbox; only the returned ones are still to be handled."""
        ...

    async def histories(self, wanted: Iterable[tuple[str, str, str]]) -> Sequence[IndicatorReported]:
        """Return every stored report of the given (unit, indicator, cell)."""
        ...

    async def save(self, outcome: Outcome) -> None:
        """Write facts, verdicts, transitions and roll-ups."""
        ...

    async def send(self, messages: Sequence[VerdictChangedBatch]) -> None:
        """Put messages into the mailbox; they are published after the commit."""
        ...

    async def mark(self, as_of: dt.date, catalog: Catalog, now: dt.datetime) -> None:
        """Note the day and the catalog that the verdicts now belong to."""
        ...


class VerdictStore(Protocol):
    """The writer's store, fenced by its lease."""

    def step(self) -> AbstractAsyncContextManager[Step]:
        """Open a transaction that commits at the end of the block, or not at all; raise when the lease is lost."""
        ...
