"""Settings of the evaluator."""

from pydantic import Field

from shared.runtime.settings import RuntimeSettings


class EvaluatorSettings(RuntimeSettings):
    """What every service has, and the pace of the writer."""

    port: int = Field(default=8081, ge=0, le=65535)
    tick_seconds: float = Field(default=1.0, gt=0)
    standby_seconds: float = Field(default=0.5, gt=0)
    messages_per_read: int = Field(default=16, ge=1, le=200)
