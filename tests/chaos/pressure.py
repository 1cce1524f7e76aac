"""An evaluator that stands still: Valkey stays small, intake goes on, and stops before it does harm."""

import asyncio

from redis.asyncio import Redis

from shared.runtime.settings import PREFIX
from shared.testing.polling import until
from tests.chaos.scenario import Evidence, Scenario
from tests.chaos.world import World, asleep, require

_PRODUCERS = ("ingest", "evaluator")
_REPORTS, _REPORTS_BEYOND = 50_000, 6_000
_STREAM_BYTES, _BACKLOG_BYTES = 1024 * 1024, 500_000
# Two streams; as much again for their markers, what is under way, and the buffers of connections and append-only file.
_VALKEY_BYTES = 2 * 2 * _STREAM_BYTES
# A writer puts on its stream whole what one step has changed: up to 8,000 reports, a kilobyte each, buffered twice.
_STEP_BYTES = 2 * 8_000 * 1_024
_CATCH_UP_SECONDS = 60
_REPORTED_WAITING = """
SELECT count(*) FROM messaging.mailbox WHERE handled_at IS NULL AND stream LIKE 'datchuan.indicator.reported%'
"""


async def _evaluator_asleep(world: World) -> Evidence:
    """Post 50,000 reports while nobody judges, with little room on the stream; then let the evaluator catch up."""
    for name in _PRODUCERS:
        await world.restart(name, {f"{PREFIX}STREAM_MAX_BYTES": str(_STREAM_BYTES)})
    await world.ready(*_PRODUCERS)
    refused = world.sender.answers["503"]
    async with world.redis() as client:
        await client.config_resetstat()  # the peak begins here
        before = await _memory(client, "used_memory")
        with asleep(await world.pid("evaluator")):
            await world.sender.post_at_once(_REPORTS)
            await until(lambda: _gate_is_closed(world), timeout=20, what="the gate is closed and ingest says so")
            waiting = await world.number(_REPORTED_WAITING)
            stream = int(await world.metric("ingest", "datchuan_stream_bytes"))
            held = await _memory(client, "used_memory") - before
            grown = await _memory(client, "used_memory_peak") - before
            await client.config_resetstat()
        seconds = await _catch_up(world)
        grown_after = await _memory(client, "used_memory_peak") - before
    refused = world.sender.answers["503"] - refused
    for name in _PRODUCERS:
        await world.restart(name)
    await world.ready(*_PRODUCERS)
    require(not refused, f"intake answered 503 {refused} times")
    require(grown <= _VALKEY_BYTES, f"Valkey grew by {grown} bytes")
    require(grown_after <= _VALKEY_BYTES + _STEP_BYTES, f"Valkey grew by {grown_after} bytes at last")
    return {
        "messages_waiting": waiting,
        "stream_bytes": stream,
        "stream_max_bytes": _STREAM_BYTES,
        "valkey_holds_more_bytes": held,
        "valkey_peak_bytes": grown,
        "valkey_peak_bytes_while_caught_up": grown_after,
        "answers_503": refused,
        "caught_up_in_seconds": seconds,
    }


async def _memory(client: "Redis", figure: str) -> int:
    return int((await client.info("memory"))[figure])


async def _gate_is_closed(world: World) -> bool:
    """Tell whether ingest is ready and tells by note and metric that messages wait behind a full stream."""
    said = await world.readiness("ingest")
    is_told = said.startswith("200") and "messages wait in the mailbox" in said
    return is_told and await world.metric("ingest", "datchuan_stream_gate_closed") == 1


async def _catch_up(world: World) -> float:
    """Wait until all is judged and the gate is open again, and return how long that took."""
    clock = asyncio.get_running_loop().time
    began = clock()

    async def is_over() -> bool:
        closed = await world.metric("ingest", "datchuan_stream_gate_closed")
        return not closed and await world.number(_REPORTED_WAITING) < 5  # the sender goes on

    await until(is_over, timeout=_CATCH_UP_SECONDS, what="the evaluator has caught up", interval=0.2)
    return round(clock() - began, 1)


async def _backlog_full(world: World) -> Evidence:
    """Post more than may wait while nobody judges: the door closes, and opens again by itself."""
    await world.restart("ingest", {f"{PREFIX}MAX_BACKLOG_BYTES": str(_BACKLOG_BYTES)})
    await world.ready("ingest")
    refused = world.sender.answers["503"]
    with asleep(await world.pid("evaluator")):
        posting = asyncio.create_task(world.sender.post_at_once(_REPORTS_BEYOND), name="more than may wait")
        said = await until(lambda: _is_closed(world), timeout=30, what="ingest says why it takes no more in")
        backlog = int(await world.metric("ingest", "datchuan_ingest_backlog_bytes"))
        await until(lambda: world.sender.answers["503"] > refused + 5, timeout=20, what="senders are put off")
        waiting = await world.number(_REPORTED_WAITING)
    await posting
    await until(lambda: world.is_ready("ingest"), timeout=_CATCH_UP_SECONDS, what="reports are taken in again")
    put_off = int(await world.metric("ingest", "datchuan_ingest_put_off_total"))
    await world.sender.has_posted(50)
    await world.restart("ingest")
    await world.ready("ingest")
    require(put_off > 0, "the metric counts nobody who was put off")
    return {
        "readyz": said,
        "backlog_bytes": backlog,
        "backlog_max_bytes": _BACKLOG_BYTES,
        "messages_waiting": waiting,
        "answers_503": world.sender.answers["503"] - refused,
    }


async def _is_closed(world: World) -> str:
    """Return why ingest is not ready, when that is the backlog."""
    said = await world.readiness("ingest")
    if not said.startswith("503") or "reports wait to be judged" not in said:
        return ""
    return said.partition('"backlog":"')[2].partition('"')[0]


SCENARIOS = (
    Scenario(
        "evaluator-asleep",
        "50,000 reports and nobody judges: Valkey stays small, intake answers 202, all is caught up",
        _evaluator_asleep,
    ),
    Scenario("backlog-full", "too much waits to be judged: 503 with Retry-After, until it has shrunk", _backlog_full),
)
