"""Metrics of ingest. Label values come from closed lists and are present at 0 from the start."""

from collections.abc import Sequence
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.ingest.domain.receipts import Receipt
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


class IngestMetrics:
    """The counters of the service, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
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
        self._declare()

    def _declare(self) -> None:
        """Make every label value present, at 0."""
        for outcome in EventOutcome:
            self.events.labels(outcome.value)
        for reason in QuarantineReason:
            self.quarantined.labels(reason.value)
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

    def count_request(self, format_: RequestFormat, status: int) -> None:
        """Count an answered request."""
        self.requests.labels(format_.value, StatusClass.of(status).value).inc()
