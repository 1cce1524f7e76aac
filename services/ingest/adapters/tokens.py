"""Tokens in PostgreSQL: the store that the command line works on, and the look-up that remembers for a few seconds."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.domain.tokens import Grant, Scope, hash_token, is_source_name, new_token

_CREATE: Final = text(
    "INSERT INTO ingest.token (name, source, may_send, scopes, sha256) "
    "VALUES (:name, :source, CAST(:may_send AS text[]), CAST(:scopes AS text[]), :sha256) RETURNING id"
)
_LIST: Final = text("SELECT id, name, source, may_send, scopes, created_at, revoked_at FROM ingest.token ORDER BY id")
_REVOKE: Final = text(
    "UPDATE ingest.token SET revoked_at = clock_timestamp() WHERE id = :id AND revoked_at IS NULL RETURNING id"
)
_FIND: Final = text(
    "SELECT name, source, may_send, scopes FROM ingest.token WHERE sha256 = :sha256 AND revoked_at IS NULL"
)
_OF_SOURCE: Final = text(
    "SELECT name, source, may_send, scopes FROM ingest.token WHERE source = :source AND revoked_at IS NULL"
)
_MAX_REMEMBERED: Final = 10_000


class TokenRow(msgspec.Struct, frozen=True):
    """A token as the command line shows it: never its text, never its hash."""

    id: int
    name: str
    source: str
    may_send: list[str]
    scopes: list[str]
    created_at: dt.datetime
    revoked_at: dt.datetime | None


class SqlTokenStore:
    """Creates, lists, revokes and finds tokens."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(
        self, name: str, source: str, may_send: Collection[str] = (), scopes: Collection[Scope] = tuple(Scope)
    ) -> tuple[int, str]:
        """Store a new token and return its number and its text, which nobody can read again."""
        if not is_source_name(source):
            raise ValueError(f"{source!r} cannot name a source: use a short printable name.")
        token = new_token()
        parameters = {
            "name": name,
            "source": source,
            "may_send": sorted(may_send),
            "scopes": sorted(scope.value for scope in scopes),
            "sha256": hash_token(token),
        }
        async with self._engine.begin() as connection:
            return int((await connection.execute(_CREATE, parameters)).scalar_one()), token

    async def list(self) -> "list[TokenRow]":
        """Return all tokens, revoked ones too, oldest first."""
        async with self._engine.connect() as connection:
            return [TokenRow(*row) for row in await connection.execute(_LIST)]

    async def revoke(self, token_id: int) -> bool:
        """End a token; return False when there is no such valid token."""
        async with self._engine.begin() as connection:
            return (await connection.execute(_REVOKE, {"id": token_id})).first() is not None

    async def find(self, sha256: bytes) -> Grant | None:
        """Return what a token with this hash allows, or None when there is no valid one."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(_FIND, {"sha256": sha256})).first()
        return None if row is None else _grant(row)

    async def grant_of_source(self, source: str) -> Grant:
        """Return what all valid tokens of a source together allow, for reading its quarantined rows again."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_OF_SOURCE, {"source": source})).all()
        grants = [_grant(row) for row in rows]
        return Grant(source, frozenset[str]().union(*(grant.may_send for grant in grants)))


def _grant(row: Any) -> Grant:
    scopes = frozenset(Scope(scope) for scope in row.scopes if scope in tuple(Scope))
    return Grant(row.source, frozenset(row.may_send), scopes, row.name)


class TokenCache:
    """Remembers look-ups for a few seconds: a revoked token ends that much later at the latest."""

    def __init__(self, find: Callable[[bytes], Awaitable[Grant | None]], seconds: float) -> None:
        self._find = find
        self._seconds = seconds
        self._remembered: dict[bytes, tuple[float, Grant | None]] = {}

    async def grant(self, token: str) -> Grant | None:
        """Return what a token allows, or None for one that is unknown or revoked."""
        sha256 = hash_token(token)
        now = asyncio.get_running_loop().time()
        remembered = self._remembered.get(sha256)
        if remembered is not None and now < remembered[0]:
            return remembered[1]
        grant = await self._find(sha256)
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[sha256] = (now + self._seconds, grant)
        return grant
