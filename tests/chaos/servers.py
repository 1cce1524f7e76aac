"""PostgreSQL and Valkey killed, emptied, full and away."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import redis.asyncio
from redis.exceptions import OutOfMemoryError
from sqlalchemy import text

from shared.runtime.database import is_outage
from shared.testing.polling import until
from tests.chaos.scenario import Evidence, NotPossibleHereError, Scenario
from tests.chaos.small_disk import Ballast
from tests.chaos.world import World, hold_for, require

_SERVICES = ("ingest", "evaluator", "notifier")
_AWAY_SECONDS, _BOTH_AWAY_SECONDS, _FULL_SECONDS = 30, 5, 6
_RECOVERED = "automatic recovery in progress"
_NO_SPACE = "No space left on device"


async def _flushall(world: World) -> Evidence:
    async with world.redis() as client:
        keys = await client.dbsize()
        await client.flushall()
        left = await client.dbsize()
    require(keys > 0, "Valkey was empty before")
    await world.sender.has_posted(100)
    return {"keys_before": keys, "keys_after": left}


async def _kill_valkey(world: World) -> Evidence:
    async with world.redis() as client:
        fsync = (await client.config_get("appendfsync"))["appendfsync"]
        before = (await client.info("server"))["run_id"]
    require(fsync == "everysec", f"appendfsync is {fsync}")
    await asyncio.to_thread(world.stack.valkey.kill)
    await world.sender.has_posted(100)
    after = await until(lambda: _run_id(world), timeout=20, what="Valkey runs again")
    require(after != before, "Valkey is the same process as before")
    return {"appendfsync": fsync, "another_process": True}


async def _run_id(world: World) -> str:
    async with world.redis() as client:
        try:
            return str((await client.info("server"))["run_id"])
        except (redis.asyncio.RedisError, OSError):
            return ""


async def _kill_postgres(world: World) -> Evidence:
    log = _PostgresLog(world)
    await asyncio.to_thread(world.stack.postgres.kill)
    await until(lambda: log.count(_RECOVERED), timeout=30, what="PostgreSQL recovers from its log")
    await world.sender.has_posted(100)
    return {"recoveries_in_log": log.count(_RECOVERED)}


async def _postgres_away(world: World) -> Evidence:
    pids = [await world.pid(name) for name in _SERVICES]
    refused = world.sender.answers["503"]
    async with world.stack.keepers["postgres"].away():
        require(not _listens(world.stack.postgres.port), "PostgreSQL still takes connections")
        await hold_for(_AWAY_SECONDS)
        ready = [name for name in _SERVICES if await world.is_ready(name)]
    refused = world.sender.answers["503"] - refused
    require(refused > 0, "intake never answered 503")
    require(not ready, f"ready without PostgreSQL: {ready}")
    await world.sender.has_posted(100)
    await world.ready(*_SERVICES)
    require(pids == [await world.pid(name) for name in _SERVICES], "a service had to be started again")
    return {"away_seconds": _AWAY_SECONDS, "answers_503": refused, "services_restarted": 0}


async def _disk_full(world: World) -> Evidence:
    if world.small_disk is None:
        raise NotPossibleHereError(world.no_small_disk)
    log, ballast = _PostgresLog(world), Ballast(world.small_disk)
    async with _tables_on(world, world.small_disk):
        refused = world.sender.answers["503"]
        filled = await asyncio.to_thread(ballast.load)
        try:
            await until(lambda: log.count(_NO_SPACE), timeout=30, what="PostgreSQL runs out of space")
            await hold_for(_FULL_SECONDS)
        finally:
            ballast.drop()
        refused = world.sender.answers["503"] - refused
        require(refused > 0, "intake never answered 503")
        await world.sender.has_posted(100)
        errors = log.count(_NO_SPACE)
    return {"bytes_filled": filled, "no_space_errors_in_log": errors, "answers_503": refused}


@asynccontextmanager
async def _tables_on(world: World, disk: Path) -> AsyncIterator[None]:
    """Keep all tables and indexes of the services on the small disk inside the block."""
    folder = disk / "tablespace"
    await asyncio.to_thread(_own_folder, folder, world.stack.postgres.folder / "data")
    await _admin(world, f"CREATE TABLESPACE small LOCATION '{folder}'")
    await _move_all(world, "pg_default", "small")
    try:
        yield
    finally:
        await _move_all(world, "small", "pg_default")
        await _admin(world, "DROP TABLESPACE small")


def _own_folder(folder: Path, like: Path) -> None:
    import os

    folder.mkdir(mode=0o700)
    owner = like.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)


async def _move_all(world: World, source: str, target: str) -> None:
    for kind in ("TABLE", "INDEX"):
        await _admin(world, f"ALTER {kind} ALL IN TABLESPACE {source} SET TABLESPACE {target}")


async def _admin(world: World, statement: str) -> None:
    """Run a statement outside of any transaction; it competes with the services for locks, so it is tried again."""

    async def attempt() -> bool:
        try:
            async with world.engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text("SET lock_timeout = '3s'"))
                await connection.execute(text(statement))
        except Exception as error:
            if not is_outage(error):
                raise
            return False
        return True

    await until(attempt, timeout=45, what=statement, interval=0.2)


async def _valkey_full(world: World) -> Evidence:
    failures = await world.metric("ingest", "datchuan_publish_failures_total")
    async with world.redis() as client:
        await client.config_set("maxmemory", "1mb")
        try:
            refused = await until(lambda: _refuses_memory(client), timeout=10, what="Valkey is out of memory")
            failed = await until(
                lambda: _more_failures(world, failures), timeout=30, what="ingest meets the full Valkey"
            )
            await world.sender.has_posted(200)
        finally:
            await client.config_set("maxmemory", "0")
    await world.sender.has_posted(50)
    return {"valkey_said": refused, "publications_refused": failed}


async def _refuses_memory(client: "redis.asyncio.Redis") -> str:
    try:
        await client.set("chaos:probe", b"x", ex=1)
    except OutOfMemoryError as error:
        return str(error)
    return ""


async def _more_failures(world: World, before: float) -> int:
    return int(await world.metric("ingest", "datchuan_publish_failures_total") - before)


async def _both_away(world: World) -> Evidence:
    refused = world.sender.answers["503"]
    async with AsyncExitStack() as away:
        for keeper in world.stack.keepers.values():
            await away.enter_async_context(keeper.away())
        listening = [s for s in (world.stack.postgres, world.stack.valkey) if _listens(s.port)]
        require(not listening, "a server still takes connections")
        await hold_for(_BOTH_AWAY_SECONDS)
    refused = world.sender.answers["503"] - refused
    require(refused > 0, "intake never answered 503")
    await world.sender.has_posted(100)
    return {"away_seconds": _BOTH_AWAY_SECONDS, "answers_503": refused}


def _listens(port: int | None) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port or 0)) == 0


class _PostgresLog:
    """What PostgreSQL has written to its log since now."""

    def __init__(self, world: World) -> None:
        self._path = world.stack.postgres.folder / "postgres.log"
        self._start = self._path.stat().st_size

    def count(self, words: str) -> int:
        """Count how often these words were written."""
        return self._path.read_bytes()[self._start :].count(words.encode())


SCENARIOS = (
    Scenario("valkey-flushall", "Valkey holds copies only: all of it may go", _flushall),
    Scenario(
        "valkey-killed", "kill -9 with appendfsync everysec: what the file lacks is published again", _kill_valkey
    ),
    Scenario("valkey-out-of-memory", "intake goes on, and publishing catches up by itself", _valkey_full),
    Scenario("postgres-killed", "kill -9 and recovery: what was acknowledged is there", _kill_postgres),
    Scenario(
        "postgres-away", "30 s without: intake answers 503, no process ends, all go on by themselves", _postgres_away
    ),
    Scenario("postgres-disk-full", "no row can be written: intake answers 503 until there is space again", _disk_full),
    Scenario("both-away", "without either server nothing is acknowledged, and nothing gets lost", _both_away),
)
