"""The tables of every schema, as their owners declare them."""

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType

from sqlalchemy import Column, MetaData, Sequence, Table

from shared.runtime.mailbox import MessagingTable

SCHEMAS = ("messaging", "ingest", "evaluator", "notifier")


def all_metadata() -> list[MetaData]:
    """Return the MetaData of each schema, in the order of SCHEMAS."""
    return [MessagingTable.metadata, *(_metadata_of(schema) for schema in SCHEMAS[1:])]


def _metadata_of(service: str) -> MetaData:
    # A service keeps its tables to itself; only the migrations, which build them, look at all.
    metadata: MetaData = importlib.import_module(f"services.{service}.adapters.tables").metadata
    _modules_beside(service)
    return metadata


def _modules_beside(service: str) -> dict[str, ModuleType]:
    """Return the modules "..._tables" of a service, by the first part of their names."""
    adapters = importlib.import_module(f"services.{service}.adapters")
    names = sorted(module.name for module in pkgutil.iter_modules(adapters.__path__) if module.name.endswith("_tables"))
    return {name.removesuffix("_tables"): importlib.import_module(f"{adapters.__name__}.{name}") for name in names}


@dataclass(frozen=True, slots=True)
class Part:
    """The tables that one migration creates, in this order: those of one module."""

    name: str
    schema: str
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...] = ()


def parts() -> list[Part]:
    """Return all tables as parts: for each schema those of its module `tables`, then those of the modules beside it."""
    found: list[Part] = []
    for schema, metadata in zip(SCHEMAS, all_metadata(), strict=True):
        modules = {} if schema == SCHEMAS[0] else _modules_beside(schema)
        beside = {name: _tables_of(module) for name, module in modules.items()}
        elsewhere = {table.name for tables in beside.values() for table in tables}
        own = tuple(table for table in metadata.sorted_tables if table.name not in elsewhere)
        found.append(Part(schema, schema, own, tuple(sequences(metadata))))
        found += [Part(f"{schema}_{name}", schema, tables) for name, tables in beside.items()]
    return found


def _tables_of(module: ModuleType) -> tuple[Table, ...]:
    classes = [each for each in vars(module).values() if getattr(each, "__module__", None) == module.__name__]
    tables = [each.__table__ for each in classes if isinstance(getattr(each, "__table__", None), Table)]
    return tuple(sorted(tables, key=lambda table: str(table.name)))


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


def columns_with_storage(tables: Iterable[Table]) -> list[tuple[Table, "Column[object]", str]]:
    """Return the columns whose `info` names how PostgreSQL is to store them, which SQLAlchemy cannot say."""
    return [
        (table, column, str(column.info["storage"]))
        for table in tables
        for column in table.columns
        if "storage" in column.info
    ]


def storage_ddl(table: Table, column: "Column[object]", storage: str) -> str:
    """Return the statement that sets a column's storage."""
    return f"ALTER TABLE {table.fullname} ALTER COLUMN {column.name} SET STORAGE {storage.upper()}"


def extra_ddl(tables: Iterable[Table]) -> list[str]:
    """Return the statements of the tables' info "ddl", to be run once all of them are there: triggers, for example."""
    return _statements(tables, "ddl")


def extra_drops(tables: Iterable[Table]) -> list[str]:
    """Return the statements of the tables' info "drop", to be run once all of them are dropped."""
    return _statements(tables, "drop")


def _statements(tables: Iterable[Table], name: str) -> list[str]:
    found = (statement for table in tables for statement in table.info.get(name, ()))
    return list(dict.fromkeys(statement.strip() for statement in found))
