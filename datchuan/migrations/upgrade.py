"""Bringing a database to the newest version of the schema."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.runtime.database_url import normal_database_url
from shared.runtime.primary import primary_arguments

VERSION_SCHEMA = "messaging"
# Two starters at once: the second waits here, and then finds nothing to do.
_LOCK = 0x0DA7_0001
T = TypeVar("T")


def upgrade(database_url: str) -> list[str]:
    """Apply the missing migrations and return their ids, oldest first; may be called with a running event loop."""
    return _run(database_url, _upgrade)


def current(database_url: str) -> tuple[str | None, str | None]:
    """Return the version of the database and the newest version there is."""
    return _run(database_url, lambda connection: (_version(connection), _scripts().get_current_head()))


def _run(database_url: str, work: Callable[[Connection], T]) -> T:
    async def connect() -> T:
        url = make_url(normal_database_url(database_url))
        engine = create_async_engine(url, poolclass=NullPool, connect_args=primary_arguments(url))
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    # A thread of its own, because the caller may be inside an event loop.
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, connect()).result()


def _upgrade(connection: Connection) -> list[str]:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {VERSION_SCHEMA}"))
    connection.commit()
    before = _version(connection)
    connection.commit()
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
    after = _version(connection)
    connection.rollback()
    if after == before:
        return []
    # The lock goes with the connection.
    revisions = _scripts().iterate_revisions(after, before)
    return [revision.revision for revision in revisions][::-1]


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table_schema": VERSION_SCHEMA}).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
