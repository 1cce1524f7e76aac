"""How far each poll has come, in PostgreSQL, and the lock by which one process at a time works on it."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.driver import Statement, lent_driver
from services.ingest.domain.polls import Mark
from shared.runtime.database import Driver

# First half of the key of the advisory lock; relays, leases and layouts have others.
_LOCK_CLASS: Final = 0x0DAA
_MAX_WORDS: Final = 1000

_TAKE: Final = Statement("SELECT pg_try_advisory_lock(CAST(:class AS integer), hashtext(CAST(:name AS text)))")
_LET_GO: Final = Statement("SELECT pg_advisory_unlock(CAST(:class AS integer), hashtext(CAST(:name AS text)))")
_FIND: Final = Statement(
    "SELECT scope, window_end, window_end_ours, succeeded_at, failures, error, clock_timestamp() AS now, "
    "extract(epoch FROM due_at - clock_timestamp())::float8 AS seconds "
    "FROM ingest.poll WHERE name = CAST(:name AS text)"
)
_NOW: Final = Statement("SELECT clock_timestamp()")
_SUCCEED: Final = Statement(
    "INSERT INTO ingest.poll "
    "(name, scope, window_end, window_end_ours, succeeded_at, failures, error, due_at) "
    "VALUES (CAST(:name AS text), CAST(:scope AS text), CAST(:server AS timestamptz), CAST(:ours AS timestamptz), "
    "clock_timestamp(), 0, '', clock_timestamp() + make_interval(secs => CAST(:pause AS float8))) "
    "ON CONFLICT (name) DO UPDATE SET scope = excluded.scope, window_end = excluded.window_end, "
    "window_end_ours = excluded.window_end_ours, succeeded_at = excluded.succeeded_at, failures = 0, error = '', "
    "due_at = excluded.due_at"
)
_FAIL: Final = Statement(
    "INSERT INTO ingest.poll AS known (name, scope, failures, error, failed_at, due_at) "
    "VALUES (CAST(:name AS text), '', 1, CAST(:error AS text), clock_timestamp(), "
    "clock_timestamp() + make_interval(secs => CAST(:pause AS float8))) "
    "ON CONFLICT (name) DO UPDATE SET failures = known.failures + 1, error = excluded.error, "
    "failed_at = excluded.failed_at, due_at = excluded.due_at"
)

_KNOWN: Final = Statement(
    "SELECT given.fact FROM unnest(CAST(:facts AS bytea[]), CAST(:versions AS bytea[])) AS given (fact, version) "
    "JOIN ingest.polled AS known ON known.fact = given.fact AND known.version = given.version "
    "WHERE known.poll = CAST(:name AS text)"
)
_PENDING: Final = Statement("SELECT pending FROM ingest.poll WHERE name = CAST(:name AS text)")
_KEEP: Final = Statement(
    "INSERT INTO ingest.poll (name, scope, failures, error, due_at, pending) "
    "VALUES (CAST(:name AS text), '', 0, '', clock_timestamp(), CAST(:body AS bytea)) "
    "ON CONFLICT (name) DO UPDATE SET pending = excluded.pending"
)
_NOTE: Final = Statement(
    "WITH noted AS (INSERT INTO ingest.polled (poll, fact, version) "
    "SELECT CAST(:name AS text), fact, version "
    "FROM unnest(CAST(:facts AS bytea[]), CAST(:versions AS bytea[])) AS given (fact, version) "
    "ON CONFLICT (poll, fact) DO UPDATE SET version = excluded.version) "
    "UPDATE ingest.poll SET pending = NULL WHERE name = CAST(:same_name AS text)"
)


class PollState(msgspec.Struct, frozen=True):
    """How far a poll has come; `now` is PostgreSQL's time, `seconds` the pause until it is due (negative: overdue)."""

    now: dt.datetime
    last: Mark | None = None
    succeeded_at: dt.datetime | None = None
    failures: int = 0
    error: str = ""
    seconds: float = 0.0


class HeldPoll:
    """A poll that this process alone works on; what it writes goes over the session that holds the lock."""

    def __init__(self, driver: Driver, name: str, scope: str) -> None:
        self._driver = driver
        self._name = name
        self._scope = scope

    async def state(self) -> PollState:
        """Return how far the poll has come."""
        return await _state(self._driver, self._name, self._scope)

    async def known(self, versions: Mapping[bytes, bytes]) -> set[bytes]:
        """Return the facts whose last taken version is the given one."""
        parameters = {"facts": list(versions), "versions": list(versions.values()), "name": self._name}
        return {bytes(row["fact"]) for row in await _KNOWN.run(self._driver, parameters)}

    async def pending(self) -> bytes | None:
        """Return the body that was on its way into the journal when its process ended."""
        rows = await _PENDING.run(self._driver, {"name": self._name})
        return rows[0]["pending"] if rows else None

    async def keep(self, body: bytes | None) -> None:
        """Keep a body that is about to be taken in, so that it is taken again as it is after a crash; None lets go."""
        await _KEEP.run(self._driver, {"name": self._name, "body": body})

    async def note(self, versions: Mapping[bytes, bytes]) -> None:
        """Note the versions of facts that are in the journal now, and let go of the body that brought them."""
        facts = {"facts": list(versions), "versions": list(versions.values())}
        await _NOTE.run(self._driver, {"name": self._name, **facts, "same_name": self._name})

    async def succeed(self, end: Mark, pause: float) -> None:
        """Note the end of a window whose values are all journaled, and when the next is due."""
        parameters = {"name": self._name, "scope": self._scope, "server": end.server, "ours": end.ours, "pause": pause}
        await _SUCCEED.run(self._driver, parameters)

    async def fail(self, error: str, pause: float) -> None:
        """Note a failure and when to try again; the window stays where it was."""
        await _FAIL.run(self._driver, {"name": self._name, "error": error[:_MAX_WORDS], "pause": pause})


class SqlPollStore:
    """The states of polls. PostgreSQL's clock is the one that all processes share."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def hold(self, name: str, scope: str) -> AsyncIterator[HeldPoll | None]:
        """Hold a poll, or yield None when another process does. The lock ends with its session at the latest."""
        key = {"class": _LOCK_CLASS, "name": name}
        async with lent_driver(self._engine) as driver:
            ((granted,),) = await _TAKE.run(driver, key)
            if not granted:
                yield None
                return
            try:
                yield HeldPoll(driver, name, scope)
            finally:
                if not driver.is_closed():
                    await _LET_GO.run(driver, key)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._engine.dispose()

    async def state(self, name: str, scope: str) -> PollState:
        """Return how far a poll has come, whoever works on it."""
        async with lent_driver(self._engine) as driver:
            return await _state(driver, name, scope)


async def _state(driver: Driver, name: str, scope: str) -> PollState:
    rows = await _FIND.run(driver, {"name": name})
    if not rows:
        return PollState(now=(await _NOW.run(driver, {}))[0][0])
    (row,) = rows
    last = None
    if row["scope"] == scope and row["window_end"] is not None:
        last = Mark(server=row["window_end"], ours=row["window_end_ours"])
    return PollState(
        now=row["now"],
        last=last,
        succeeded_at=row["succeeded_at"],
        failures=row["failures"],
        error=row["error"],
        # What is asked for has changed: that is due now.
        seconds=row["seconds"] if last is not None or row["failures"] else 0.0,
    )
