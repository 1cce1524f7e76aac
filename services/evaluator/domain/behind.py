"""Facts written behind: the newest report of every fact that the store does not have yet, gathered by unit.

Pure bookkeeping. Reports gather until there are enough of them; then all that has gathered is closed and written page
by page, a page being reports of one unit, while the next reports gather apart. The store keeps the messages that
reports came in as a redo log: those of what was closed may be forgotten once the last of its pages is written.
"""

import datetime as dt
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from shared.contracts.vocabulary import Part
from shared.contracts.wire import IndicatorReported

DirtyKey: TypeAlias = tuple[str, str, dt.date, dt.date, str]
"""(indicator, cell, last day, first day, part or "" for the whole measure) of a unit."""

Page: TypeAlias = Sequence[IndicatorReported]
"""Newest reports of facts of one unit, written together."""

# Reports that the redo log may hold for each fact that may wait: many reports of few facts need a bound of their own.
_KEPT_REPORTS_PER_FACT = 4
# Looked up once: in Python 3.11 a member of an enum costs ten times what a global does.
_MEASURE = Part.MEASURE


@dataclass(frozen=True, slots=True)
class BehindLimits:
    """How far the store may be behind: in facts, and in seconds since the oldest of them was reported.

    What waits is written about `chunk` facts at a time, and all of it once no report has come for `idle_seconds`.
    """

    facts: int = 50_000
    seconds: float = 10.0
    chunk: int = 2_000
    idle_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Pages to be written together, in the order of their units, and messages that nobody needs any more after that."""

    pages: Sequence[Page]
    messages: Sequence[str]

    @property
    def facts(self) -> int:
        """How many facts the pages hold."""
        return sum(map(len, self.pages))


@dataclass(slots=True)
class _Gathered:
    """The newest reports of one stretch of time by unit and fact, and the messages that all reports of it came in."""

    by_unit: dict[str, dict[DirtyKey, IndicatorReported]] = field(default_factory=dict)
    facts: int = 0
    messages: list[str] = field(default_factory=list)
    reports: int = 0
    since: float = 0.0


@dataclass(slots=True)
class _Closed:
    """What is being written: the pages and the messages that are left of it."""

    pages: deque[Page] = field(default_factory=deque)
    facts: int = 0
    messages: deque[str] = field(default_factory=deque)
    reports: int = 0
    since: float = 0.0


class Behind:
    """The facts that are still to be written, and the messages that hold them meanwhile."""

    def __init__(self, limits: BehindLimits | None = None) -> None:
        self._limits = limits or BehindLimits()
        self._gathered = _Gathered()
        self._closed = _Closed()
        self._kept: set[str] = set()

    def __len__(self) -> int:
        """Return how many facts are still to be written."""
        return self._gathered.facts + self._closed.facts

    def __contains__(self, message: str) -> bool:
        """Tell whether a message is kept, and therefore handled."""
        return message in self._kept

    @property
    def is_empty(self) -> bool:
        """Tell whether the store has everything and no message is kept."""
        return not (self._gathered.messages or self._closed.messages or len(self))

    @property
    def is_over(self) -> bool:
        """Tell whether the store is too many facts behind, or its redo log too long."""
        limit, reports = self._limits.facts, self._gathered.reports + self._closed.reports
        return len(self) > limit or reports > limit * _KEPT_REPORTS_PER_FACT

    def is_idle(self, at: float, last_step: float) -> bool:
        """Tell whether no step has come for a while."""
        return at - last_step > self._limits.idle_seconds

    def is_due(self, at: float, last_step: float) -> bool:
        """Tell whether something should be written: all when no step has come for a while, else what is too old."""
        if self.is_empty:
            return False
        oldest = self._closed.since if self._closed.messages else self._gathered.since
        return self.is_idle(at, last_step) or at - oldest > self._limits.seconds

    def add(self, messages: Sequence[str], reports: Sequence[IndicatorReported], at: float) -> None:
        """Take in the reports of one step; of two of one fact the newest by (observed_at, seq) stays."""
        gathered = self._gathered
        by_unit, measure, facts = gathered.by_unit, _MEASURE, 0
        for report in reports:
            of_unit = by_unit.get(report.unit)
            if of_unit is None:
                of_unit = by_unit[report.unit] = {}
            part = "" if report.part is measure else report.part  # the hash of an enum is a call of its own
            key = (report.indicator, report.cell, report.period_end, report.period_start, part)
            known = of_unit.setdefault(key, report)
            if known is report:
                facts += 1
                continue
            ours, theirs = report.observed_at, known.observed_at
            if theirs < ours or (theirs == ours and known.seq < report.seq):
                of_unit[key] = report
        if not gathered.messages:
            gathered.since = at
        gathered.facts += facts
        gathered.messages.extend(messages)
        gathered.reports += len(reports)
        self._kept.update(messages)

    def next(self) -> Chunk:
        """Return what is to be written next; it stays the next until it is `written`."""
        closed = self._closed
        if not closed.messages and not closed.pages:
            closed = self._closed = self._close()
        pages: list[Page] = []
        left = self._limits.chunk
        for page in closed.pages:
            pages.append(page)
            left -= len(page)
            if left <= 0:
                break
        free = closed.messages if len(pages) == len(closed.pages) else ()
        return Chunk(pages, list(islice(free, self._limits.chunk)))

    def _close(self) -> _Closed:
        """Close what has gathered: its pages stand in the order of their units."""
        gathered, self._gathered = self._gathered, _Gathered()
        most, pages = self._limits.chunk, deque[Page]()
        for _, facts in sorted(gathered.by_unit.items()):
            page = list(facts.values())
            pages.extend([page] if len(page) <= most else (page[at : at + most] for at in range(0, len(page), most)))
        return _Closed(pages, gathered.facts, deque(gathered.messages), gathered.reports, gathered.since)

    def written(self, chunk: Chunk) -> None:
        """Drop a chunk that has been written."""
        closed = self._closed
        for page in chunk.pages:
            closed.pages.popleft()
            closed.facts -= len(page)
        for message in chunk.messages:
            closed.messages.popleft()
            self._kept.discard(message)
        if not closed.messages:
            closed.reports = 0

    def of(self, wanted: Iterable[tuple[str, str, str]]) -> list[IndicatorReported]:
        """Return the unwritten reports of the given (unit, indicator, cell)."""
        cells = set(wanted)
        units = {unit for unit, _, _ in cells}
        pages = [page for page in self._closed.pages if page[0].unit in units]
        pages += [list(self._gathered.by_unit[unit].values()) for unit in units & self._gathered.by_unit.keys()]
        return [report for page in pages for report in page if (report.unit, report.indicator, report.cell) in cells]
