"""Access tokens: who a bearer of a token is and for which sources it may speak. Only the hash is ever stored."""

import base64
import hashlib
import secrets
from enum import StrEnum
from typing import Final

import msgspec

ANY_SOURCE: Final = "*"
PREFIX: Final = "dcn_"
RANDOM_BYTES: Final = 32
MAX_SOURCE_LENGTH: Final = 200


class Scope(StrEnum):
    """An endpoint that a token opens."""

    EVENTS = "events"
    DATA_VALUES = "data_values"


class Grant(msgspec.Struct, frozen=True):
    """What a valid token allows: its own source, the sources it may relay ("*" is any), and the endpoints."""

    source: str
    may_send: frozenset[str] = frozenset()
    scopes: frozenset[Scope] = frozenset(Scope)
    name: str = ""

    def allows(self, source: str) -> bool:
        """Return whether a report of `source` may be sent with this token."""
        return source == self.source or source in self.may_send or ANY_SOURCE in self.may_send


def is_source_name(name: str) -> bool:
    """Return whether a text can name a source: printable, not empty, not too long, and not the sign for all."""
    return bool(name) and name.isprintable() and len(name) <= MAX_SOURCE_LENGTH and name != ANY_SOURCE


def new_token() -> str:
    """Return a fresh token with 256 bits of chance; the prefix lets secret scanners find a leaked one."""
    return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def hash_token(token: str) -> bytes:
    """Return the SHA-256 of a token. It needs no salt: the token itself is random."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def token_of(authorization: str | None) -> str | None:
    """Return the token in an Authorization header, or None.

    Bearer is the usual way. Senders made for DHIS2 know two others, and need no change: its own scheme ApiToken, and
    Basic, where the token stands as the password.

    >>> token_of("Bearer abc"), token_of("ApiToken abc"), token_of("Basic dXNlcjphYmM="), token_of(None)
    ('abc', 'abc', 'abc', None)
    """
    scheme, _, credentials = (authorization or "").strip().partition(" ")
    credentials = credentials.strip()
    if scheme.casefold() in ("bearer", "apitoken"):
        return credentials or None
    if scheme.casefold() != "basic":
        return None
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")[2] or None
    except ValueError:
        return None
