"""Connecting to PostgreSQL where several servers are named: to the one that takes writes."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from sqlalchemy import URL

from shared.runtime.errors import DependencyUnavailableError

# A host that vanished answers nothing at all: the others must have their turn soon.
_HOST_SECONDS = 3.0
_NOT_THIS_ONE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

Connect = Callable[..., Awaitable["asyncpg.Connection[asyncpg.Record]"]]


class PrimaryFinder:
    """Connects to the first of the servers that takes writes, beginning with the one found last."""

    def __init__(self, hosts: list[tuple[str, int]], connect: Connect = asyncpg.connect) -> None:
        self._hosts = list(hosts)
        self._connect = connect

    async def __call__(self, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
        """Connect as `asyncpg.connect` does."""
        reasons = []
        for place in tuple(self._hosts):
            host, port = place
            changes = {"host": host, "port": port, "timeout": _HOST_SECONDS, "target_session_attrs": "read-write"}
            try:
                connection = await self._connect(**(options | changes))
            except _NOT_THIS_ONE as error:
                reasons.append(f"{host}:{port}: {str(error) or type(error).__name__}")
            else:
                self._hosts.remove(place)
                self._hosts.insert(0, place)
                return connection
        raise DependencyUnavailableError(f"None of the PostgreSQL servers takes writes ({'; '.join(reasons)}).")


def primary_arguments(url: URL) -> dict[str, Any]:
    """Return what `create_async_engine` needs as connect_args for the URL: nothing when it names one server."""
    hosts = hosts_of(url)
    return {"async_creator_fn": PrimaryFinder(hosts)} if len(hosts) > 1 else {}


def hosts_of(url: URL) -> list[tuple[str, int]]:
    """Return the places of the servers that the URL names.

    >>> from sqlalchemy import make_url
    >>> hosts_of(make_url("postgresql+asyncpg://u:p@/d?host=h1:5432&host=h2:5433"))
    [('h1', 5432), ('h2', 5433)]
    """
    several = url.query.get("host", ())
    places = [several] if isinstance(several, str) else list(several)
    if not places:
        return [(url.host or "localhost", url.port or 5432)]
    split = [place.rpartition(":") for place in places]
    return [(host, int(port)) for host, _, port in split]
