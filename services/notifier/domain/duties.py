"""Periodic duties of a dispatch that names no period: which ones an addressee is to be reminded of at a moment."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from services.notifier.domain.addressees import places_of
from services.notifier.domain.due import DueTimes
from services.notifier.domain.ledger import Entry, LedgerStatus, UnroutableReason
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.office_hours import at_time
from services.notifier.domain.route import addresses_for
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.catalog.policies import ALWAYS, DutyPolicy
from shared.contracts.vocabulary import Cause, NoticeKind, Role

_AT = dt.time(8, 0)
# A reminder that an outage has held up longer than this is left to the next month.
_LATEST = dt.timedelta(days=20)


@dataclass(frozen=True, slots=True)
class DueDuty:
    """A duty that is due; `month` is the first day of the month that it is due for, `due_at` when it is reminded of."""

    policy: DutyPolicy
    month: dt.date
    due_at: dt.datetime

    @property
    def subject(self) -> str:
        """What the ledger entries are about: each occurrence once."""
        policy = self.policy
        return f"duty:{policy.dispatch}:{policy.unit}:{policy.clause}:{self.month:%Y-%m}"


def due_duties(catalog: Catalog, calendar: WorkingCalendar, now: dt.datetime) -> list[DueDuty]:
    """Return the newest occurrence of each duty that is due, by a dispatch that is in force on its day.

    On its day, or on the next working day when that is a day off.
    """
    found: list[DueDuty] = []
    for policy in catalog.policies.duties:
        due = next(each for each in _backwards(policy, calendar, now) if each.due_at <= now)
        dispatch = catalog.dispatch_by_id.get(policy.dispatch)
        if dispatch is not None and dispatch.in_force(due.due_at.date()) and now - due.due_at <= _LATEST:
            found.append(due)
    return found


def duty_entries(catalog: Catalog, times: DueTimes, due: DueDuty, now: dt.datetime) -> list[Entry]:
    """Return the ledger entries that remind the unit, or the one that has its duties now, of a duty; empty: nobody."""
    policy = due.policy
    dispatch = catalog.dispatch_by_id[policy.dispatch]
    day = due.due_at.date()
    holder = dispatch.holder(policy.unit, day)
    timing = catalog.policies.timing(Role.DATA, NoticeKind.DUTY, unowned=False)
    if holder is None or timing is None:
        return []
    unit = dispatch.scope[0]
    news = (due.subject, NoticeKind.DUTY, None, unit, "", "", day, Cause.CLOCK, 0)
    places = places_of(catalog, dispatch.id, holder.id, unit)
    address = addresses_for(catalog, dispatch.id, holder.id, unit)
    wait = times.due(timing, address.hours if address else ALWAYS, now, 0)
    told = (holder.id, Role.DATA)
    if not places:
        nobody = (LedgerStatus.UNROUTABLE, UnroutableReason.NO_ADDRESS)
        return [Entry(*news, 0, *told, None, "", dispatch.id, (policy.clause,), None, (), *nobody)]
    return [
        Entry(*news, wait.wait_seconds, *told, channel, place, dispatch.id, (policy.clause,), held_for=wait.held_for)
        for channel, place in places
    ]


def _backwards(policy: DutyPolicy, calendar: WorkingCalendar, now: dt.datetime) -> Iterator[DueDuty]:
    """Yield the occurrences of a duty from this month back; months are counted from January."""
    today = now.astimezone(VIET_NAM).date()
    months = today.year * 12 + today.month - 1
    while True:
        if months % 12 % policy.every_months == 0:
            year, month = divmod(months, 12)
            day = calendar.next_working_day(dt.date(year, month + 1, policy.on_day))
            yield DueDuty(policy, dt.date(year, month + 1, 1), at_time(day, _AT))
        months -= 1
