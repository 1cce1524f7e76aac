"""Settings of the evaluator."""

from pydantic import Field

from services.evaluator.domain.behind import BehindLimits
from shared.runtime.settings import Port, RuntimeSettings


class EvaluatorSettings(RuntimeSettings):
    """What every service has, the pace of the writer, and how far the stored facts may be behind it."""

    port: Port = 8081
    tick_seconds: float = Field(default=1.0, gt=0)
    standby_seconds: float = Field(default=0.5, gt=0)
    messages_per_read: int = Field(default=16, ge=1, le=200)
    max_lag: int = Field(default=10_000, ge=1)
    partitions_led: int | None = Field(default=None, ge=1)
    facts_behind: int = Field(default=50_000, ge=1)
    facts_behind_seconds: float = Field(default=10.0, gt=0)
    facts_per_write: int = Field(default=2_000, ge=1, le=10_000)

    @property
    def behind_limits(self) -> BehindLimits:
        """How far the stored facts may be behind."""
        return BehindLimits(self.facts_behind, self.facts_behind_seconds, self.facts_per_write)
