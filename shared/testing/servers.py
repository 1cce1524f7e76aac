"""Real servers for tests: one PostgreSQL and one Valkey a session, a database cloned from a template for each test."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import redis

from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.valkey import EmbeddedValkey

_TEMPLATE = "datchuan_template"
_numbers = itertools.count(1)
_template_lock = threading.Lock()
_templates: set[Path] = set()
T = TypeVar("T")


@contextmanager
def start_postgres(folder: Path, standby_of: EmbeddedPostgres | None = None) -> Iterator[EmbeddedPostgres]:
    """Run a PostgreSQL for tests: a crash of the machine may cost it its data, a kill -9 does not."""
    settings = {"fsync": "off", "full_page_writes": "off", "max_connections": "200"}
    server = EmbeddedPostgres(folder, settings=settings, standby_of=standby_of)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def start_valkey(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[EmbeddedValkey]:
    """Run a Valkey for tests."""
    server = EmbeddedValkey(folder, settings=settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def fresh_database(server: EmbeddedPostgres, migrate: Callable[[str], object]) -> Iterator[str]:
    """Yield the URL of a new migrated database; the migrations run once a server, then the template is copied."""
    with _template_lock:
        if server.folder not in _templates:
            run_in_thread(_execute(server, f"CREATE DATABASE {_TEMPLATE}"))
            migrate(server.url(_TEMPLATE))
            _templates.add(server.folder)
    name = f"test_{next(_numbers)}"
    run_in_thread(_execute(server, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY"))
    try:
        yield server.url(name)
    finally:
        run_in_thread(_execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@contextmanager
def empty_database(server: EmbeddedPostgres) -> Iterator[str]:
    """Yield the URL of a new database without any table."""
    name = f"empty_{next(_numbers)}"
    run_in_thread(_execute(server, f"CREATE DATABASE {name}"))
    try:
        yield server.url(name)
    finally:
        run_in_thread(_execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@contextmanager
def empty_redis(server: EmbeddedValkey) -> Iterator[str]:
    """Yield the URL of a Valkey that holds nothing."""
    client = redis.Redis.from_url(server.url)
    try:
        client.flushall()
    finally:
        client.close()
    yield server.url


def run_in_thread(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on an event loop of another thread, whether or not this one has a loop."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def _execute(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.url("postgres").replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
