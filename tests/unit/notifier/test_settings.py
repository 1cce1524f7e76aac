import datetime as dt

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
        pytest.param("DATCHUAN_SMTP_PER_DOMAIN", "0", id="no connection for a domain"),
        pytest.param("DATCHUAN_SMTP_CA_FILE", "/run/ca.pem", id="a CA and no TLS"),
        pytest.param("DATCHUAN_MAIL_FROM", "Đạt Chuẩn", id="sender without an address"),
        pytest.param("DATCHUAN_GROUP_WINDOW_SECONDS", "-1", id="negative window"),
        pytest.param("DATCHUAN_LINK_SECRET", "ngắn", id="short secret"),
        pytest.param("DATCHUAN_NOTIFIER_API_TOKEN", "ngắn", id="short token"),
        pytest.param("DATCHUAN_PUBLIC_URL", "canhbao.example", id="address without https"),
        pytest.param("DATCHUAN_PATH_PREFIX", "canh-bao", id="prefix without a slash"),
        pytest.param("DATCHUAN_PATH_PREFIX", "/canh-bao/", id="prefix with a slash at its end"),
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


def test_links_are_written_only_with_a_secret_and_an_address() -> None:
    given = {
        "DATCHUAN_LINK_SECRET": "s" * 32,
        "DATCHUAN_PUBLIC_URL": "https://canhbao.example/",
        "DATCHUAN_PATH_PREFIX": "/x",
    }
    now = dt.datetime(2024, 10, 15, tzinfo=dt.UTC)

    link = load(NotifierSettings, given).link("d1", now)

    assert link is not None
    assert link.startswith("https://canhbao.example/x/ack/")
    for missing in ("DATCHUAN_LINK_SECRET", "DATCHUAN_PUBLIC_URL"):
        assert load(NotifierSettings, {name: given[name] for name in given if name != missing}).link("d1", now) is None
