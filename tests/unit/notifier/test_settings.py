import pytest

from services.notifier.settings import NotifierSettings
from shared.runtime.settings import SettingsError, load


def test_the_defaults_suit_a_laptop() -> None:
    settings = load(NotifierSettings, {})

    assert (settings.port, settings.smtp_port, settings.smtp_security) == (8082, 1025, "none")
    assert settings.windows.group_seconds == 5


def test_a_delivery_in_hand_is_never_taken_by_another_before_its_own_timeout() -> None:
    settings = load(NotifierSettings, {"DATCHUAN_SEND_TIMEOUT_SECONDS": "60"})

    assert settings.lease_seconds > settings.send_timeout_seconds


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("DATCHUAN_SMTP_SECURITY", "ssl", id="unknown security"),
        pytest.param("DATCHUAN_SMTP_CONNECTIONS", "0", id="no connection"),
        pytest.param("DATCHUAN_MAIL_FROM", "Đạt Chuẩn", id="sender without an address"),
        pytest.param("DATCHUAN_GROUP_WINDOW_SECONDS", "-1", id="negative window"),
    ],
)
def test_a_bad_value_is_refused_with_its_name(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        load(NotifierSettings, {variable: value})


def test_a_user_without_a_password_is_refused() -> None:
    with pytest.raises(SettingsError, match="go together"):
        load(NotifierSettings, {"DATCHUAN_SMTP_USER": "datchuan"})


def test_the_password_is_never_shown() -> None:
    given = {"DATCHUAN_SMTP_USER": "datchuan", "DATCHUAN_SMTP_PASSWORD": "bi-mat"}

    assert "bi-mat" not in repr(load(NotifierSettings, given))
