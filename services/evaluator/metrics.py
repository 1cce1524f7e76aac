"""Metrics of the evaluator; labels come from closed lists or from the catalog's standards, districts and provinces."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.evaluator.domain.outcome import Outcome, RollupCounts
from shared.contracts.vocabulary import Cause, VerdictStatus


class EvaluatorMetrics:
    """What the evaluator counts, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.reports = Counter("datchuan_evaluator_reports_total", "Reports applied by this writer.", registry=registry)
        self.unknown = Counter(
            "datchuan_evaluator_unknown_reports_total",
            "Journaled reports that the catalog has no place for.",
            registry=registry,
        )
        self.transitions = Counter(
            "datchuan_evaluator_transitions_total", "Changes of verdicts, by cause.", ["cause"], registry=registry
        )
        self.is_leader = Gauge(
            "datchuan_evaluator_is_leader", "1 while this process is the writer of its partition.", registry=registry
        )
        self.verdicts = Gauge(
            "datchuan_evaluator_verdicts",
            "Units by node (chỉ tiêu, tiêu chí, standard) and status.",
            ["node", "status"],
            registry=registry,
        )
        self.rollup = Gauge(
            "datchuan_evaluator_rollup_communes",
            "Communes of a district or province by standard and status: the health part only.",
            ["place", "standard", "status"],
            registry=registry,
        )
        for cause in Cause:
            self.transitions.labels(cause)

    def count(self, outcome: Outcome) -> None:
        """Count what an outcome changed."""
        self.unknown.inc(len(outcome.unknown))
        for transition in outcome.transitions:
            self.transitions.labels(transition.change.cause).inc()

    def show(
        self, verdicts: Mapping[tuple[str, VerdictStatus], int], rollups: Mapping[tuple[str, str], RollupCounts]
    ) -> None:
        """Show how many units stand where."""
        # What has ended must not stand there for ever.
        self.verdicts.clear()
        self.rollup.clear()
        nodes = {node for node, _ in verdicts}
        for node in nodes:
            for status in VerdictStatus:
                self.verdicts.labels(node, status).set(verdicts.get((node, status), 0))
        for (place, standard), rollup in rollups.items():
            for status in VerdictStatus:
                self.rollup.labels(place, standard, status).set(rollup.counts[status])
