"""What most commands need: settings, the catalog, the clock, and work on the database with clear failures."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import asyncpg
from pydantic import Field, SecretStr
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.errors import USAGE, CommandError
from datchuan.stack.folder import Addresses, DataFolder
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.catalog.problems import CatalogError
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database, is_outage
from shared.runtime.settings import RuntimeSettings, SettingsError, load

Result = TypeVar("Result")

DEFAULT_DATA = Path("~/.local/share/datchuan")
_FIRST_DAY, _LAST_DAY = dt.date(1945, 1, 1), dt.date(2999, 12, 31)
_NO_SCHEMA = frozenset({"3F000", "42P01", "42703"})


class CommandSettings(RuntimeSettings):
    """Settings of the command line: those of the services, and how to find a stack or an ingest of one's own."""

    data: Path = DEFAULT_DATA
    ingest_url: str | None = None
    token: SecretStr | None = None
    silence_max_days: int = Field(default=90, ge=1, le=3_650)


class Session:
    """The surroundings of one command: its settings, and the stack that runs on its data folder, if any."""

    def __init__(self) -> None:
        try:
            self.settings = load(CommandSettings)
        except SettingsError as error:
            raise CommandError(str(error), "Mend the environment variable and try again.", USAGE) from error
        self.folder = DataFolder(self.settings.data)

    @property
    def stack(self) -> Addresses | None:
        """The stack that runs on the data folder, unless the environment names a database."""
        return None if "database_url" in self.settings.model_fields_set else self.folder.running()

    @property
    def database_url(self) -> SecretStr:
        """The database that the environment names, else that of the running stack, else the default one."""
        stack = self.stack
        return SecretStr(stack.database_url) if stack else self.settings.database_url

    @property
    def catalog_folder(self) -> Path | None:
        """The catalog folder that the environment names, else that of the running stack; None for the shipped one."""
        stack = self.stack
        return self.settings.catalog or (Path(stack.catalog) if stack and stack.catalog else None)

    @property
    def partitions(self) -> int:
        """The number of partitions of the running stack, or that of the environment."""
        stack = self.stack
        return stack.partitions if stack else self.settings.partitions

    def catalog(self) -> Catalog:
        """Return the operator's catalog, or the shipped one."""
        return open_catalog(self.catalog_folder)

    def clock(self) -> SystemClock:
        """Return the clock of the environment or of the running stack."""
        stack = self.stack
        offset = stack.clock_offset_days if stack else self.settings.clock_offset_days
        return SystemClock(offset)

    def run(self, work: Callable[[AsyncEngine], Awaitable[Result]]) -> Result:
        """Do work on the database; an outage or missing tables become a CommandError."""
        return asyncio.run(self._run(work))

    async def _run(self, work: Callable[[AsyncEngine], Awaitable[Result]]) -> Result:
        engine = create_database(self.database_url, "datchuan-cli", pool_size=2)
        try:
            return await work(engine)
        except DBAPIError as error:
            raise _explained(error, engine) or error from error
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise _explained(error, engine) or error from error
        finally:
            await engine.dispose()


def open_catalog(folder: Path | None) -> Catalog:
    """Return the catalog of a folder, the shipped one for None; its faults become a CommandError."""
    try:
        return load_catalog(folder)
    except CatalogError as error:
        raise CommandError(str(error), "Mend the file and run `datchuan catalog check`.") from error


def parse_day(text: str | None, default: dt.date) -> dt.date:
    """Return the day that an option gives as YYYY-MM-DD, or the default; far from every rule there are no days."""
    if text is None:
        return default
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is not a date", "Write it as YYYY-MM-DD, e.g. 2024-10-15.", USAGE) from error
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise CommandError(f"{text} is too far away", f"Give a day from {_FIRST_DAY} to {_LAST_DAY}.", USAGE)
    return day


def _explained(error: BaseException, engine: AsyncEngine) -> CommandError | None:
    state = _sqlstate(error)
    if state in _NO_SCHEMA:
        return CommandError("the database lacks the tables of this version", "Run `datchuan migrate`.")
    if is_outage(error):
        where = f"{engine.url.host}:{engine.url.port}"
        cause = str(error.__cause__ or error).strip().splitlines()[0]
        return CommandError(
            f"PostgreSQL at {where} does not answer: {cause}",
            "Start the stack with `datchuan up`; for one that was started with --data, set DATCHUAN_DATA to that "
            "folder; for a server of your own, set DATCHUAN_DATABASE_URL.",
        )
    return None


def _sqlstate(error: BaseException | None) -> str | None:
    while error is not None:
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state
        error = error.__cause__ or (error.orig if isinstance(error, DBAPIError) else None)
    return None
