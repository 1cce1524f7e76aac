"""Local policy (policies.yaml): who is told what and when, deadlines, reminders, escalation, office hours, reports.

No dispatch that we have read says any of this: it names duties, not days. All of it is the operator's to set, and
whatever it decides is shown as local policy ("quy định của địa phương"), never as something a dispatch orders.
"""

import datetime as dt
from functools import cached_property
from typing import Self

from pydantic import Field, model_validator

from shared.catalog.base import CatalogModel, ClockTime, Dated, OneLine
from shared.contracts.vocabulary import AlertKind, NoticeKind, Phase, ReportPeriod, Role, Timing

ALWAYS = "always"
# The id under which the ledger names those who are told what no dispatch routes.
UNROUTED_UNIT = "unrouted"
_BEGINNINGS = frozenset({NoticeKind.OPENED, NoticeKind.RULESET_CHANGE})
_IMMEDIATE_WHEN_UNOWNED = frozenset({Role.CONSOLIDATING, Role.DIRECTING})


class RolePolicy(CatalogModel):
    """What a role is told, and when. Kinds of news that `tells` does not name are not told to it."""

    role: Role
    tells: dict[NoticeKind, Timing]


def _at_once(role: Role, *more: NoticeKind) -> RolePolicy:
    kinds = (NoticeKind.OPENED, NoticeKind.RESOLVED, NoticeKind.RULESET_CHANGE, *more)
    return RolePolicy(role=role, tells=dict.fromkeys(kinds, Timing.IMMEDIATE))


_URGENT = (NoticeKind.DATA_LOST, NoticeKind.FLAPPING, NoticeKind.REMINDER, NoticeKind.ESCALATED)
# What holds in a catalog without policies.yaml: all that a role needs to know, at once. The appraising units are
# charged with the dossier, not with the daily state.
DEFAULT_ROLES = (
    _at_once(Role.LEAD, *_URGENT),
    _at_once(Role.DIRECTING, *_URGENT),
    _at_once(Role.COORDINATING),
    _at_once(Role.CONSOLIDATING, *_URGENT, NoticeKind.ROLLUP, NoticeKind.REPORT),
    _at_once(Role.IMPLEMENTING, *_URGENT),
    _at_once(Role.DATA, NoticeKind.DATA_LOST, NoticeKind.DUTY),
    RolePolicy(role=Role.APPRAISING, tells={NoticeKind.DOSSIER: Timing.IMMEDIATE}),
    RolePolicy(role=Role.SUPERIOR, tells={NoticeKind.ESCALATED: Timing.IMMEDIATE}),
)


class OfficeSpan(CatalogModel):
    """A span of a working day in which messages may arrive, Viet Nam time; `until` is not part of it."""

    since: ClockTime
    until: ClockTime

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.until <= self.since:
            raise ValueError(f"until ({self.until:%H:%M}) must be later than since ({self.since:%H:%M})")
        return self


class OfficeHours(CatalogModel):
    """When addressees that name this id may be written to: on working days, in these spans, in order."""

    id: str = Field(pattern=r"^[a-z0-9_]{1,60}$")
    spans: tuple[OfficeSpan, ...] = Field(min_length=1)


class DigestTime(CatalogModel):
    """When a digest leaves: at this time of every working day, or only on some of them (ISO: Monday is 1)."""

    at: ClockTime = dt.time(16, 0)
    weekdays: tuple[int, ...] = ()


class EscalationStep(CatalogModel):
    """After so many working days without a result, tell those who hold a role for the alert, or a unit of this file.

    `level_vi` names the level for the reader ("cấp tỉnh"); without it, that of the place of the dispatch for a role.
    """

    after_working_days: int = Field(ge=1, le=250)
    to_role: Role | None = None
    to_unit: str | None = None
    level_vi: OneLine | None = None

    @model_validator(mode="after")
    def _check_receiver(self) -> Self:
        if (self.to_role is None) is (self.to_unit is None):
            raise ValueError("give exactly one of to_role and to_unit")
        if self.to_unit is not None and self.level_vi is None:
            raise ValueError("a step to a unit of superiors needs level_vi, the word for its level: cấp tỉnh")
        return self


class EscalationPolicy(CatalogModel):
    """Deadlines of alerts of some kinds, for some indicators (empty: any), under some units (empty: any).

    The first policy of the file that fits an alert holds for it; it is written down with the alert when that opens.
    `acknowledge_within` counts from the opening; an acknowledgement holds for `acknowledged_for`, then the chain goes
    on. `remind_every` counts from the opening, at most `reminders` times. All are working days.
    """

    id: str = Field(pattern=r"^[a-z0-9_]{1,60}$")
    kinds: tuple[AlertKind, ...] = Field(default=(AlertKind.BREACH,), min_length=1)
    indicators: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    acknowledge_within: int | None = Field(default=None, ge=1, le=250)
    acknowledged_for: int | None = Field(default=None, ge=1, le=250)
    remind_every: int | None = Field(default=None, ge=1, le=250)
    reminders: int = Field(default=12, ge=1, le=100)
    steps: tuple[EscalationStep, ...] = ()


class SuperiorUnit(Dated):
    """A unit above the dispatches that escalation may name (Sở Y tế, BHXH khu vực), for the units of its scope."""

    id: str = Field(pattern=r"^[a-z0-9_]{1,60}$")
    name_vi: OneLine
    scope: tuple[str, ...] = Field(min_length=1)
    mail: tuple[str, ...] = ()
    webhook: str | None = None
    webhook_secret_file: str | None = None
    hours: str = ALWAYS


