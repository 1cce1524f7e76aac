"""What is measured: the indicators (file indicators.yaml). How they are judged is in rulesets."""

from pydantic import Field

from shared.catalog.base import CatalogModel, OneLine
from shared.contracts.vocabulary import MeasureKind, Sector, Sex

ATTESTATION_CELL = ""


class Indicator(CatalogModel):
    """One thing that senders report, by its own stable key: names and chỉ tiêu numbers change, the key does not.

    `by` is the disaggregation of what is counted (None, "sex" or "sector"); its groups are the cells. A yes/no report
    (an attestation) speaks for the whole unit: it never carries a sex or sector, and its cell is "". So an indicator
    that was a rate by sex and became a yes/no in 2024 keeps one key. `measures` lists what a report may carry.
    `counted_vi` names what numerator and denominator count, for messages ("nữ tham gia BHYT").
    `zero_denominator` says that 0 of 0 is a legal report (no such establishment); elsewhere it is quarantined.
    """

    key: str = Field(pattern=r"^[a-z0-9_.]{1,60}$")
    name_vi: OneLine
    measures: tuple[MeasureKind, ...] = Field(min_length=1)
    by: str | None = Field(default=None, pattern=r"^(sex|sector)$")
    counted_vi: str = "đối tượng"
    counted_by_cell_vi: dict[str, str] = Field(default_factory=dict)
    topic: str | None = None
    zero_denominator: bool = False
    max_denominator: int = 100_000_000

    def cells_for(self, measure: MeasureKind) -> tuple[str, ...]:
        """Return the cells that reports of this kind of measure may have: for yes/no only the empty one."""
        return (ATTESTATION_CELL,) if measure is MeasureKind.BOOLEAN else self.cells

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells a complete count has: the sexes, the sectors, or one empty cell."""
        if self.by == "sex":
            return tuple(Sex)
        if self.by == "sector":
            return tuple(Sector)
        return (ATTESTATION_CELL,)


class IndicatorsFile(CatalogModel):
    """indicators.yaml."""

    indicators: tuple[Indicator, ...]
