"""Dossiers that come to their appraisal: whom to tell, once, when the phase of a commune begins (policies.yaml)."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from services.notifier.domain.addressees import Addressee, Addressees
from services.notifier.domain.due import Due, DueTimes
from services.notifier.domain.ledger import Entry, LedgerStatus
from services.notifier.domain.office_hours import at_time
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.catalog.policies import CommunePhase
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Cause, NoticeKind, Phase, Sector

_AT = dt.time(8, 0)
# Of a phase that began longer ago nobody is told as if it were news.
_LATEST = dt.timedelta(days=20)


@dataclass(frozen=True, slots=True)
class DueDossier:
    """The dossier of a unit for a standard, whose appraisal has begun; `due_at` is when its units are told."""

    phase: CommunePhase
    unit: AdminUnit
    due_at: dt.datetime

    @property
    def subject(self) -> str:
        """What the ledger entries are about: the beginning of each phase once."""
        return f"dossier:{self.unit.id}:{self.phase.standard}:{self.phase.effective_from}"


def due_dossiers(catalog: Catalog, calendar: WorkingCalendar, now: dt.datetime) -> list[DueDossier]:
    """Return the dossiers whose appraisal has begun of late: on its first day, or the next working day."""
    found: list[DueDossier] = []
    for phase in catalog.policies.phases:
        if phase.phase is not Phase.APPRAISAL or phase.effective_from is None:
            continue
        due_at = at_time(calendar.next_working_day(phase.effective_from), _AT)
        if due_at <= now <= due_at + _LATEST:
            found += [DueDossier(phase, unit, due_at) for unit in _units(catalog, phase, due_at.date())]
    return found


def dossier_entries(
    catalog: Catalog, addressees: Addressees, times: DueTimes, due: DueDossier, now: dt.datetime
) -> list[Entry]:
    """Return the ledger entries that tell of a dossier, one for each unit, role and address; empty: nobody is told.

    Told are those who have a duty for any chỉ tiêu of the standard and whose role policy tells dossiers.
    """
    unit, standard, day = due.unit, due.phase.standard, due.due_at.date()
    told: dict[Addressee, tuple[Due, dict[str, None]]] = {}
    for node, cell in _cells(catalog, standard, day):
        for addressee, timing, hours in addressees.of(unit.id, node, cell, day, NoticeKind.DOSSIER).places:
            if addressee.status is LedgerStatus.WAITING:
                place = addressee._replace(clauses=(), gap_vi=None, no_address_units=())
                _, clauses = told.setdefault(place, (times.due(timing, hours, now, 0), {}))
                clauses.update(dict.fromkeys(addressee.clauses))
    news = (due.subject, NoticeKind.DOSSIER, None, unit.id, standard, "", day, Cause.CLOCK, 0)
    return [
        Entry(
            *news,
            wait.wait_seconds,
            responsible_unit=place.responsible_unit,
            role=place.role,
            channel=place.channel,
            address=place.address,
            dispatch=place.dispatch,
            clauses=tuple(clauses),
            held_for=wait.held_for,
        )
        for place, (wait, clauses) in told.items()
    ]


def _units(catalog: Catalog, phase: CommunePhase, on: dt.date) -> Iterator[AdminUnit]:
    """Yield the units of a phase: the named one, or those under it of the level that the standard judges."""
    level = catalog.standard_by_id[phase.standard].level
    for unit in catalog.units:
        is_judged = unit.level is level and unit.in_force(on)
        if is_judged and phase.unit in (unit.id, *(above.id for above in catalog.ancestors(unit))):
            yield unit


def _cells(catalog: Catalog, standard: str, on: dt.date) -> Iterator[tuple[str, str]]:
    """Yield every chỉ tiêu of a standard, once for each sector where it is counted by sector."""
    for rule in catalog.rules_in_force(on):
        if rule.standard == standard:
            by_sector = catalog.indicator_by_key[rule.indicator].by == "sector"
            yield from ((rule.node, cell) for cell in (Sector if by_sector else ("",)))
