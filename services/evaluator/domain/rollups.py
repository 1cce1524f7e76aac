"""Roll-ups: how many communes of a district or province stand where, per standard, kept up by differences."""

from services.evaluator.domain.outcome import RollupCounts
from services.evaluator.domain.state import UnitState
from shared.contracts.vocabulary import VerdictStatus


class Rollups:
    """The counts of every unit above, by (unit, standard); only units that can hold the title are counted."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], RollupCounts] = {}

    def count(self, unit: UnitState) -> None:
        """Count a unit that was not counted yet."""
        for node, current in zip(unit.plan.nodes, unit.findings, strict=True):
            if node.standard is not None and node.titled:
                for place in unit.above:
                    self.counts.setdefault((place, node.standard), RollupCounts()).counts[current.status] += 1

    def move(
        self, unit: UnitState, standard: str, old: VerdictStatus, new: VerdictStatus
    ) -> dict[tuple[str, str], RollupCounts]:
        """Move a counted unit from one status to another; return the counts that changed."""
        changed = {(place, standard): self.counts[place, standard] for place in unit.above}
        for rollup in changed.values():
            rollup.counts[old] -= 1
            rollup.counts[new] += 1
        return changed
