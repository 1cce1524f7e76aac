"""Metrics of the notifier. Label values come from closed lists and are present at 0 from the start."""

from collections import Counter as Tally
from collections.abc import Iterable
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.notifier.domain.alerts import AlertAction, Step
from services.notifier.domain.course import CourseState
from services.notifier.domain.delivery import DeliveryStatus
from services.notifier.domain.ledger import HeldFor, UnroutableReason
from services.notifier.domain.ports import Census
from services.notifier.domain.urging import URGES, Urged
from shared.contracts.vocabulary import AlertKind, Channel, NodeKind, ReportPeriod

_SEND_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30)


# What ended well, or was ended by an operator, is no longer counted.
_COUNTED = tuple(
    status
    for status in DeliveryStatus
    if status not in (DeliveryStatus.SENT, DeliveryStatus.REPLACED, DeliveryStatus.DISCARDED)
)
_GOES_ON = (CourseState.RUNNING, CourseState.ACKNOWLEDGED)


class SendOutcome(StrEnum):
    """How one try to send a delivery ended."""

    SENT = "sent"
    RETRIED = "retried"
    DEAD = "dead"


class NotifierMetrics:
    """The metrics of the service, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._measure_alerts(registry)
        self._measure_messages(registry)
        self._measure_records(registry)
        self._declare()

    def _measure_alerts(self, registry: CollectorRegistry) -> None:
        self.alerts = Counter(
            "datchuan_notifier_alerts_total", "What happened to alerts.", ["action"], registry=registry
        )
        self.alerts_open = Gauge("datchuan_notifier_alerts_open", "Alerts that are open.", ["kind"], registry=registry)
        self.rollup_changes = Counter(
            "datchuan_notifier_rollup_changes_total",
            "Changes of tiêu chí and of the health parts of standards.",
            ["node_kind"],
            registry=registry,
        )
        self.urged = Counter(
            "datchuan_notifier_urged_total",
            "Reminders, reports to those above and acknowledgements that have lapsed.",
            ["kind"],
            registry=registry,
        )
        self.courses = Gauge(
            "datchuan_notifier_courses",
            "Open alerts with a date ahead: the next reminder or escalation, or the end of an acknowledgement.",
            ["state"],
            registry=registry,
        )
        self.courses_stalled = Gauge(
            "datchuan_notifier_courses_stalled",
            "Alerts whose next reminder or escalation is more than an hour late.",
            registry=registry,
        )
        self.unroutable = Counter(
            "datchuan_notifier_unroutable_total",
            "News without an addressee, or without a lead unit.",
            ["reason"],
            registry=registry,
        )

    def _measure_messages(self, registry: CollectorRegistry) -> None:
        self.notifications = Counter(
            "datchuan_notifier_notifications_total",
            "Tries to send a message, by how they ended.",
            ["channel", "outcome"],
            registry=registry,
        )
        self.entries_waiting = Gauge(
            "datchuan_notifier_entries_waiting",
            "Ledger entries that are due and not in a message yet.",
            registry=registry,
        )
        self.entries_held = Gauge(
            "datchuan_notifier_entries_held",
            "Ledger entries that are held back until later, by what holds them.",
            ["held_for"],
            registry=registry,
        )
        self.deliveries = Gauge(
            "datchuan_notifier_deliveries", "Messages that are not sent, by status.", ["status"], registry=registry
        )
        self.send_seconds = Histogram(
            "datchuan_notifier_send_seconds",
            "Time to hand one message over.",
            ["channel"],
            buckets=_SEND_SECONDS,
            registry=registry,
        )
        self.channel_blocked = Gauge(
            "datchuan_notifier_channel_blocked",
            "1 while nothing leaves by a channel: its server is away, not trusted, or does not let us in.",
            ["channel"],
            registry=registry,
        )

    def _measure_records(self, registry: CollectorRegistry) -> None:
        self.audit_sealed = Counter(
            "datchuan_notifier_audit_sealed_lines_total",
            "Lines of the audit that were sealed into its chain.",
            registry=registry,
        )
        self.audit_unsealed_seconds = Gauge(
            "datchuan_notifier_audit_unsealed_seconds",
            "Age of the oldest line of the audit that is not sealed.",
            registry=registry,
        )
        self.reports = Counter(
            "datchuan_notifier_reports_total", "Consolidated reports that were made.", ["period"], registry=registry
        )

    def _declare(self) -> None:
        for metric, labels in (
            (self.reports, ReportPeriod),
            (self.alerts, AlertAction),
            (self.alerts_open, AlertKind),
            (self.entries_held, HeldFor),
            (self.courses, _GOES_ON),
            (self.urged, URGES),
        ):
            for label in labels:
                metric.labels(label)
        for node_kind in (NodeKind.CRITERION, NodeKind.STANDARD):
            self.rollup_changes.labels(node_kind)
        for reason in UnroutableReason:
            self.unroutable.labels(reason)
        for channel in Channel:
            self.send_seconds.labels(channel)
            self.channel_blocked.labels(channel)
            for outcome in SendOutcome:
                self.notifications.labels(channel, outcome)
        for status in _COUNTED:
            self.deliveries.labels(status)

    def count_steps(self, steps: Iterable[Step]) -> None:
        """Count what happened to alerts."""
        for action, amount in Tally(step.action for step in steps).items():
            self.alerts.labels(action).inc(amount)

    def count_urged(self, urged: Urged) -> None:
        """Count what was due of courses."""
        for kind, amount in Tally(urged.told).items():
            self.urged.labels(kind).inc(amount)
        for reason, amount in Tally(entry.reason for entry in urged.entries if entry.reason).items():
            self.unroutable.labels(reason).inc(amount)

    def show(self, census: Census) -> None:
        """Set the gauges to what the tables hold."""
        for kind in AlertKind:
            self.alerts_open.labels(kind).set(census.alerts_open.get(kind, 0))
        for status in _COUNTED:
            self.deliveries.labels(status).set(census.deliveries.get(status, 0))
        self.entries_waiting.set(census.entries_waiting)
        for held_for in HeldFor:
            self.entries_held.labels(held_for).set(census.entries_held.get(held_for, 0))
        for state in _GOES_ON:
            self.courses.labels(state).set(census.courses.get(state, 0))
        self.audit_unsealed_seconds.set(census.audit_unsealed_seconds)
