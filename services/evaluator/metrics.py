"""Metrics of the evaluator; labels come from closed lists or from the catalog's standards, districts and provinces."""

from collections import Counter
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as Total

from services.evaluator.domain.outcome import Outcome, RollupCounts
from shared.contracts.vocabulary import Cause, VerdictStatus


class EvaluatorMetrics:
    """What the evaluator counts, in one registry; the figures of a partition are shown by its writer alone."""

    def __init__(self, registry: CollectorRegistry, partitions: int = 1) -> None:
        self.reports = Total("datchuan_evaluator_reports_total", "Reports applied by this writer.", registry=registry)
        self.unknown = Total(
            "datchuan_evaluator_unknown_reports_total",
            "Journaled reports that the catalog has no place for.",
            registry=registry,
        )
        self.transitions = Total(
            "datchuan_evaluator_transitions_total", "Changes of verdicts, by cause.", ["cause"], registry=registry
        )
        self.is_leader = Gauge(
            "datchuan_evaluator_is_leader",
            "1 while this process is the writer of the partition.",
            ["partition"],
            registry=registry,
        )
        self.facts_behind = Gauge(
            "datchuan_evaluator_facts_behind",
            "Facts that are judged and still to be written; their messages are kept until they are.",
            ["partition"],
            registry=registry,
        )
        self.verdicts = Gauge(
            "datchuan_evaluator_verdicts",
            "Units of a partition by node (chỉ tiêu, tiêu chí, standard) and status.",
            ["partition", "node", "status"],
            registry=registry,
        )
        self.rollup = Gauge(
            "datchuan_evaluator_rollup_communes",
            "Communes of a partition in a district or province by standard and status: the health part only.",
            ["partition", "place", "standard", "status"],
            registry=registry,
        )
        self._shown: dict[int, tuple[set[tuple[str, ...]], set[tuple[str, ...]]]] = {}
        for cause in Cause:
            self.transitions.labels(cause)
        for partition in range(partitions):
            self.is_leader.labels(str(partition)).set(0)

    def count(self, outcome: Outcome) -> None:
        """Count what an outcome changed."""
        self.unknown.inc(len(outcome.unknown))
        for cause, amount in Counter(change.cause for change in outcome.transitions).items():
            self.transitions.labels(cause).inc(amount)

    def show(
        self,
        partition: int,
        verdicts: Mapping[tuple[str, VerdictStatus], int],
        rollups: Mapping[tuple[str, str], RollupCounts],
    ) -> None:
        """Show how many units of a partition stand where."""
        name = str(partition)
        nodes = {
            (name, node, status): verdicts.get((node, status), 0)
            for node in {node for node, _ in verdicts}
            for status in VerdictStatus
        }
        places = {
            (name, place, standard, status): rollup.counts[status]
            for (place, standard), rollup in rollups.items()
            for status in VerdictStatus
        }
        for gauge, values in ((self.verdicts, nodes), (self.rollup, places)):
            for labels, value in values.items():
                gauge.labels(*labels).set(value)
        known_nodes, known_places = self._shown.get(partition, (set(), set()))
        _remove(self.verdicts, known_nodes - nodes.keys())  # what has ended must not stand there for ever
        _remove(self.rollup, known_places - places.keys())
        self._shown[partition] = set(nodes), set(places)

    def hide(self, partition: int) -> None:
        """Show nothing of a partition any more: another process may be its writer."""
        nodes, places = self._shown.pop(partition, (set(), set()))
        _remove(self.verdicts, nodes)
        _remove(self.rollup, places)
        _remove(self.facts_behind, {(str(partition),)})


def _remove(gauge: Gauge, series: set[tuple[str, ...]]) -> None:
    for labels in series:
        gauge.remove(*labels)
