"""The migrations on a real PostgreSQL."""

import importlib.util
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from datchuan.migrations import current, upgrade
from datchuan.migrations.autogenerate import main, render_all
from datchuan.migrations.metadata import SCHEMAS, all_metadata, columns_with_storage, combined, sequences
from shared.embedded.postgres import EmbeddedPostgres
from shared.testing.servers import empty_database

pytestmark = pytest.mark.integration


@pytest.fixture
def empty_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    with empty_database(postgres_server) as url:
        yield url


def differences(connection: Connection) -> list[object]:
    """What the tables declare and the database has not, or the reverse."""

    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "schema" or name in SCHEMAS

    context = MigrationContext.configure(
        connection,
        opts={
            "include_schemas": True,
            "include_name": is_ours,
            "version_table_schema": "messaging",
            "compare_type": True,
            "compare_server_default": True,
        },
    )
    return [*compare_metadata(context, combined()), *storage_differences(connection), *sequence_differences(connection)]


def storage_differences(connection: Connection) -> list[object]:
    declared = {
        (table.schema, table.name, column.name)
        for metadata in all_metadata()
        for table, column, _ in columns_with_storage(metadata.sorted_tables)
    }
    found = connection.execute(
        text(
            "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = ANY(:schemas) AND c.relkind = 'r' AND a.attstorage = 'e'"
        ),
        {"schemas": list(SCHEMAS)},
    )
    return list(declared ^ {tuple(row) for row in found})


def sequence_differences(connection: Connection) -> list[object]:
    declared = {
        (sequence.schema, sequence.name, sequence.increment or 1)
        for metadata in all_metadata()
        for sequence in sequences(metadata)
    }
    found = connection.execute(
        text(
            "SELECT schemaname, sequencename, increment_by FROM pg_sequences WHERE schemaname = ANY(:schemas) "
            "AND NOT EXISTS (SELECT FROM pg_depend WHERE deptype IN ('a', 'i') "
            "AND objid = format('%I.%I', schemaname, sequencename)::regclass)"
        ),
        {"schemas": list(SCHEMAS)},
    )
    return list(declared ^ {tuple(row) for row in found})


async def compare(url: str) -> list[object]:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        return await connection.run_sync(differences)


async def test_the_migrated_schema_is_what_the_tables_declare(database_url: str) -> None:
    assert await compare(database_url) == []


async def test_a_difference_between_schema_and_tables_is_found(database_url: str) -> None:
    engine = create_async_engine(database_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE messaging.mailbox DROP COLUMN created_at"))
        await connection.execute(text("ALTER TABLE messaging.dead_letter ALTER COLUMN payload SET STORAGE MAIN"))

    found = {str(difference) for difference in await compare(database_url)}

    assert any("created_at" in difference for difference in found)
    assert any("dead_letter" in difference for difference in found)


async def test_the_rendered_migrations_build_what_the_tables_declare(empty_url: str, tmp_path: Path) -> None:
    def run(connection: Connection) -> None:
        with Operations.context(MigrationContext.configure(connection)):
            for name, code in render_all().items():
                path = tmp_path / name
                path.write_text(code, encoding="utf-8")
                spec = importlib.util.spec_from_file_location(path.stem, path)
                assert spec is not None
                assert spec.loader is not None
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                module.upgrade()

    engine = create_async_engine(empty_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(run)

    assert await compare(empty_url) == []


def test_the_generator_tells_when_the_migrations_are_not_what_the_tables_declare(tmp_path: Path) -> None:
    main([str(tmp_path)])
    assert main(["--check", str(tmp_path)]) == 0
    (tmp_path / "v0001_messaging.py").write_text("changed by hand", encoding="utf-8")

    assert main(["--check", str(tmp_path)]) == 1


def test_upgrading_twice_does_nothing_the_second_time(empty_url: str) -> None:
    first, second = upgrade(empty_url), upgrade(empty_url)

    assert first == sorted(first)
    assert first[0] == "0001"
    assert second == []
    assert current(empty_url) == (first[-1], first[-1])


def test_an_empty_database_has_no_version(empty_url: str) -> None:
    assert current(empty_url)[0] is None


async def test_two_starters_at_once_upgrade_once(empty_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(upgrade, [empty_url, empty_url]))

    assert [] in results
    assert await compare(empty_url) == []
