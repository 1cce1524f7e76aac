"""The tables of every schema, as their owners declare them."""

import importlib

from sqlalchemy import Column, MetaData, Sequence, Table

from shared.runtime.mailbox import MessagingTable

SCHEMAS = ("messaging", "ingest", "evaluator", "notifier")


def all_metadata() -> list[MetaData]:
    """Return the MetaData of each schema, in the order of SCHEMAS."""
    # A service keeps its tables to itself; only the migrations, which build them, look at all.
    modules = [importlib.import_module(f"services.{schema}.adapters.tables") for schema in SCHEMAS[1:]]
    return [MessagingTable.metadata, *(module.metadata for module in modules)]


def combined() -> MetaData:
    """Return one MetaData with the tables of all schemas, as alembic compares them."""
    result = MetaData()
    for metadata in all_metadata():
        for table in metadata.sorted_tables:
            table.to_metadata(result)
    return result


def sequences(metadata: MetaData) -> list[Sequence]:
    """Return the sequences declared beside the tables, which alembic does not see."""
    found = metadata._sequences.values()  # noqa: SLF001 - SQLAlchemy has no public list of them
    return sorted(found, key=lambda sequence: sequence.name)


def sequence_ddl(sequence: Sequence) -> str:
    """Return the statement that creates a sequence."""
    return f"CREATE SEQUENCE {sequence.schema}.{sequence.name} INCREMENT BY {sequence.increment or 1}"


def columns_with_storage(metadata: MetaData) -> list[tuple[Table, "Column[object]", str]]:
    """Return the columns whose `info` names how PostgreSQL is to store them, which SQLAlchemy cannot say."""
    return [
        (table, column, str(column.info["storage"]))
        for table in metadata.sorted_tables
        for column in table.columns
        if "storage" in column.info
    ]


def storage_ddl(table: Table, column: "Column[object]", storage: str) -> str:
    """Return the statement that sets a column's storage."""
    return f"ALTER TABLE {table.fullname} ALTER COLUMN {column.name} SET STORAGE {storage.upper()}"
