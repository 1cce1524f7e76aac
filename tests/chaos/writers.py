"""Who may write: orderly ends, two evaluators at once, one that slept through a takeover, a clock that lies."""

import asyncio
from functools import partial

from sqlalchemy import text

from shared.runtime.settings import PREFIX
from shared.testing.polling import until
from tests.chaos.scenario import Evidence, Scenario
from tests.chaos.world import World, asleep, hold_for, require

_FIRST, _SECOND = "evaluator", "evaluator-2"
_DAYS_BACK = 3
_ROUNDS = 3
_SENDING = "SELECT count(*) FROM notifier.delivery WHERE status = 'sending'"
_KEPT = "SELECT count(*) FROM messaging.mailbox WHERE handled_at IS NOT NULL"
_AS_OF = "SELECT max(as_of) - date '2000-01-01' FROM evaluator.writer_state"
_BLOCKED = """
SELECT count(*) FROM pg_stat_activity
 WHERE application_name = 'datchuan-evaluator' AND wait_event_type = 'Lock' AND state = 'active'
"""
# The sessions that hold a lease (its class of advisory locks: shared/runtime/lease.py).
_LEASES = "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 3495 AND granted"


async def _drain(world: World) -> Evidence:
    """Stop each service under load; it ends by itself, and leaves nothing half-done."""
    left: dict[str, int] = {}
    statuses: dict[str, int] = {}
    for name, query in (("notifier", _SENDING), ("evaluator", _KEPT), ("ingest", "")):
        await world.sender.has_posted(60)
        statuses[name] = await world.stack.supervisor.halt(name)
        left[name] = await world.number(query) if query else 0
        await world.stack.supervisor.resume(name)
        await world.ready(name)
    require(not any(statuses.values()), f"exit statuses {statuses}")
    require(not any(left.values()), f"left half-done: {left}")
    await world.sender.has_posted(30)
    return {"exit_statuses": statuses}


async def _fight(world: World) -> Evidence:
    """Start two evaluators at once and kill the winner again and again."""
    await world.stack.supervisor.halt(_FIRST)
    await asyncio.gather(world.stack.supervisor.resume(_FIRST), world.stack.add_replica("evaluator", _SECOND))
    most = 0
    leaders = []

    async def one_leads(previous: str) -> str:
        nonlocal most
        leading = [name for name in (_FIRST, _SECOND) if await _leads(world, name)]
        most = max(most, len(leading))
        return leading[0] if len(leading) == 1 and leading[0] != previous else ""

    try:
        leader = ""
        for _ in range(_ROUNDS):
            leader = await until(partial(one_leads, leader), timeout=30, what="another evaluator leads")
            leaders.append(leader)
            await world.sender.has_posted(80)
            await world.kill(leader)
        await world.ready(_FIRST, _SECOND)
    finally:
        await world.stack.supervisor.remove(_SECOND)
    require(most == 1, f"{most} evaluators led at once")
    return {"leaders_in_turn": leaders, "most_at_once": most}


async def _leads(world: World, name: str) -> bool:
    return await world.metric(name, "datchuan_evaluator_is_leader") >= 1


async def _zombie(world: World) -> Evidence:
    """Freeze the writer inside a commit, let another take over, and let the first wake up."""
    await world.stack.add_replica("evaluator", _SECOND)
    try:
        await world.ready(_SECOND)
        require(await _leads(world, _FIRST), f"{_FIRST} does not lead")
        async with world.engine.connect() as door:
            # Nobody writes a transition while this lock is held: the batch in hand stands in the middle of its step.
            await door.execute(text("LOCK TABLE evaluator.transition IN ACCESS EXCLUSIVE MODE"))
            await until(lambda: world.number(_BLOCKED), timeout=20, what="the writer stands before the lock")
            with asleep(await world.pid(_FIRST)):
                # What keepalive does 25 s after a host has vanished: the server ends the sessions of the dead peer.
                sessions = [row["pid"] for row in await world.rows(_LEASES)]
                for session in sessions:
                    await world.rows("SELECT pg_terminate_backend(:pid)", pid=session)
                await door.rollback()
                await until(lambda: _leads(world, _SECOND), timeout=30, what="the second evaluator leads")
                await world.sender.has_posted(100)
                await _judges(world)
                before = await world.number("SELECT max(id) FROM evaluator.transition")
        await hold_for(2)  # long enough for the one that woke up to do harm
        await world.sender.has_posted(100)
        both = await _leads(world, _FIRST) and await _leads(world, _SECOND)
        require(not both, "both evaluators lead")
        require(await _leads(world, _SECOND), "the second evaluator leads no more")
    finally:
        await world.stack.supervisor.remove(_SECOND)
    await until(lambda: _leads(world, _FIRST), timeout=30, what="the first evaluator leads again")
    return {"sessions_ended": len(sessions), "woke_up_after_transition": before}


async def _judges(world: World) -> None:
    """Wait for a transition of the new writer."""
    last = await world.number("SELECT max(id) FROM evaluator.transition")

    async def is_more() -> bool:
        return await world.number("SELECT max(id) FROM evaluator.transition") > last

    await until(is_more, timeout=20, what="the second evaluator judges")


async def _clock_back(world: World) -> Evidence:
    """Restart the evaluator, then all services, with a clock some days behind, and set it right again."""
    day = await world.number(_AS_OF)
    offset = world.stack.addresses.clock_offset_days - _DAYS_BACK
    behind = {f"{PREFIX}CLOCK_OFFSET_DAYS": str(offset)}
    await world.restart("evaluator", behind)
    await world.ready("evaluator")
    await world.sender.has_posted(80)
    earlier = await until(lambda: _moved_back(world, day), timeout=20, what="the evaluator is some days behind")
    for name in ("ingest", "notifier"):
        await world.restart(name, behind)
    await world.ready("ingest", "notifier")
    await world.sender.has_posted(80)
    for name in ("evaluator", "ingest", "notifier"):
        await world.restart(name)
    await world.ready("evaluator", "ingest", "notifier")
    await world.sender.has_posted(30)
    return {"days_back": earlier}


async def _moved_back(world: World, day: int) -> int:
    return max(0, day - await world.number(_AS_OF))


SCENARIOS = (
    Scenario("sigterm-drain", "SIGTERM under load: exit status 0, nothing left half-done, no answer 500", _drain),
    Scenario("two-evaluators", "two evaluators fight for the lease: one leads, and no step is taken twice", _fight),
    Scenario(
        "zombie-evaluator", "a writer frozen in mid-commit and replaced commits nothing when it wakes up", _zombie
    ),
    Scenario("clock-back", "a clock that steps back loses nothing and breaks no chain", _clock_back),
)
