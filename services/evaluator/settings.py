"""Settings of the evaluator."""

from pydantic import Field

from shared.runtime.settings import Port, RuntimeSettings


class EvaluatorSettings(RuntimeSettings):
    """What every service has, and the pace of the writer."""

    port: Port = 8081
    tick_seconds: float = Field(default=1.0, gt=0)
    standby_seconds: float = Field(default=0.5, gt=0)
    messages_per_read: int = Field(default=16, ge=1, le=200)
    max_lag: int = Field(default=10_000, ge=1)
