"""Facts written behind: the newest report of every fact that the store does not have yet, oldest debt first.

Pure bookkeeping. Each step adds its reports as one generation, together with the messages they came in; the store keeps
those messages as a redo log. A message may be forgotten once no fact that became dirty in its generation, or in an
earlier one, is still unwritten.
"""

import datetime as dt
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from shared.contracts.vocabulary import Part
from shared.contracts.wire import IndicatorReported

DirtyKey: TypeAlias = tuple[str, str, str, dt.date, dt.date, str]
"""(unit, indicator, cell, last day, first day, part or "" for the whole measure)."""

# Reports that the redo log may hold for each fact that may wait: many reports of few facts need a bound of their own.
_KEPT_REPORTS_PER_FACT = 4


@dataclass(frozen=True, slots=True)
class BehindLimits:
    """How far the store may be behind: in facts, and in seconds since the oldest of them was reported.

    What waits is written `chunk` facts at a time, and all of it once no report has come for `idle_seconds`.
    """

    facts: int = 50_000
    seconds: float = 10.0
    chunk: int = 2_000
    idle_seconds: float = 1.0


@dataclass(slots=True)
class _Generation:
    """One step: its messages, how many reports they hold, and how many facts it made dirty that still are."""

    messages: Sequence[str]
    reports: int
    facts: int
    at: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """Facts to be written together, sorted by key, and the messages that nobody needs any more once they are."""

    facts: Sequence[IndicatorReported]
    messages: Sequence[str]


class Behind:
    """The facts that are still to be written, in the order in which they became so."""

    def __init__(self, limits: BehindLimits | None = None) -> None:
        self._limits = limits or BehindLimits()
        # A newer report of a dirty fact takes the place of the older one, so that the order stays that of the debts.
        self._dirty: dict[DirtyKey, IndicatorReported] = {}
        self._generations: deque[_Generation] = deque()
        self._kept: set[str] = set()
        self._kept_reports = 0

    def __len__(self) -> int:
        """Return how many facts are still to be written."""
        return len(self._dirty)

    def __contains__(self, message: str) -> bool:
        """Tell whether a message is kept, and therefore handled."""
        return message in self._kept

    @property
    def is_empty(self) -> bool:
        """Tell whether the store has everything and no message is kept."""
        return not self._generations

    @property
    def is_over(self) -> bool:
        """Tell whether the store is too many facts behind, or its redo log too long."""
        limit = self._limits.facts
        return len(self._dirty) > limit or self._kept_reports > limit * _KEPT_REPORTS_PER_FACT

    def is_due(self, at: float, last_step: float) -> bool:
        """Tell whether something should be written: all when no step has come for a while, else what is too old."""
        if not self._generations:
            return False
        return at - last_step > self._limits.idle_seconds or at - self._generations[0].at > self._limits.seconds

    def add(self, messages: Sequence[str], reports: Sequence[IndicatorReported], at: float) -> None:
        """Take in the reports of one step; of two of one fact the newest by (observed_at, seq) stays."""
        dirty, measure, before = self._dirty, Part.MEASURE, len(self._dirty)
        for report in reports:
            part = "" if report.part is measure else report.part  # the hash of an enum is a call of its own
            key = (report.unit, report.indicator, report.cell, report.period_end, report.period_start, part)
            known = dirty.setdefault(key, report)
            if known is report:
                continue
            ours, theirs = report.observed_at, known.observed_at
            if theirs < ours or (theirs == ours and known.seq < report.seq):
                dirty[key] = report
        self._generations.append(_Generation(messages, len(reports), len(dirty) - before, at))
        self._kept.update(messages)
        self._kept_reports += len(reports)

    def oldest(self) -> Chunk:
        """Return the facts that have waited longest, and the messages they set free."""
        keys = sorted(islice(self._dirty, self._limits.chunk))  # one order of locks and of index pages
        free: list[str] = []
        left = len(keys)
        for generation in self._generations:
            left -= generation.facts
            if left < 0:
                break
            free.extend(generation.messages)
        return Chunk([self._dirty[key] for key in keys], free)

    def written(self, chunk: Chunk) -> None:
        """Drop the oldest facts: `chunk` has been written, and nothing was added since it was taken."""
        left = len(chunk.facts)
        for key in list(islice(self._dirty, left)):
            del self._dirty[key]
        self._kept.difference_update(chunk.messages)
        while self._generations and self._generations[0].facts <= left:
            generation = self._generations.popleft()
            left -= generation.facts
            self._kept_reports -= generation.reports
        if self._generations:
            self._generations[0].facts -= left

    def of(self, wanted: Iterable[tuple[str, str, str]]) -> list[IndicatorReported]:
        """Return the unwritten reports of the given (unit, indicator, cell)."""
        cells = set(wanted)
        return [report for key, report in self._dirty.items() if key[:3] in cells]
