"""What a silence does to notifications that wait already: when each of them is due when it begins, and when it ends."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.notifier.domain.due import Due, DueTimes
from services.notifier.domain.ledger import HeldFor
from services.notifier.domain.route import addresses_for
from services.notifier.domain.silences import Silence, silenced_until
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.catalog.policies import ALWAYS, UNROUTED_UNIT
from shared.contracts.vocabulary import NoticeKind, Role, Timing


@dataclass(frozen=True, slots=True)
class WaitingEntry:
    """A ledger entry that waits. `due_in` counts seconds from now, `own_due_in` those that it would wait unsilenced.

    The latter is None when nobody knows, or no silence holds it; `unowned`: the dispatch names nobody who leads.
    `roles` are all in which the same news goes to its address: it leaves as soon as in any of them.
    """

    id: int
    kind: NoticeKind
    unit: str
    node: str
    responsible_unit: str
    roles: tuple[Role, ...]
    dispatch: str | None
    unowned: bool
    held_for: HeldFor | None
    due_in: float
    own_due_in: float | None


@dataclass(frozen=True, slots=True)
class Retimed:
    """When an entry is due now, in seconds from now, why it waits, and when it would be due without any silence."""

    id: int
    due_in: float
    held_for: HeldFor | None
    own_due_in: float | None


@dataclass(frozen=True, slots=True)
class Holding:
    """Times entries anew by one catalog."""

    catalog: Catalog
    _times: DueTimes = field(init=False)
    _hours: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        policies = self.catalog.policies
        object.__setattr__(self, "_times", DueTimes(policies, WorkingCalendar(policies.calendar)))

    def retimed(self, entries: Iterable[WaitingEntry], silences: Sequence[Silence], now: dt.datetime) -> list[Retimed]:
        """Return the entries whose time changes under the `silences` that hold at the moment `now`."""
        ends: dict[tuple[str, str, str], dt.datetime | None] = {}
        found = []
        for entry in entries:
            place = (entry.unit, entry.node, entry.responsible_unit)
            if place not in ends:
                ends[place] = silenced_until(silences, *place, now)
            retimed = self._retimed(entry, ends[place], now)
            if retimed is not None:
                found.append(retimed)
        return found

    def _retimed(self, entry: WaitingEntry, until: dt.datetime | None, now: dt.datetime) -> Retimed | None:
        was_silenced = entry.held_for is HeldFor.SILENCE
        own = (entry.own_due_in or 0.0) if was_silenced else entry.due_in
        # Its own time counts as it stands: what is told together with other news is due with that.
        silent_for = 0.0 if until is None else (until - now).total_seconds()
        if until is not None and silent_for > own:
            due = self._due(entry, now, silent_for)
            return Retimed(entry.id, due.wait_seconds, HeldFor.SILENCE, entry.own_due_in if was_silenced else own)
        if not was_silenced:
            return None
        due = self._due(entry, now, max(own, 0.0))
        return Retimed(entry.id, own if own > 0 else due.wait_seconds, due.held_for, None)

    def _due(self, entry: WaitingEntry, now: dt.datetime, wait_seconds: float) -> Due:
        return self._times.due(self._timing(entry), self._hours_of(entry), now, wait_seconds)

    def _timing(self, entry: WaitingEntry) -> Timing:
        policies = self.catalog.policies
        if entry.responsible_unit == UNROUTED_UNIT and policies.unrouted is not None:
            return policies.unrouted.timing
        timings = {policies.timing(role, entry.kind, unowned=entry.unowned) for role in entry.roles}
        return Timing.DIGEST if timings == {Timing.DIGEST} else Timing.IMMEDIATE

    def _hours_of(self, entry: WaitingEntry) -> str:
        asked = (entry.dispatch or "", entry.responsible_unit, entry.unit)
        if asked not in self._hours:
            self._hours[asked] = self._find_hours(*asked)
        return self._hours[asked]

    def _find_hours(self, dispatch: str, responsible_unit: str, unit: str) -> str:
        policies = self.catalog.policies
        address = addresses_for(self.catalog, dispatch, responsible_unit, unit)
        if address is not None:
            return address.hours
        if responsible_unit == UNROUTED_UNIT and policies.unrouted is not None:
            return policies.unrouted.hours
        return next((each.hours for each in policies.superiors if each.id == responsible_unit), ALWAYS)
