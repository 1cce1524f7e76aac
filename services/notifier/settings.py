"""Settings of the notifier, read from DATCHUAN_* variables."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from services.notifier.domain.policy import Windows
from services.notifier.domain.retry import Backoff
from shared.runtime.settings import Port, RuntimeSettings


class NotifierSettings(RuntimeSettings):
    """What an operator sets: where mail goes, how long news is gathered, how often a failure is tried again."""

    port: Port = 8082
    group_window_seconds: float = Field(default=5, ge=0)
    data_gap_window_seconds: float = Field(default=60, ge=0)
    poll_seconds: float = Field(default=1, gt=0)
    items_per_message: int = Field(default=2_000, ge=1)
    detailed_items: int = Field(default=20, ge=1)
    messages_per_read: int = Field(default=32, ge=1)

    smtp_host: str = Field(default="127.0.0.1", min_length=1)
    smtp_port: int = Field(default=1025, ge=1, le=65535)
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_connections: int = Field(default=4, ge=1, le=50)
    mail_from: str = Field(default="Đạt Chuẩn <datchuan@localhost>", pattern=r"[^@\s<>]+@[^@\s<>]+>?$")
    webhook_connections: int = Field(default=4, ge=1, le=50)
    send_timeout_seconds: float = Field(default=20, gt=0)

    retry_first_seconds: float = Field(default=30, gt=0)
    retry_longest_seconds: float = Field(default=14_400, gt=0)
    retry_attempts: int = Field(default=40, ge=1)

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        if (self.smtp_user is None) is not (self.smtp_password is None):
            raise ValueError("DATCHUAN_SMTP_USER and DATCHUAN_SMTP_PASSWORD(_FILE) go together: set both or none")
        return self

    @property
    def windows(self) -> Windows:
        """How long news waits to be sent together with other news."""
        return Windows(self.group_window_seconds, self.data_gap_window_seconds)

    @property
    def backoff(self) -> Backoff:
        """When a failed delivery is tried again."""
        return Backoff(self.retry_first_seconds, self.retry_longest_seconds, self.retry_attempts)

    @property
    def lease_seconds(self) -> float:
        """After how long a delivery that is being sent counts as abandoned: well after its own timeout."""
        return self.send_timeout_seconds * 1.5 + 5
