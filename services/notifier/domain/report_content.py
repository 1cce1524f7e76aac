"""What a consolidated report says, as values: its numbers, its alerts in words and numbers, its roll-up changes."""

import datetime as dt
from typing import Any

import msgspec

from shared.contracts.vocabulary import ReportPeriod


class Count(msgspec.Struct, frozen=True):
    """How many open alerts stand under a name."""

    name: str
    amount: int


class Figures(msgspec.Struct, frozen=True):
    """The report in numbers. All but the first three count what is open at the end of the period.

    What is open is `not_met`, `missing_data` or `at_risk`; of `missing_data`, `lost` was a breach until its data ended.
    """

    opened: int = 0
    resolved: int = 0
    closed: int = 0
    open: int = 0
    not_met: int = 0
    missing_data: int = 0
    lost: int = 0
    at_risk: int = 0
    overdue: int = 0
    acknowledged: int = 0
    escalated: int = 0
    flapping: int = 0
    no_lead: int = 0


class AlertLine(msgspec.Struct, frozen=True):
    """One alert of the report in words and numbers; `ended` is None while it is open."""

    alert_id: str
    place: str
    code: str
    name: str
    cell: str
    state: str
    opened: dt.datetime
    ended: dt.datetime | None
    occurrence: int
    requirement: str
    measured: str
    numerator: int | None
    denominator: int | None
    percent: float | None
    threshold: float | None
    gap: int | None
    figures_of: str
    lead: str
    overdue: bool
    acknowledged_by: str
    escalated: bool
    flapping: bool
    basis: str
    confidence: str

    @property
    def headline(self) -> str:
        """The alert in one line."""
        marks = [name for name, is_so in (("quá hạn", self.overdue), ("dao động", self.flapping)) if is_so]
        cell = f" ({self.cell})" if self.cell else ""
        ends = f" [{', '.join(marks)}]" if marks else ""
        return f"{self.place}: {self.code} {self.name}{cell} – {self.state}, {self.measured}{ends}; {self.lead}"


class Report(msgspec.Struct, frozen=True):
    """A consolidated report. `alerts` and `changes` may be cut to what a message shows; `figures` count all."""

    dispatch: str
    title: str
    period: ReportPeriod
    start: dt.date
    end: dt.date
    period_vi: str
    made_at: dt.datetime
    places: int
    figures: Figures
    by_indicator: tuple[Count, ...] = ()
    by_place: tuple[Count, ...] = ()
    alerts: tuple[AlertLine, ...] = ()
    changes: tuple[str, ...] = ()
    without_dispatch: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    audit_head: str | None = None

    @property
    def is_nil(self) -> bool:
        """Whether nothing happened in the period and nothing is open."""
        figures = self.figures
        return not (figures.opened or figures.resolved or figures.closed or figures.open or self.changes)

    def shortened(self, most: int) -> "Report":
        """Return the report with at most so many open alerts and changes, as a message tells them."""
        still = tuple(line for line in self.alerts if line.ended is None)
        return msgspec.structs.replace(self, alerts=still[:most], changes=self.changes[:most])


class MadeReport(msgspec.Struct, frozen=True):
    """A report for one responsible unit, shortened to what its message tells, and its workbook."""

    id: str
    unit: str
    report: Report
    file_name: str
    workbook: bytes


class TrailLine(msgspec.Struct, frozen=True):
    """One line of the audit of an alert, or of a message that told of it."""

    id: int
    at: dt.datetime
    kind: str
    alert_id: str
    delivery_id: str | None
    actor: str
    details: dict[str, Any]
