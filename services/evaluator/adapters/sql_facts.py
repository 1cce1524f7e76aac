"""Writing facts behind: by COPY into a staging table, which is cheaper than arrays, and from there by key.

The staging table belongs to the session of the writer and is empty between transactions.
"""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.adapters.copying import copy_in
from services.evaluator.adapters.sql_read import FACT_COLUMNS
from shared.contracts.wire import IndicatorReported

_STAGE = "fact_stage"
_KEY = ("unit", "indicator", "cell", "period_end", "period_start", "part")
_NAMES = tuple(name.strip() for name in FACT_COLUMNS.split(","))
_CREATE_STAGE = text(f"CREATE TEMPORARY TABLE IF NOT EXISTS {_STAGE} (LIKE evaluator.fact) ON COMMIT DELETE ROWS")
_MERGE = text(
    f"INSERT INTO evaluator.fact AS known ({FACT_COLUMNS}) SELECT {FACT_COLUMNS} FROM pg_temp.{_STAGE} "
    f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name not in _KEY)
    + " WHERE (excluded.observed_at, excluded.seq) > (known.observed_at, known.seq)"
)


async def open_stage(connection: AsyncConnection) -> None:
    """Create the staging table for the rest of the session."""
    await connection.execute(_CREATE_STAGE)


async def write(connection: AsyncConnection, facts: Iterable[IndicatorReported]) -> None:
    """Write facts that are sorted by key, each unless a newer report of it is stored."""
    source = "".join(map(_row, facts)).encode()
    if not source:
        return
    await copy_in(connection, _STAGE, _NAMES, source)
    await connection.execute(_MERGE)


def _row(fact: IndicatorReported) -> str:
    """Return a fact as COPY reads it, in the order of FACT_COLUMNS."""
    fields = (
        *(_escaped(fact.unit), fact.indicator, fact.cell, fact.period_end.isoformat(), fact.period_start.isoformat()),
        *(fact.part, str(fact.seq), fact.observed_at.isoformat(), _escaped(fact.event_id), _escaped(fact.source)),
        *(_number(fact.numerator), _number(fact.denominator), _number(fact.value), "t" if fact.deleted else "f"),
        *(fact.stage or r"\N", fact.valid_until.isoformat() if fact.valid_until else r"\N"),
    )
    return "\t".join(fields) + "\n"


def _number(value: float | None) -> str:
    return r"\N" if value is None else str(value)


def _escaped(given: str) -> str:
    """Return a text for COPY, which takes only the backslash for something else: ids hold no control characters."""
    return given.replace("\\", "\\\\") if "\\" in given else given
