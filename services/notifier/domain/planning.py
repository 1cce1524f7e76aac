"""From news to ledger entries: what is told of it, to whom, when, and what holds it back until then."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from services.notifier.domain.addressees import Addressees, Reach
from services.notifier.domain.alerts import AlertAction, Step
from services.notifier.domain.audit import AuditLine, routing_lines
from services.notifier.domain.chains import Chains
from services.notifier.domain.course import Course, units_told
from services.notifier.domain.due import Due, DueTimes, Hold
from services.notifier.domain.ledger import Entry, HeldFor
from services.notifier.domain.policy import Windows
from services.notifier.domain.silences import Silence, silenced_until
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Cause, Channel, NodeKind, NoticeKind, Role, Timing, VerdictStatus
from shared.contracts.wire import VerdictChanged

# What an entry is about: its fields from `subject` to `sequence`, in their order.
News = tuple[str, NoticeKind, str | None, str, str, str, dt.date, Cause, int]
_UNIT: Final = 3
_NODE: Final = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write of some news, and how many of them have no lead unit in the dispatch.

    `unheard` are the alerts that have ended and whose end is not told to everybody who is told of a beginning.
    """

    entries: list[Entry]
    no_lead: int
    courses: list[Course] = field(default_factory=list)
    audit: list[AuditLine] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans notifications by one catalog."""

    catalog: Catalog
    windows: Windows
    addressees: Addressees = field(init=False)
    calendar: WorkingCalendar = field(init=False)
    times: DueTimes = field(init=False)
    chains: Chains = field(init=False)

    def __post_init__(self) -> None:
        calendar = WorkingCalendar(self.catalog.policies.calendar)
        object.__setattr__(self, "addressees", Addressees(self.catalog))
        object.__setattr__(self, "calendar", calendar)
        object.__setattr__(self, "times", DueTimes(self.catalog.policies, calendar))
        object.__setattr__(self, "chains", Chains(self.catalog, calendar))

    def plan(
        self,
        steps: Sequence[Step],
        rollups: Iterable[VerdictChanged],
        now: dt.datetime,
        silences: Sequence[Silence] = (),
        escalated: Sequence[Course] = (),
    ) -> Plan:
        """Return what to write of what happened to alerts and to the health parts of standards, at the moment `now`.

        `escalated` are the courses, of alerts that end here, of which something was told already.
        """
        moment = Moment(self.times, now, silences, dt.timedelta(hours=self.catalog.policies.flapping.calm_hours))
        entries: list[Entry] = []
        no_lead = 0
        for step in steps:
            if step.notice is not None and step.notice is not NoticeKind.CLOSED:
                no_lead += self._tell(step, step.notice, moment, entries)
        plainly = self._tell_plainly(steps, moment, entries)
        entries += self._tell_above(steps, escalated, moment)
        for change in rollups:
            if is_announced(change):
                self._tell_rollup(change, moment, entries)
        quietly = self.catalog.policies.has_unheard_ends
        unheard = [step.alert.id for step in steps if quietly and step.action is AlertAction.RESOLVED]
        audit = routing_lines([*steps, *plainly], entries, now, self.catalog.digest)
        return Plan(entries, no_lead, self.chains.open_courses(steps, now), audit, unheard)

    def _tell(self, step: Step, notice: NoticeKind, moment: "Moment", entries: list[Entry]) -> bool:
        """Add the entries for one step; return whether the dispatch names no lead for it."""
        alert, key = step.alert, step.alert.key
        reached = self.addressees.of(key.unit, key.node, key.cell, step.as_of, notice)
        wait = self.windows.wait_for(notice, alert.opened_as)
        entries += moment.entries(_news_of(step, notice), reached.places, wait, calms_down=step.is_held_for_calm)
        return reached.lacks_lead

    def _tell_plainly(self, steps: Iterable[Step], moment: "Moment", entries: list[Entry]) -> list[Step]:
        """Add what those hear, once it is calm, who are not told that an alert flaps; return the steps told so."""
        plainly = []
        for step in steps:
            if step.notice is NoticeKind.FLAPPING:
                notice = NoticeKind.DATA_LOST if step.action is AlertAction.DATA_LOST else NoticeKind.OPENED
                plain = msgspec.structs.replace(step, notice=notice)
                asked = (step.alert.key.unit, step.alert.key.node, step.alert.key.cell, step.as_of)
                told = {_who(place) for place in self.addressees.of(*asked, NoticeKind.FLAPPING).places}
                others = [place for place in self.addressees.of(*asked, notice).places if _who(place) not in told]
                wait = self.windows.wait_for(notice, step.alert.opened_as)
                entries += moment.entries(_news_of(plain, notice), others, wait, calms_down=True)
                plainly += [plain] if others else []
        return plainly

    def _tell_above(self, steps: Sequence[Step], escalated: Sequence[Course], moment: "Moment") -> Iterator[Entry]:
        """Yield the good news for the units above to which an alert was reported before it was resolved."""
        timing = self.catalog.policies.timing(Role.SUPERIOR, NoticeKind.RESOLVED, unowned=False)
        told = {course.alert_id: units_told(course) for course in escalated}
        if timing is None or not any(told.values()):
            return
        for step in steps:
            if step.notice is NoticeKind.RESOLVED:
                for unit in told.get(step.alert.id, ()):
                    places = self.addressees.of_superior(unit, step.alert.key.unit, step.as_of)
                    wait = self.windows.wait_for(step.notice, step.alert.opened_as)
                    later = (place._replace(timing=timing) for place in places)
                    yield from moment.entries(_news_of(step, step.notice), later, wait)

    def _tell_rollup(self, change: VerdictChanged, moment: "Moment", entries: list[Entry]) -> None:
        reached = self.addressees.of(change.unit, None, "", change.as_of, NoticeKind.ROLLUP)
        subject = f"rollup:{change.unit}:{change.node}:{change.sequence}"
        place = (change.unit, change.node, "", change.as_of, change.cause, change.sequence)
        wait = self.windows.wait_for(NoticeKind.ROLLUP, None)
        entries += moment.entries((subject, NoticeKind.ROLLUP, None, *place), reached.places, wait)


class Moment:
    """Due times at one moment, under the silences of that moment; each question is answered once."""

    def __init__(self, times: DueTimes, now: dt.datetime, silences: Sequence[Silence], calm: dt.timedelta) -> None:
        self._times = times
        self._now = now
        self._silences = silences if any(silence.is_active(now) for silence in silences) else ()
        self._calm = Hold(now + calm, HeldFor.FLAPPING)
        self._found: dict[tuple[Timing, str, float, bool, dt.datetime | None], Due] = {}

    def entries(
        self, news: News, places: Iterable[Reach], wait_seconds: float, *, calms_down: bool = False
    ) -> Iterator[Entry]:
        """Yield an entry for each place that is told the news; that of an alert that calms down waits for that."""
        for place in places:
            due = self.due(place, news[_UNIT], news[_NODE], wait_seconds, calms_down=calms_down)
            fields = (*news, due.wait_seconds, *place.addressee, due.held_for)
            yield Entry(*fields)

    def due(self, place: Reach, unit: str, node: str, wait_seconds: float, *, calms_down: bool = False) -> Due:
        """Return when a place is told of a node of a unit, not before `wait_seconds` from now."""
        addressee, timing, hours = place
        silent = None
        if self._silences:
            silent = silenced_until(self._silences, unit, node, addressee.responsible_unit, self._now)
        asked = (timing, hours, wait_seconds, calms_down, silent)
        found = self._found.get(asked)
        if found is None:
            holds = [self._calm] if calms_down else []
            holds += [Hold(silent, HeldFor.SILENCE)] if silent is not None else []
            found = self._found[asked] = self._times.due(timing, hours, self._now, wait_seconds, holds)
        return found


def _news_of(step: Step, notice: NoticeKind) -> News:
    alert, key = step.alert, step.alert.key
    return (step.subject, notice, alert.id, key.unit, key.node, key.cell, step.as_of, step.cause, 0)


def _who(place: Reach) -> tuple[str, Role, Channel | None, str]:
    found = place.addressee
    return found.responsible_unit, found.role, found.channel, found.address


def is_announced(change: VerdictChanged) -> bool:
    """Return whether a roll-up change is told: the health part of a standard becomes met, or stops being met."""
    return change.node_kind is NodeKind.STANDARD and (
        (change.from_status is VerdictStatus.MET) is not (change.to_status is VerdictStatus.MET)
    )
