"""Which course an alert takes when it opens: reminders and escalation by local policy, in working days."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.notifier.domain.alerts import Alert, AlertAction, Step
from services.notifier.domain.course import Course, CourseStep
from services.notifier.domain.due import deadline_after
from services.notifier.domain.labels_vi import LEVEL_VI
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.catalog.policies import EscalationPolicy, EscalationStep
from shared.contracts.vocabulary import AlertKind, NoticeKind

_MOST_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Chains:
    """Opens courses by one catalog. Alerts of one day, policy, superior and level of dispatch share their steps."""

    catalog: Catalog
    calendar: WorkingCalendar
    _fitting: dict[tuple[AlertKind, str], tuple[EscalationPolicy, ...]] = field(default_factory=dict)
    _above: dict[str, frozenset[str]] = field(default_factory=dict)
    _steps: dict[tuple[str, dt.date, str, tuple[EscalationStep, ...]], tuple[CourseStep, ...]] = field(
        default_factory=dict
    )
    _of_unit: dict[tuple[str, str, dt.date], tuple[CourseStep, ...]] = field(default_factory=dict)

    def open_courses(self, steps: Iterable[Step], now: dt.datetime) -> list[Course]:
        """Return the courses of the alerts that opened in these steps and are still open after them.

        Days count from the day of `now`, on which the alert is told, and all that follows is fixed by it.
        """
        opened: dict[str, Alert] = {}
        for step in steps:
            alert = step.alert
            if not alert.is_open:
                opened.pop(alert.id, None)
            elif step.action is AlertAction.OPENED:
                opened[alert.id] = alert
        return [course for alert in opened.values() if (course := self._open(alert, now)) is not None]

    def _open(self, alert: Alert, now: dt.datetime) -> Course | None:
        policy = self._policy_of(alert)
        if policy is None:
            return None
        day = now.astimezone(VIET_NAM).date()
        steps = self._steps_of(policy, alert.key.unit, now, day)
        within = policy.acknowledge_within
        return Course(
            alert_id=alert.id,
            policy=policy.id,
            opened_at=now,
            steps=steps,
            next_at=steps[0].at if steps else None,
            acknowledge_by=None if within is None else deadline_after(self.calendar, now, within),
            acknowledged_for=policy.acknowledged_for,
        )

    def _policy_of(self, alert: Alert) -> EscalationPolicy | None:
        """Return the first policy that fits an alert; a mere risk is never urged, whatever a policy says."""
        asked = (alert.opened_as, alert.key.node)
        fitting = self._fitting.get(asked)
        if fitting is None:
            if len(self._fitting) >= _MOST_REMEMBERED:
                self._fitting.clear()
            fitting = self._fitting[asked] = self._find_fitting(*asked)
        for policy in fitting:
            if not policy.scope or not self._units_above(alert.key.unit).isdisjoint(policy.scope):
                return policy
        return None

    def _find_fitting(self, kind: AlertKind, node: str) -> tuple[EscalationPolicy, ...]:
        if kind is AlertKind.AT_RISK:
            return ()
        rules = [rule.indicator for rule in self.catalog.rules if rule.node == node]
        return tuple(
            policy
            for policy in self.catalog.policies.escalation
            if kind in policy.kinds and (not policy.indicators or not set(rules).isdisjoint(policy.indicators))
        )

    def _units_above(self, unit: str) -> frozenset[str]:
        if unit not in self._above:
            found = self.catalog.unit_by_id.get(unit)
            above = () if found is None else self.catalog.ancestors(found)
            self._above[unit] = frozenset({unit, *(each.id for each in above)})
        return self._above[unit]

    def _steps_of(self, policy: EscalationPolicy, unit: str, now: dt.datetime, day: dt.date) -> tuple[CourseStep, ...]:
        asked = (policy.id, unit, day)
        found = self._of_unit.get(asked)
        if found is None:
            if len(self._of_unit) >= _MOST_REMEMBERED:
                self._of_unit.clear()
                self._steps.clear()
            reached = tuple(step for step in policy.steps if self._has_receiver(step, unit, day))
            level = self._level_of_dispatch(unit, day)
            shared = (policy.id, day, level, reached)
            if shared not in self._steps:
                self._steps[shared] = self._build(policy, reached, level, now)
            found = self._of_unit[asked] = self._steps[shared]
        return found

    def _level_of_dispatch(self, unit: str, on: dt.date) -> str:
        """Return the level of the place that the dispatch of a unit is for, "" without a dispatch: "cấp huyện"."""
        found = self.catalog.unit_by_id.get(unit)
        dispatch = None if found is None else self.catalog.dispatch_for(found, on)
        if found is None or dispatch is None:
            return ""
        places = (found, *self.catalog.ancestors(found))
        return next(LEVEL_VI[place.level] for place in places if place.id in dispatch.scope)

    def _has_receiver(self, step: EscalationStep, unit: str, since: dt.date) -> bool:
        if step.to_unit is None:
            return True
        day = self.calendar.add_working_days(since, step.after_working_days)
        return any(
            each.id == step.to_unit and each.in_force(day) and not self._units_above(unit).isdisjoint(each.scope)
            for each in self.catalog.policies.superiors
        )

    def _build(
        self, policy: EscalationPolicy, reached: tuple[EscalationStep, ...], own_level: str, now: dt.datetime
    ) -> tuple[CourseStep, ...]:
        every = policy.remind_every
        reminders = [] if every is None else [every * number for number in range(1, policy.reminders + 1)]
        steps = [
            CourseStep(deadline_after(self.calendar, now, days), NoticeKind.REMINDER, level)
            for level, days in enumerate(reminders, 1)
        ]
        steps += [
            CourseStep(
                deadline_after(self.calendar, now, step.after_working_days),
                NoticeKind.ESCALATED,
                level,
                step.to_role,
                step.to_unit,
                step.level_vi or own_level,
            )
            for level, step in enumerate(sorted(reached, key=lambda step: step.after_working_days), 1)
        ]
        return tuple(sorted(steps, key=lambda step: step.at))
