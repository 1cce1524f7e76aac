"""Restoring: which of the stored reports a new writer needs, without holding all of them at once."""

from collections.abc import Iterable
from typing import TypeAlias

from services.evaluator.domain.facts import is_plain
from shared.contracts.vocabulary import Part
from shared.contracts.wire import IndicatorReported

_Cell: TypeAlias = tuple[str, str, str]
"""(unit, indicator, cell)."""

# Looked up once: in Python 3.11 a member of an enum costs ten times what a global does.
MEASURE = Part.MEASURE


class Newest:
    """The reports that count for a start: of plain cells those of the newest period, of windowed indicators all.

    Where a half or a deletion plays, the cell is `special`: all its reports count, and are to be read again.
    """

    def __init__(self, windowed: Iterable[str]) -> None:
        self._windowed = frozenset(windowed)
        self._all: list[IndicatorReported] = []
        self._newest: dict[tuple[_Cell, str], IndicatorReported] = {}
        self.special: set[_Cell] = set()

    def add(self, reports: Iterable[IndicatorReported]) -> None:
        """Take stored reports in."""
        self.note(reports)
        newest = self._newest
        for report in reports:
            if report.indicator in self._windowed:
                self._all.append(report)
                continue
            part = "" if report.part is MEASURE else report.part  # the hash of an enum is a call of its own
            key = ((report.unit, report.indicator, report.cell), part)
            known = newest.setdefault(key, report)
            if known is not report and _order(known) < _order(report):
                newest[key] = report

    def note(self, reports: Iterable[IndicatorReported]) -> None:
        """Find the special cells of reports that are known otherwise."""
        self.special.update((r.unit, r.indicator, r.cell) for r in reports if not is_plain(r))

    def reports(self) -> list[IndicatorReported]:
        """Return the reports that count, but for those of special cells."""
        return [*self._all, *self._newest.values()]


def _order(report: IndicatorReported) -> tuple[object, ...]:
    return report.period_end, report.period_start, report.observed_at, report.seq
