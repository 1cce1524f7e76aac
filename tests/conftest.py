"""Fixtures of all tests: the real servers, and who is to blame for what was not closed."""

import gc
from collections.abc import Iterator

import pytest

from datchuan.migrations import upgrade
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.valkey import EmbeddedValkey
from shared.testing.servers import empty_redis, fresh_database, start_postgres, start_valkey


def pytest_make_parametrize_id(val: object) -> str | None:
    """Do not name tests after packed bytes: those hold the time, and all workers must call a test by the same name."""
    return "bytes" if isinstance(val, bytes) and not val.isascii() else None


def pytest_collection_finish() -> None:
    """Keep the tests themselves, and all that was imported for them, out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """Collect the garbage of each module: a socket that it left open in a cycle of references fails a test of its own.

    Otherwise Python finds it whenever it next looks, perhaps minutes later, and the warning fails an innocent test.
    """
    yield
    gc.collect()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One PostgreSQL for the session."""
    with start_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """One Valkey for the session."""
    with start_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a fresh migrated database."""
    with fresh_database(postgres_server, upgrade) as url:
        yield url


@pytest.fixture
def redis_url(valkey_server: EmbeddedValkey) -> Iterator[str]:
    """The URL of an empty Valkey."""
    with empty_redis(valkey_server) as url:
        yield url
