"""Links by which the reader of a message acknowledges it."""

import base64
import datetime as dt

import pytest

from services.notifier.domain.links import ExpiredLinkError, ForgedLinkError, delivery_of, link_for, token_for

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = dt.datetime(2024, 10, 15, 2, 30, tzinfo=dt.UTC)
EXPIRES = NOW + dt.timedelta(days=30)
DELIVERY = "0b0c8f0e-6a43-4a6e-9f1c-1d7a3f1f0a11"


def test_a_link_leads_back_to_its_delivery() -> None:
    link = link_for(DELIVERY, EXPIRES, SECRET, "https://canhbao.example/x/")

    assert link.startswith("https://canhbao.example/x/ack/")
    assert delivery_of(link.rpartition("/")[2], SECRET, NOW) == DELIVERY


def test_a_link_ends() -> None:
    token = token_for(DELIVERY, EXPIRES, SECRET)

    assert delivery_of(token, SECRET, EXPIRES - dt.timedelta(seconds=1)) == DELIVERY
    with pytest.raises(ExpiredLinkError):
        delivery_of(token, SECRET, EXPIRES)


def forged() -> list[str]:
    token = token_for(DELIVERY, EXPIRES, SECRET)
    claim, _, seal = token.partition(".")
    later = base64.urlsafe_b64encode(f"{int(EXPIRES.timestamp()) + 86_400}:{DELIVERY}".encode()).rstrip(b"=").decode()
    other = token_for(DELIVERY, EXPIRES, b"another secret of thirty-two bytes")
    return [
        *("", ".", claim, f"{claim}.", f".{seal}", f"{later}.{seal}", f"{claim}.{other.partition('.')[2]}", other),
        *(f"{token}x", f"{token}=", token[:-1], token.upper(), f"{token}.{seal}", "ạ.ạ", token + "A" * 500),
    ]


@pytest.mark.parametrize("token", forged())
def test_what_was_not_signed_with_the_secret_is_refused(token: str) -> None:
    with pytest.raises(ForgedLinkError):
        delivery_of(token, SECRET, NOW)


def test_no_change_of_a_single_character_passes() -> None:
    token = token_for(DELIVERY, EXPIRES, SECRET)
    changed = (token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token)))

    for one in changed:
        with pytest.raises(ForgedLinkError):
            delivery_of(one, SECRET, NOW)
