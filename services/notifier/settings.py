"""Settings of the notifier, read from DATCHUAN_* variables."""

import datetime as dt
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from services.notifier.domain.links import LINK_DAYS, MIN_SECRET_BYTES, link_for
from services.notifier.domain.policy import Windows
from services.notifier.domain.retry import Backoff
from shared.runtime.settings import Port, RuntimeSettings


class NotifierSettings(RuntimeSettings):
    """What an operator sets: where mail goes, how long news is gathered, how often a failure is tried again."""

    port: Port = 8082
    group_window_seconds: float = Field(default=5, ge=0)
    data_gap_window_seconds: float = Field(default=60, ge=0)
    group_pause_seconds: float = Field(default=30, ge=0)
    poll_seconds: float = Field(default=1, gt=0)
    items_per_message: int = Field(default=2_000, ge=1, le=5_000)  # more headlines than a message may hold
    detailed_items: int = Field(default=20, ge=1)
    templates: Path | None = None
    messages_per_read: int = Field(default=32, ge=1)

    smtp_host: str = Field(default="127.0.0.1", min_length=1)
    smtp_port: int = Field(default=1025, ge=1, le=65535)
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_connections: int = Field(default=4, ge=1, le=50)
    smtp_per_domain: int = Field(default=2, ge=1, le=50)
    smtp_ca_file: Path | None = None
    mail_from: str = Field(default="Đạt Chuẩn <datchuan@localhost>", pattern=r"[^@\s<>]+@[^@\s<>]+>?$")
    webhook_connections: int = Field(default=4, ge=1, le=50)
    send_timeout_seconds: float = Field(default=20, gt=0)

    retry_first_seconds: float = Field(default=30, gt=0)
    retry_longest_seconds: float = Field(default=14_400, gt=0)
    retry_attempts: int = Field(default=40, ge=1)

    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")
    path_prefix: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    link_secret: SecretStr | None = None
    link_days: int = Field(default=LINK_DAYS, ge=1, le=365)
    notifier_api_token: SecretStr | None = Field(default=None, min_length=16)
    silence_max_days: int = Field(default=90, ge=1, le=3_650)

    @field_validator("link_secret")
    @classmethod
    def _check_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"must be at least {MIN_SECRET_BYTES} bytes: make one with `openssl rand -base64 48`")
        return value

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        if (self.smtp_user is None) is not (self.smtp_password is None):
            raise ValueError("DATCHUAN_SMTP_USER and DATCHUAN_SMTP_PASSWORD(_FILE) go together: set both or none")
        if self.smtp_ca_file is not None and self.smtp_security == "none":
            raise ValueError("DATCHUAN_SMTP_CA_FILE is of use only with DATCHUAN_SMTP_SECURITY tls or starttls: set it")
        return self

    @property
    def link_key(self) -> bytes | None:
        """What links are signed with; None: there are none."""
        return None if self.link_secret is None else self.link_secret.get_secret_value().encode()

    def link(self, delivery_id: str, now: dt.datetime) -> str | None:
        """Return where the message of a delivery that is written now is acknowledged; None: links are not set up."""
        if self.link_key is None or self.public_url is None:
            return None
        expires = now + dt.timedelta(days=self.link_days)
        return link_for(delivery_id, expires, self.link_key, self.public_url.rstrip("/") + self.path_prefix)

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
