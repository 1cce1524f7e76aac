"""PostgreSQL: the engine, waiting for it, and telling an outage from a bug."""

import asyncio
from collections.abc import Iterator
from typing import TypeAlias

import asyncpg
from pydantic import SecretStr
from redis import exceptions as redis_errors
from sqlalchemy import MetaData, exc, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.runtime.errors import DependencyUnavailableError, LeaseLostError
from shared.runtime.primary import hosts_of, primary_arguments

Driver: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

LACKS_TABLES = "the database lacks the tables of this version: run `datchuan migrate`"
# A schema, a table or a column that is not there.
_SCHEMA_STATES = frozenset({"3F000", "42P01", "42703"})
# SQLSTATE classes that say "try again later", not "this message is bad": connection, invalid authorization, rolled
# back (deadlock), out of resources, operator intervention, system error.
_OUTAGE_CLASSES = frozenset({"08", "28", "40", "53", "57", "58"})
# The same for single states: read-only server, lock not available, and a database that is missing, not migrated or
# not granted yet. Burying messages for those would empty the mailbox because of one forgotten deployment step.
_OUTAGE_STATES = frozenset({"25006", "55P03", "3D000", "42501"}) | _SCHEMA_STATES
_OUTAGE_TYPES = (
    OSError,
    TimeoutError,
    LeaseLostError,
    DependencyUnavailableError,
    # The driver's protocol met something out of turn: the server was just ending the session.
    asyncpg.InternalClientError,
    redis_errors.ConnectionError,
    redis_errors.TimeoutError,
    redis_errors.ReadOnlyError,
    redis_errors.OutOfMemoryError,
    redis_errors.ClusterDownError,
    redis_errors.TryAgainError,
    redis_errors.RedisClusterException,
)

# "connection is closed", "connection was closed in the middle of operation"; and what a rollback says after a COPY
# whose session the server has ended.
_BROKEN_SESSION = ("clos", "another operation is in progress")

_COLUMNS_OF = text("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = :schema")


def create_database(
    url: SecretStr,
    application_name: str,
    pool_size: int = 5,
    *,
    command_timeout_seconds: float | None = 60,
) -> AsyncEngine:
    """Build an engine on asyncpg; nothing connects before its first use."""
    address = make_url(url.get_secret_value())
    return create_async_engine(
        address,
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,  # the connection used last: its backend and its caches are warm
        pool_timeout=10,
        connect_args=primary_arguments(address)
        | {
            "timeout": 10,
            "command_timeout": command_timeout_seconds,
            "server_settings": {
                "application_name": application_name,
                "jit": "off",
                # A host that vanished gives up its locks (the lease) after 25 seconds, not after two hours.
                "tcp_keepalives_idle": "10",
                "tcp_keepalives_interval": "5",
                "tcp_keepalives_count": "3",
            },
        },
    )


async def wait_for_database(engine: AsyncEngine, timeout_seconds: float) -> None:
    """Return once PostgreSQL answers; raise DependencyUnavailableError when it does not within the time."""
    deadline = asyncio.get_running_loop().time() + timeout_seconds
    while True:
        try:
            await ping(engine)
        except Exception as error:
            if not is_outage(error) or asyncio.get_running_loop().time() > deadline:
                places = ", ".join(f"{host}:{port}" for host, port in hosts_of(engine.url))
                raise DependencyUnavailableError(
                    f"PostgreSQL at {places} did not answer within {timeout_seconds:g} s: "
                    f"{error}. Check DATCHUAN_DATABASE_URL."
                ) from error
        else:
            return
        await asyncio.sleep(0.1)


async def ping(engine: AsyncEngine) -> None:
    """Make one round trip to PostgreSQL."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


def is_outage(error: BaseException) -> bool:
    """Tell whether the error comes from a server that is away, so that trying again for ever is right.

    A loop does so for a wrong schema, too: its messages stay until the schema is right. A caller who waits for an
    answer asks `is_wrong_schema` first.
    """
    for current in _causes(error):
        if isinstance(current, exc.DBAPIError) and current.connection_invalidated:
            return True
        if isinstance(current, (*_OUTAGE_TYPES, exc.TimeoutError)) or _is_outage_state(current):
            return True
        if isinstance(current, asyncpg.InterfaceError) and any(sign in str(current) for sign in _BROKEN_SESSION):
            return True
    return False


def is_wrong_schema(error: BaseException) -> bool:
    """Tell whether the database that answers lacks what this version needs: LACKS_TABLES says what to do."""
    return any(getattr(current, "sqlstate", None) in _SCHEMA_STATES for current in _causes(error))


async def missing_columns(engine: AsyncEngine, metadata: MetaData) -> list[str]:
    """Return the columns of declared tables that the database does not have, as "schema.table.column"."""
    async with engine.connect() as connection:
        found = await connection.execute(_COLUMNS_OF, {"schema": metadata.schema})
        there = {(row.table_name, row.column_name) for row in found}
    return [
        f"{table.schema}.{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if (table.name, column.name) not in there
    ]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised for, down to the driver's own."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (current.orig if isinstance(current, exc.DBAPIError) else None)


def _is_outage_state(error: BaseException) -> bool:
    state = getattr(error, "sqlstate", None)
    return isinstance(state, str) and (state[:2] in _OUTAGE_CLASSES or state in _OUTAGE_STATES)


async def raw_connection(connection: AsyncConnection) -> Driver:
    """Return asyncpg's own connection behind SQLAlchemy's, for COPY; it shares the running transaction."""
    pooled = await connection.get_raw_connection()
    driver = pooled.driver_connection
    if driver is None:
        raise DependencyUnavailableError("The connection to PostgreSQL has just been given up.")
    if not isinstance(driver, asyncpg.Connection):
        raise TypeError("The engine does not run on asyncpg.")
    return driver
