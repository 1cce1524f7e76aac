"""Metrics of ingest. Label values come from closed lists and are present at 0 from the start."""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.ingest.domain.polls import PolledValue, PollFailure
from services.ingest.domain.receipts import Receipt
from services.ingest.domain.report import ImportReport
from shared.contracts.vocabulary import QuarantineReason

_COMMIT_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_BATCH_EVENTS = (1, 2, 5, 10, 50, 100, 500, 1_000, 2_000, 5_000, 10_000, 50_000)


class EventOutcome(StrEnum):
    """What became of a row."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


class RequestFormat(StrEnum):
    """How a request was written, as far as it was recognized."""

    NATIVE_JSON = "native_json"
    NDJSON = "ndjson"
    CLOUDEVENTS = "cloudevents"
    DHIS2 = "dhis2"
    DHIS2_XML = "dhis2_xml"
    DHIS2_CSV = "dhis2_csv"
    ADX = "adx"
    FHIR = "fhir"
    SPREADSHEET = "spreadsheet"
    CSV = "csv"
    UNKNOWN = "unknown"


class StatusClass(StrEnum):
    """The class of an HTTP status."""

    SUCCESS = "2xx"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"

    @staticmethod
    def of(status: int) -> "StatusClass":
        """Return the class of a status code."""
        if status >= 500:
            return StatusClass.SERVER_ERROR
        return StatusClass.CLIENT_ERROR if status >= 400 else StatusClass.SUCCESS


class PutOff(StrEnum):
    """Why a sender must come again: too much waits to be judged or to be committed, or the database is away."""

    BACKLOG = "backlogged"
    OVERLOAD = "overloaded"
    OUTAGE = "store_unavailable"


class PollMetrics:
    """The metrics of polls, by their configured names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._last_success = Gauge(
            "datchuan_ingest_poll_last_success_timestamp_seconds",
            "When a poll last took in a whole window, by PostgreSQL's clock.",
            ["poll"],
            registry=registry,
        )
        self._interval = Gauge(
            "datchuan_ingest_poll_interval_seconds", "How often a poll asks.", ["poll"], registry=registry
        )
        self._failures = Counter(
            "datchuan_ingest_poll_failures_total", "Failed polls, by kind.", ["poll", "kind"], registry=registry
        )
        self._values = Counter(
            "datchuan_ingest_poll_values_total",
            "Polled values, by what became of them.",
            ["poll", "outcome"],
            registry=registry,
        )

    def declare(self, poll: str, interval_seconds: float) -> None:
        """Make the samples of a poll present."""
        self._last_success.labels(poll)
        self._interval.labels(poll).set(interval_seconds)
        for kind in PollFailure:
            self._failures.labels(poll, kind.value)
        for outcome in PolledValue:
            self._values.labels(poll, outcome.value)

    def succeeded(self, poll: str, at: dt.datetime) -> None:
        """Note when a poll last took in a whole window, in this process or in another."""
        self._last_success.labels(poll).set(at.timestamp())

    def failed(self, poll: str, kind: PollFailure) -> None:
        """Count a failure."""
        self._failures.labels(poll, kind.value).inc()

    def took(self, poll: str, report: ImportReport) -> None:
        """Count what became of the values of an answer."""
        counts = (
            (PolledValue.ACCEPTED, report.accepted),
            (PolledValue.UPDATED, report.updated),
            (PolledValue.DELETED, report.deleted),
            (PolledValue.DUPLICATE, report.duplicates),
            (PolledValue.STALE, report.stale),
            (PolledValue.QUARANTINED, report.quarantined),
        )
        for outcome, count in counts:
            self.count(poll, outcome, count)

    def count(self, poll: str, outcome: PolledValue, values: int) -> None:
        """Count values of which one thing became."""
        self._values.labels(poll, outcome.value).inc(values)


class IngestMetrics:
    """The counters of the service, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.polls = PollMetrics(registry)
        self._count_rows(registry)
        self._measure_commits(registry)
        self._declare()

    def _count_rows(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "datchuan_ingest_events_total", "Rows received, by what became of them.", ["outcome"], registry=registry
        )
        self.quarantined = Counter(
            "datchuan_ingest_quarantined_total", "Rows set aside, by reason.", ["reason"], registry=registry
        )
        self.requests = Counter(
            "datchuan_ingest_requests_total",
            "Requests answered, by format and status class.",
            ["format", "status_class"],
            registry=registry,
        )
        self.put_off = Counter(
            "datchuan_ingest_put_off_total",
            "Requests answered with 503, by what there was too much of.",
            ["cause"],
            registry=registry,
        )

        self.hang_ups = Counter(
            "datchuan_ingest_hang_ups_total",
            "Requests whose sender was gone before the body was complete.",
            registry=registry,
        )

    def _measure_commits(self, registry: CollectorRegistry) -> None:
        self.commit_seconds = Histogram(
            "datchuan_ingest_commit_seconds",
            "Time from the start of a transaction to its commit.",
            buckets=_COMMIT_SECONDS,
            registry=registry,
        )
        self.batch_events = Histogram(
            "datchuan_ingest_batch_events",
            "Reports that shared one transaction.",
            buckets=_BATCH_EVENTS,
            registry=registry,
        )
        self.commit_failures = Counter(
            "datchuan_ingest_commit_failures_total", "Transactions that failed.", registry=registry
        )
        self.waiting_events = Gauge(
            "datchuan_ingest_waiting_events", "Rows that wait for their commit.", registry=registry
        )
        self.last_commit = Gauge(
            "datchuan_ingest_last_commit_timestamp_seconds", "When reports were last committed.", registry=registry
        )
        self.backlog_bytes = Gauge(
            "datchuan_ingest_backlog_bytes", "Size of the messages that wait for the evaluator.", registry=registry
        )

    def _declare(self) -> None:
        """Make every label value present, at 0."""
        for outcome in EventOutcome:
            self.events.labels(outcome.value)
        for reason in QuarantineReason:
            self.quarantined.labels(reason.value)
        for cause in PutOff:
            self.put_off.labels(cause.value)
        for format_ in RequestFormat:
            for status_class in StatusClass:
                self.requests.labels(format_.value, status_class.value)

    def count_receipts(self, receipts: Sequence[Receipt]) -> None:
        """Count the rows of committed requests."""
        self.events.labels(EventOutcome.ACCEPTED.value).inc(sum(receipt.accepted for receipt in receipts))
        self.events.labels(EventOutcome.DUPLICATE.value).inc(sum(receipt.duplicates for receipt in receipts))
        bad = [row for receipt in receipts for row in receipt.quarantined]
        self.events.labels(EventOutcome.QUARANTINED.value).inc(len(bad))
        for row in bad:
            self.quarantined.labels(row.fault.reason.value).inc()

    def count_put_off(self, problem: str) -> None:
        """Count a request whose sender must come again, by the name of its problem; others are not counted here."""
        if problem in tuple(PutOff):
            self.put_off.labels(problem).inc()

    def count_request(self, format_: RequestFormat, status: int) -> None:
        """Count an answered request."""
        self.requests.labels(format_.value, StatusClass.of(status).value).inc()