class Unrouted(CatalogModel):
    """Those who are told of news that reaches nobody by a dispatch (chưa có văn bản phân công): the operator's own."""

    name_vi: OneLine = "Đơn vị vận hành hệ thống"
    mail: tuple[str, ...] = Field(min_length=1)
    hours: str = ALWAYS
    timing: Timing = Timing.DIGEST


class AtRiskPolicy(CatalogModel):
    """When a met chỉ tiêu is at risk: within `margin` of its threshold, or within `watch` and falling towards it.

    Percentage points. Falling: another change as large as the last one would miss the target.
    """

    indicator: str
    margin: float = Field(ge=0, le=100)
    watch: float = Field(ge=0, le=100)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.watch < self.margin:
            raise ValueError(f"watch ({self.watch:g}) must not be smaller than margin ({self.margin:g})")
        return self


class SilencePolicy(CatalogModel):
    """After how many days without a newer report figures of an indicator no longer count (mất dữ liệu)."""

    indicator: str
    stale_after_days: int = Field(ge=1, le=3_650)


class FlappingPolicy(CatalogModel):
    """An alert that opens `openings` times within `within_days` is flapping, until it has stayed for `calm_hours`."""

    openings: int = Field(default=3, ge=2, le=100)
    within_days: int = Field(default=30, ge=1, le=365)
    calm_hours: int = Field(default=24, ge=1, le=720)


class ReportPolicy(CatalogModel):
    """A consolidated report for the consolidating units: on the first working day after its period, at a time."""

    period: ReportPeriod
    at: ClockTime = dt.time(8, 0)
    roles: tuple[Role, ...] = Field(default=(Role.CONSOLIDATING,), min_length=1)


class DutyPolicy(CatalogModel):
    """A periodic duty of a dispatch that names no period: reminded on a day of every so many months."""

    dispatch: str
    unit: str
    clause: str
    every_months: int = Field(ge=1, le=12)
    on_day: int = Field(ge=1, le=28)
    what_vi: OneLine


class CommunePhase(Dated):
    """The phase of a commune's dossier for a standard; without one it is in the implementation phase."""

    unit: str
    standard: str
    phase: Phase
    source: OneLine


class CalendarDay(CatalogModel):
    """A day that differs from the built-in calendar: a day off that was added, or a make-up working day."""

    day: dt.date
    working: bool
    name_vi: OneLine
    source: OneLine


class Policies(CatalogModel):
    """policies.yaml. In a catalog without the file nobody is reminded, and nothing is held but a flapping alert."""

    roles: tuple[RolePolicy, ...] = Field(default=DEFAULT_ROLES, min_length=1)
    hours: tuple[OfficeHours, ...] = ()
    digest: DigestTime = DigestTime()
    escalation: tuple[EscalationPolicy, ...] = ()
    superiors: tuple[SuperiorUnit, ...] = ()
    unrouted: Unrouted | None = None
    at_risk: tuple[AtRiskPolicy, ...] = ()
    silence: tuple[SilencePolicy, ...] = ()
    flapping: FlappingPolicy = FlappingPolicy()
    reports: tuple[ReportPolicy, ...] = ()
    duties: tuple[DutyPolicy, ...] = ()
    phases: tuple[CommunePhase, ...] = ()
    calendar: tuple[CalendarDay, ...] = ()

    @cached_property
    def tells(self) -> dict[tuple[Role, NoticeKind], Timing]:
        """When each role is told each kind of news; what is missing is not told."""
        return {(policy.role, kind): timing for policy in self.roles for kind, timing in policy.tells.items()}

    def timing(self, role: Role, notice: NoticeKind, *, unowned: bool) -> Timing | None:
        """Return when a role is told a kind of news, None for never; at once to those who can settle who owns it."""
        timing = self.tells.get((role, notice))
        if timing is Timing.DIGEST and unowned and role in _IMMEDIATE_WHEN_UNOWNED:
            return Timing.IMMEDIATE
        return timing

    @cached_property
    def told_kinds(self) -> frozenset[NoticeKind]:
        """The kinds of news that any role is told."""
        return frozenset(kind for _, kind in self.tells)

    @cached_property
    def has_unheard_ends(self) -> bool:
        """Whether any role is told that an alert begins, but not that it is over."""
        return any((role, NoticeKind.RESOLVED) not in self.tells for role, kind in self.tells if kind in _BEGINNINGS)

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of the units that this file defines, by id."""
        known = {unit.id: unit.name_vi for unit in self.superiors}
        return known if self.unrouted is None else known | {UNROUTED_UNIT: self.unrouted.name_vi}

    @cached_property
    def hours_by_id(self) -> dict[str, OfficeHours]:
        """The office hours, by id; `always` is not among them."""
        return {hours.id: hours for hours in self.hours}

    @cached_property
    def at_risk_by_indicator(self) -> dict[str, AtRiskPolicy]:
        """The margins, by indicator."""
        return {policy.indicator: policy for policy in self.at_risk}

    @cached_property
    def silence_by_indicator(self) -> dict[str, SilencePolicy]:
        """After how long figures are stale, by indicator."""
        return {policy.indicator: policy for policy in self.silence}

    def phase_of(self, units: tuple[str, ...], standard: str, on: dt.date) -> Phase:
        """Return the phase of a unit, given with those above it, for a standard on a day."""
        for unit in units:
            for phase in self.phases:
                if phase.unit == unit and phase.standard == standard and phase.in_force(on):
                    return phase.phase
        return Phase.IMPLEMENTATION
