"""asyncpg's own connection for the transactions of the journal: SQLAlchemy takes five times as long for a statement."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import structlog
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.database import Driver, raw_connection
from shared.runtime.errors import DependencyUnavailableError

_log = structlog.get_logger(__name__)

_CLOSE_SECONDS: Final = 1.0
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
    """Lend a connection out of the engine's pool; only one in a known state comes back to it.

    What the server answers and a value that the driver refuses leave a connection sound. After anything else (a commit
    given up, a session that was just being ended) nobody knows what it still does: it is closed.
    """
    async with engine.connect() as connection:
        driver = await raw_connection(connection)
        try:
            yield driver
        except (asyncpg.PostgresError, ValueError):
            raise
        except BaseException as error:
            await _close(driver)
            if isinstance(error, asyncpg.InterfaceError):
                raise DependencyUnavailableError(f"The connection to PostgreSQL was lost: {error}") from error
            raise
        finally:
            if driver.is_closed():
                await connection.invalidate()


async def _close(driver: Driver) -> None:
    """End a session; what it still runs is cancelled, unless the server does not listen."""
    try:
        await driver.close(timeout=_CLOSE_SECONDS)
    except Exception as error:  # noqa: BLE001 - however it fails, the driver has let go of the connection
        _log.info("a session could not be closed in order", error=type(error).__name__)


def on_other_session(engine: AsyncEngine, call: Callable[[], None]) -> None:
    """Have `call` called whenever a session of the engine is lost or begins: the next may be on another server."""
    for name in ("invalidate", "connect"):
        event.listen(engine.sync_engine, name, lambda *_: call())
