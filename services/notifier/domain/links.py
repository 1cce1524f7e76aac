"""The link in a message by which its reader acknowledges what it tells: signed, with an end, good for one message."""

import base64
import binascii
import datetime as dt
import hashlib
import hmac

LINK_DAYS = 30
MIN_SECRET_BYTES = 32
_SEPARATOR = "."
_LONGEST = 400


class ForgedLinkError(ValueError):
    """The link was not made here, or was changed on its way."""


class ExpiredLinkError(ValueError):
    """The link is genuine, but its time is over."""


def link_for(delivery_id: str, expires: dt.datetime, secret: bytes, public_url: str) -> str:
    """Return the address at which the message of a delivery is acknowledged until a moment."""
    return f"{public_url.rstrip('/')}/ack/{token_for(delivery_id, expires, secret)}"


def token_for(delivery_id: str, expires: dt.datetime, secret: bytes) -> str:
    """Return the signed part of a link: the delivery and the moment at which it expires, both readable, and a seal."""
    claim = f"{int(expires.timestamp())}:{delivery_id}".encode()
    return _SEPARATOR.join((_text(claim), _text(_seal(claim, secret))))


def delivery_of(token: str, secret: bytes, now: dt.datetime) -> str:
    """Return the delivery of a token.

    Raise ForgedLinkError for one that this secret has not signed, ExpiredLinkError for one whose time is over.
    """
    claim_text, found, seal_text = token.partition(_SEPARATOR)
    if not found or len(token) > _LONGEST:
        raise ForgedLinkError("the link is not complete")
    claim, seal = _bytes(claim_text), _bytes(seal_text)
    # Compared as text, too: base64 has several spellings of the same bytes.
    if not hmac.compare_digest(seal, _seal(claim, secret)) or _text(seal) != seal_text:
        raise ForgedLinkError("the signature of the link is wrong")
    expires, _, delivery_id = claim.decode().partition(":")
    if now.timestamp() >= int(expires):
        raise ExpiredLinkError("the link has expired")
    return delivery_id


def _seal(claim: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, claim, hashlib.sha256)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ForgedLinkError("the link is not complete") from error
