"""asyncpg's own connection for the transactions of the journal: SQLAlchemy takes five times as long for a statement."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.database import Driver, raw_connection

_NAME: Final = re.compile(r"(?<!:):([a-z_]+)")


class Statement:
    """A statement whose parameters have names (":source"), each of them used once.

    >>> Statement("SELECT CAST(:one AS text), CAST(:two AS text)").sql
    'SELECT CAST($1 AS text), CAST($2 AS text)'
    """

    def __init__(self, sql: str) -> None:
        self._names = _NAME.findall(sql)
        numbers = iter(range(1, len(self._names) + 1))
        self.sql = _NAME.sub(lambda _: f"${next(numbers)}", sql)

    async def run(self, driver: Driver, parameters: Mapping[str, Any]) -> list[asyncpg.Record]:
        """Run the statement and return its rows."""
        rows: list[asyncpg.Record] = await driver.fetch(self.sql, *[parameters[name] for name in self._names])
        return rows


@asynccontextmanager
async def lent_driver(engine: AsyncEngine) -> AsyncIterator[Driver]:
    """Lend a connection out of the engine's pool; one that was lost does not come back to it."""
    async with engine.connect() as connection:
        driver = await raw_connection(connection)
        try:
            yield driver
        finally:
            if driver.is_closed():
                await connection.invalidate()
