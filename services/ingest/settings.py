"""Settings of ingest (prefix DATCHUAN_)."""

from pathlib import Path

from pydantic import Field

from shared.runtime.settings import Port, RuntimeSettings


class IngestSettings(RuntimeSettings):
    """What can be set. The defaults suit a laptop and a province."""

    port: Port = 8080
    max_body_bytes: int = Field(default=16 * 1024 * 1024, gt=0)
    max_import_bytes: int = Field(default=256 * 1024 * 1024, gt=0)
    max_spool_bytes: int = Field(default=1024**3, gt=0)
    spool_folder: Path | None = None
    max_in_flight_bytes: int = Field(default=256 * 1024 * 1024, gt=0)
    body_timeout_seconds: float = Field(default=60, gt=0)
    token_cache_seconds: float = Field(default=5, ge=0)
    commit_timeout_seconds: float = Field(default=10, gt=0)
    rows_per_commit: int = Field(default=4_000, gt=0)
    max_waiting_rows: int = Field(default=100_000, gt=0)
    max_backlog_bytes: int = Field(default=4 * 1024**3, gt=0)
    polls: Path | None = None
