"""Metrics of the runtime: the mailbox, the streams and their consumers."""

from collections.abc import Sequence
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge


class Outcome(StrEnum):
    """What became of a message that a consumer received."""

    HANDLED = "handled"
    ALREADY_DONE = "already_done"
    RETRIED = "retried"
    BURIED = "buried"


class RuntimeMetrics:
    """The runtime's metrics in one registry; every label value of the given streams is present at 0 from the start."""

    def __init__(self, registry: CollectorRegistry, streams: Sequence[str] = ()) -> None:
        self.registry = registry
        self.stream_lag = self._gauge("stream_lag", "Entries that the group has not been given yet.")
        self.stream_pending = self._gauge("stream_pending", "Entries given to a consumer and not acknowledged.")
        self.stream_length = self._gauge("stream_length", "Entries held by the stream.")
        self.stream_bytes = self._gauge("stream_bytes", "Memory that the stream takes, as its producer measured it.")
        self.gate_closed = self._gauge(
            "stream_gate_closed", "1 while messages wait in the mailbox because the stream is full or Redis was away."
        )
        self.consumer_running = self._gauge("consumer_running", "1 while this process reads the stream.")
        self.messages = Counter(
            "datchuan_messages_total", "Messages received, by outcome.", ["stream", "outcome"], registry=registry
        )
        self.mailbox_messages = Gauge(
            "datchuan_mailbox_messages", "Messages committed and not yet handled by their consumer.", registry=registry
        )
        self.mailbox_oldest_age = Gauge(
            "datchuan_mailbox_oldest_age_seconds", "Age of the oldest message in the mailbox.", registry=registry
        )
        self.dead_letters = Gauge(
            "datchuan_dead_letter_messages",
            "Messages set aside because no consumer could handle them.",
            registry=registry,
        )
        self.published = Counter(
            "datchuan_published_messages_total", "Messages put on a stream.", ["stream"], registry=registry
        )
        self.republished = Counter(
            "datchuan_republished_messages_total", "Messages the relay put on a stream again.", registry=registry
        )
        self.publish_failures = Counter(
            "datchuan_publish_failures_total", "Publications that failed and were left to the relay.", registry=registry
        )
        self.consumer_restarts = Counter(
            "datchuan_consumer_restarts_total", "Times the watchdog had to start the consumer again.", registry=registry
        )
        self.reclaimed = Counter(
            "datchuan_reclaimed_messages_total", "Pending messages taken over from a consumer.", registry=registry
        )
        for stream in streams:
            self.declare_stream(stream)

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(f"datchuan_{name}", help_text, ["stream"], registry=self.registry)

    def declare_stream(self, stream: str) -> None:
        """Make every series of the stream present, at 0 if it is new."""
        for gauge in (
            self.stream_lag,
            self.stream_pending,
            self.stream_length,
            self.stream_bytes,
            self.gate_closed,
            self.consumer_running,
        ):
            gauge.labels(stream)
        for outcome in Outcome:
            self.messages.labels(stream, outcome)
        self.published.labels(stream)

    def count(self, stream: str, outcome: Outcome, amount: int = 1) -> None:
        """Count messages of the stream that had this outcome."""
        self.messages.labels(stream, outcome).inc(amount)
