"""Settings: frozen, read once at start from DATCHUAN_* variables or from files named by DATCHUAN_*_FILE."""

import os
import socket
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.runtime.database_url import normal_database_url
from shared.runtime.errors import DatchuanError
from shared.runtime.limits import StreamLimits
from shared.runtime.redis_url import parse_redis_url

PREFIX = "DATCHUAN_"
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_environment: ContextVar[Mapping[str, str] | None] = ContextVar("datchuan_environment", default=None)


class SettingsError(DatchuanError):
    """The settings cannot be used; the text names each field, its value and the remedy."""


def _database_url(value: SecretStr) -> SecretStr:
    return SecretStr(normal_database_url(value.get_secret_value()))


def _redis_url(value: SecretStr) -> SecretStr:
    parse_redis_url(value.get_secret_value())
    return value


def _log_level(value: str) -> str:
    if value.upper() not in _LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(_LOG_LEVELS)}")
    return value.upper()


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
Port = Annotated[int, Field(ge=0, le=65535)]


def _instance() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class _EnvironmentSource(PydanticBaseSettingsSource):
    """Reads each field from its variable, or from the file that the variable with _FILE names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        given = _environment.get()
        environment = os.environ if given is None else given
        key = f"{PREFIX}{field_name.upper()}"
        path = environment.get(f"{key}_FILE")
        if path is None:
            return environment.get(key), field_name, self.field_is_complex(field)
        if key in environment:
            raise SettingsError(f"{key} and {key}_FILE are both set: keep one of them.")
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, self.field_is_complex(field)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{key}_FILE={path}: the file cannot be read ({error}).") from error

    def __call__(self) -> dict[str, Any]:
        """Return the values found, by field name."""
        values: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, is_complex = self.get_field_value(field, name)
            if value is None:
                continue
            try:
                values[key] = self.decode_complex_value(name, field, value) if is_complex else value
            except ValueError as error:
                raise SettingsError(f"{PREFIX}{name.upper()}={value!r}: is not valid JSON ({error}).") from error
        return values


class RuntimeSettings(BaseSettings):
    """Settings that every service has."""

    model_config = SettingsConfigDict(frozen=True, env_prefix=PREFIX, extra="ignore", validate_default=True)

    database_url: DatabaseUrl = SecretStr("postgresql://datchuan@127.0.0.1:5432/datchuan")
    redis_url: RedisUrl = SecretStr("redis://127.0.0.1:6379/0")
    catalog: Path | None = None
    clock_offset_days: int = 0
    log_level: Annotated[str, AfterValidator(_log_level)] = "INFO"
    host: str = "127.0.0.1"
    port: Port = 8080
    instance: str = Field(default_factory=_instance, min_length=1, max_length=200)
    partitions: int = Field(default=1, ge=1, le=256)
    start_timeout_seconds: float = Field(default=60, gt=0)
    stream_max_bytes: int = Field(default=64 * 1024 * 1024, ge=1024 * 1024)
    stream_max_messages: int = Field(default=20_000, ge=100)

    @property
    def stream_limits(self) -> StreamLimits:
        """The most that one stream may hold."""
        return StreamLimits(self.stream_max_messages, self.stream_max_bytes)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments first, then the environment and the files that it names."""
        return init_settings, _EnvironmentSource(settings_cls)


SettingsType = TypeVar("SettingsType", bound=BaseSettings)


def load(cls: type[SettingsType], environment: Mapping[str, str] | None = None) -> SettingsType:
    """Read the settings from the process environment, or from the one given; raise SettingsError naming each fault."""
    token = _environment.set(environment)
    try:
        return cls()
    except ValidationError as error:
        lines = [_explain(cls, dict(fault)) for fault in error.errors()]
        # The library's own text would repeat the values of secrets: it must not follow as the cause.
        raise SettingsError("\n".join(lines)) from None
    finally:
        _environment.reset(token)


def _explain(cls: type[BaseSettings], fault: dict[str, Any]) -> str:
    name = str(fault["loc"][0]) if fault["loc"] else ""
    field = cls.model_fields.get(name)
    message = str(fault["msg"]).removeprefix("Value error, ")
    variable = f"{PREFIX}{name.upper()}" if name else "settings"
    if fault["type"] == "missing":
        return f"{variable} is not set: give it a value, or the path of a file that holds it in {variable}_FILE."
    value = "(hidden)" if field is not None and _is_secret(field.annotation) else repr(fault["input"])
    return f"{variable}={value}: {message}."


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))
