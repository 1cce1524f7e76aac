"""What is sent by the calendar: consolidated reports, also when nothing happened, and reminders of periodic duties."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import msgspec

from services.notifier.domain.addressees import Addressees, places_of
from services.notifier.domain.audit import AuditKind, AuditLine
from services.notifier.domain.consolidated import (
    Receiver,
    build_report,
    receivers_of,
    report_id,
    span_under,
    units_under,
)
from services.notifier.domain.dossiers import DueDossier, dossier_entries, due_dossiers
from services.notifier.domain.due import DueTimes
from services.notifier.domain.duties import DueDuty, due_duties, duty_entries
from services.notifier.domain.ledger import Entry, LedgerStatus, UnroutableReason
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.ports import ReportStore
from services.notifier.domain.report_content import MadeReport, Report, TrailLine
from services.notifier.domain.report_periods import DueReport, Span, due_reports
from services.notifier.domain.report_views import MOST_OPEN
from services.notifier.domain.route import addresses_for
from services.notifier.domain.working_calendar import WorkingCalendar
from services.notifier.metrics import NotifierMetrics
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch
from shared.catalog.policies import ALWAYS
from shared.contracts.vocabulary import Cause, Channel, NoticeKind, ReportPeriod
from shared.runtime.clock import Clock

WriteWorkbook = Callable[[Catalog, Report, Sequence[TrailLine]], bytes]


class ReportMaker:
    """Makes the report of a period for a dispatch, without telling anybody."""

    def __init__(self, store: ReportStore, catalog: Catalog, write_workbook: WriteWorkbook) -> None:
        self._store = store
        self._catalog = catalog
        self._write_workbook = write_workbook

    async def make(
        self, dispatch: OfficialDispatch, period: ReportPeriod, span: Span, now: dt.datetime, missed: Span | None = None
    ) -> tuple[Report, bytes]:
        """Return the whole report and its workbook."""
        units = units_under(self._catalog, dispatch, span.last_day)
        material = await self._store.material(units, span)
        material = replace(material, missed=missed)
        report = await asyncio.to_thread(build_report, self._catalog, dispatch, period, span, material, now)
        trail = await self._store.trail([line.alert_id for line in report.alerts])
        return report, await asyncio.to_thread(self._write_workbook, self._catalog, report, trail)


class ReportKeeper:
    """Makes what is due by the calendar, each once however many replicas try.

    `tell_due` is told in how many seconds ledger entries will be due.
    """

    def __init__(
        self,
        store: ReportStore,
        maker: ReportMaker,
        catalog: Catalog,
        metrics: NotifierMetrics,
        clock: Clock,
        *,
        tell_due: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._store = store
        self._maker = maker
        self._catalog = catalog
        self._metrics = metrics
        self._clock = clock
        self._tell_due = tell_due
        self._calendar = WorkingCalendar(catalog.policies.calendar)
        self._times = DueTimes(catalog.policies, self._calendar)
        self._addressees = Addressees(catalog)
        self._done: set[str] = set()
        self._since: dt.datetime | None = None

    async def keep_due(self) -> int:
        """Make the reports and reminders that are due and not made yet; return how many."""
        now = self._clock.now()
        made = 0
        for duty in due_duties(self._catalog, self._calendar, now):
            made += await self._remind(duty, now)
        for dossier in due_dossiers(self._catalog, self._calendar, now):
            made += await self._announce(dossier, now)
        # Asked until it is known: it never changes, and it takes a look at everything.
        since = self._since = self._since or await self._store.known_since()
        if since is None:
            return made
        for due in due_reports(self._catalog.policies.reports, self._calendar, now):
            if due.span.ends > since:  # else it is of a time of which nobody knows anything
                for dispatch in self._catalog.dispatches:
                    span = span_under(dispatch, due.span)
                    if span is not None:
                        made += await self._report(dispatch, replace(due, span=span), now)
        return made

    async def _remind(self, duty: DueDuty, now: dt.datetime) -> bool:
        if duty.subject in self._done:
            return False
        entries = duty_entries(self._catalog, self._times, duty, now)
        made = bool(entries) and await self._store.remind(entries, [_reminded(duty, entries)])
        self._done.add(duty.subject)
        if made:
            self._told(entries)
        return made

    async def _announce(self, dossier: DueDossier, now: dt.datetime) -> bool:
        if dossier.subject in self._done:
            return False
        entries = dossier_entries(self._catalog, self._addressees, self._times, dossier, now)
        made = bool(entries) and await self._store.remind(entries, [_announced(dossier, entries)])
        self._done.add(dossier.subject)
        if made:
            self._told(entries)
        return made

    async def _report(self, dispatch: OfficialDispatch, due: DueReport, now: dt.datetime) -> int:
        today = now.astimezone(VIET_NAM).date()
        units: dict[str, list[Receiver]] = {}
        for receiver in receivers_of(self._catalog, dispatch, due.policy.roles, today):
            units.setdefault(receiver.unit, []).append(receiver)
        period, start = due.policy.period, due.span.start
        ids = {report_id(dispatch.id, unit, period, start): unit for unit in units}
        asked = sorted(set(ids) - self._done)
        if not asked:
            return 0
        self._done |= await self._store.standing(asked)
        missing = [each for each in asked if each not in self._done]
        if not missing:
            return 0
        last = await self._store.last_end(dispatch.id, ids[missing[0]], period, start)
        missed = Span(last, start) if last is not None and last < start else None
        report, workbook = await self._maker.make(dispatch, period, due.span, now, missed)
        made = 0
        places: set[tuple[Channel, str]] = set()
        for found in missing:
            entries = list(self._entries(found, dispatch, report, units[ids[found]], places, now))
            name = f"bao-cao-{dispatch.id}-{period}-{start}.xlsx"
            document = MadeReport(found, ids[found], report.shortened(MOST_OPEN), name, workbook)
            saved = await self._store.save(document, entries, [_reported(document, entries)])
            self._done.add(found)
            if saved:
                made += 1
                self._told(entries)
        self._metrics.reports.labels(period).inc(made)
        return made

    def _entries(
        self,
        subject: str,
        dispatch: OfficialDispatch,
        report: Report,
        receivers: Iterable[Receiver],
        told: set[tuple[Channel, str]],
        now: dt.datetime,
    ) -> Iterator[Entry]:
        """Yield the ledger entries of one report; an address that another unit shares with it gets it once."""
        unit = dispatch.scope[0]
        news = (subject, NoticeKind.REPORT, None, unit, "", "", report.end - dt.timedelta(days=1), Cause.CLOCK, 0)
        mine: set[tuple[Channel, str]] = set()
        for receiver in receivers:
            timing = self._catalog.policies.timing(receiver.role, NoticeKind.REPORT, unowned=False)
            if timing is None:
                continue
            places = places_of(self._catalog, dispatch.id, receiver.unit, unit)
            address = addresses_for(self._catalog, dispatch.id, receiver.unit, unit)
            due = self._times.due(timing, address.hours if address else ALWAYS, now, 0)
            who = (receiver.unit, receiver.role)
            if not places:
                nobody = (LedgerStatus.UNROUTABLE, UnroutableReason.NO_ADDRESS)
                yield Entry(*news, 0, *who, None, "", dispatch.id, receiver.clauses, None, (), *nobody)
            for place in places:
                if place not in told:
                    mine.add(place)
                    yield Entry(
                        *news, due.wait_seconds, *who, *place, dispatch.id, receiver.clauses, held_for=due.held_for
                    )
        told |= mine

    def _told(self, entries: Iterable[Entry]) -> None:
        for seconds in {entry.wait_seconds for entry in entries if entry.status is LedgerStatus.WAITING}:
            self._tell_due(seconds)


def _reported(made: MadeReport, entries: Sequence[Entry]) -> AuditLine:
    report = made.report
    details = {
        "subject": made.id,
        "unit": made.unit,
        "period": report.period,
        "start": report.start,
        "end": report.end,
        "figures": report.figures,
        "file": made.file_name,
        "sha256": hashlib.sha256(made.workbook).hexdigest(),
        "head": report.audit_head,
        "addresses": _addresses(entries),
    }
    return AuditLine(AuditKind.REPORTED, msgspec.json.encode(details).decode())


def _reminded(duty: DueDuty, entries: Sequence[Entry]) -> AuditLine:
    details = {
        "subject": duty.subject,
        "dispatch": duty.policy.dispatch,
        "unit": duty.policy.unit,
        "clause": duty.policy.clause,
        "addresses": _addresses(entries),
    }
    return AuditLine(AuditKind.REMINDED, msgspec.json.encode(details).decode())


def _announced(dossier: DueDossier, entries: Sequence[Entry]) -> AuditLine:
    details = {
        "subject": dossier.subject,
        "unit": dossier.unit.id,
        "standard": dossier.phase.standard,
        "source": dossier.phase.source,
        "addresses": _addresses(entries),
    }
    return AuditLine(AuditKind.REMINDED, msgspec.json.encode(details).decode())


def _addresses(entries: Sequence[Entry]) -> list[str]:
    return sorted({entry.address for entry in entries if entry.address})
