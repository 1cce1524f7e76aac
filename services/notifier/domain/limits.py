"""The limits of local policy by which alerts live: when a met chỉ tiêu is at risk, and when an alert is flapping."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.catalog.catalog import Catalog
from shared.catalog.policies import FlappingPolicy
from shared.contracts.vocabulary import Combine


@dataclass(frozen=True, slots=True)
class Margin:
    """The margin of one chỉ tiêu in percentage points; `adds_up`: its cells are judged by their sum."""

    margin: float
    watch: float
    adds_up: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one catalog; `margins` are by node. Without `flapping` no alert ever counts as flapping."""

    flapping: FlappingPolicy | None = None
    margins: Mapping[str, Margin] = field(default_factory=dict)

    @classmethod
    def of(cls, catalog: Catalog) -> "Limits":
        """Return the limits that a catalog's policies set."""
        known = catalog.policies.at_risk_by_indicator
        margins = {
            rule.node: Margin(
                known[rule.indicator].margin, known[rule.indicator].watch, adds_up=rule.combine is Combine.SUM
            )
            for rule in catalog.rules
            if rule.indicator in known
        }
        return cls(catalog.policies.flapping, margins)


NO_LIMITS = Limits()
