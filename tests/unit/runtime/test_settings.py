"""Settings fail at start, naming the field and the remedy, and never show a secret."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from shared.runtime.settings import RuntimeSettings, SettingsError, load


class ExampleSettings(RuntimeSettings):
    """A service's settings."""

    api_key: SecretStr
    window_seconds: float = 1.5
    sources: tuple[str, ...] = ()


def test_every_shared_field_has_a_default_for_a_laptop() -> None:
    settings = load(RuntimeSettings, {})

    assert settings.database_url.get_secret_value() == "postgresql+asyncpg://datchuan@127.0.0.1:5432/datchuan"
    assert settings.redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"
    assert settings.instance
    assert settings.catalog is None


def test_variables_are_read_with_the_prefix() -> None:
    environment = {"DATCHUAN_API_KEY": "k", "DATCHUAN_WINDOW_SECONDS": "3", "DATCHUAN_SOURCES": '["a", "b"]'}

    settings = load(ExampleSettings, environment)

    assert settings.api_key.get_secret_value() == "k"
    assert settings.window_seconds == 3
    assert settings.sources == ("a", "b")


def test_a_secret_is_read_from_the_file_its_variable_names(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://u:p@db/d\n", encoding="utf-8")

    settings = load(RuntimeSettings, {"DATCHUAN_DATABASE_URL_FILE": str(secret)})

    assert settings.database_url.get_secret_value() == "postgresql+asyncpg://u:p@db/d"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        pytest.param("postgres://u@h/d", "postgresql+asyncpg://u@h/d", id="the short scheme"),
        pytest.param("postgresql+asyncpg://u@h/d", "postgresql+asyncpg://u@h/d", id="the driver's scheme"),
        pytest.param("postgresql://u@h/d?sslmode=require", "postgresql+asyncpg://u@h/d?ssl=require", id="TLS"),
        pytest.param(
            "postgresql://u:p@h1:5433,h2/d?target_session_attrs=read-write&sslmode=require",
            "postgresql+asyncpg://u:p@/d?ssl=require&host=h1:5433&host=h2:5432",
            id="a primary and its standby",
        ),
    ],
)
def test_the_usual_ways_to_write_a_database_url_are_accepted(given: str, used: str) -> None:
    settings = load(RuntimeSettings, {"DATCHUAN_DATABASE_URL": given})

    assert settings.database_url.get_secret_value() == used


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        pytest.param({}, ["DATCHUAN_API_KEY is not set", "DATCHUAN_API_KEY_FILE"], id="missing"),
        pytest.param({"DATCHUAN_PORT": "abc"}, ["DATCHUAN_PORT='abc'", "integer"], id="not a number"),
        pytest.param({"DATCHUAN_PORT": "70000"}, ["DATCHUAN_PORT='70000'", "65535"], id="out of range"),
        pytest.param({"DATCHUAN_LOG_LEVEL": "loud"}, ["DATCHUAN_LOG_LEVEL='loud'", "DEBUG"], id="not in the list"),
        pytest.param({"DATCHUAN_REDIS_URL": "http://h"}, ["DATCHUAN_REDIS_URL=(hidden)", "+sentinel"], id="not Redis"),
        pytest.param(
            {"DATCHUAN_REDIS_URL": "redis+sentinel://h1,h2"}, ["DATCHUAN_REDIS_URL", "SERVICE_NAME"], id="no service"
        ),
        pytest.param({"DATCHUAN_REDIS_URL": "redis+cluster://h1:x"}, ["'h1:x' is not HOST:PORT"], id="no port"),
        pytest.param({"DATCHUAN_SOURCES": "a,b"}, ["DATCHUAN_SOURCES='a,b'", "JSON"], id="not JSON"),
        pytest.param(
            {"DATCHUAN_API_KEY_FILE": "/no/such/file"}, ["DATCHUAN_API_KEY_FILE=/no/such/file", "read"], id="no file"
        ),
        pytest.param(
            {"DATCHUAN_API_KEY": "k", "DATCHUAN_API_KEY_FILE": "/f"}, ["DATCHUAN_API_KEY_FILE", "both"], id="both"
        ),
    ],
)
def test_an_error_names_the_field_its_value_and_the_remedy(environment: dict[str, str], words: list[str]) -> None:
    with pytest.raises(SettingsError) as error:
        load(ExampleSettings, environment)

    assert [word for word in words if word not in str(error.value)] == []


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        load(ExampleSettings, {"DATCHUAN_PORT": "x", "DATCHUAN_PARTITIONS": "-1"})

    assert len(str(error.value).splitlines()) == 3


def test_an_error_never_shows_a_secret() -> None:
    with pytest.raises(SettingsError) as error:
        load(RuntimeSettings, {"DATCHUAN_DATABASE_URL": "mysql://u:hunter2@h/d"})

    assert "hunter2" not in str(error.value)
    assert "DATCHUAN_DATABASE_URL=(hidden): must look like postgresql://" in str(error.value)
    assert error.value.__cause__ is None


def test_settings_are_frozen() -> None:
    settings = load(RuntimeSettings, {})

    with pytest.raises(ValidationError):
        setattr(settings, "po" + "rt", 1)
