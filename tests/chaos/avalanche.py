"""Everything is killed one after the other in one stream of reports, with no time to recover in between."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.chaos.scenario import Evidence, Scenario
from tests.chaos.world import World, require

_REPORTS_BETWEEN = 50


async def _flush(world: World) -> None:
    async with world.redis() as client:
        await client.flushall()


async def _strike(world: World) -> Evidence:
    restarts = world.stack.supervisor.restarts
    pids = {world.stack.valkey.pid, world.stack.postgres.pid}
    strikes: tuple[Callable[[], Awaitable[None]], ...] = (
        lambda: world.kill("evaluator"),
        lambda: world.kill("notifier"),
        lambda: _flush(world),
        lambda: world.kill("ingest"),
        lambda: asyncio.to_thread(world.stack.valkey.kill),
        lambda: asyncio.to_thread(world.stack.postgres.kill),
        lambda: world.kill("evaluator"),
    )
    for strike in strikes:
        await world.sender.has_posted(_REPORTS_BETWEEN)
        await strike()
    await world.sender.has_posted(_REPORTS_BETWEEN)
    restarts = world.stack.supervisor.restarts - restarts
    require(restarts == 4, f"{restarts} services were started again")
    require(not pids & {world.stack.valkey.pid, world.stack.postgres.pid}, "a server was not killed")
    return {"services_killed": restarts, "servers_killed": len(pids), "valkey_emptied": True}


SCENARIO = Scenario("avalanche", "every part killed in one stream, none given time to recover", _strike)
