"""Four partitions and two evaluators: one is killed in mid-stream, the other takes its partitions over."""

import asyncio
from functools import partial

from prometheus_client.parser import text_string_to_metric_families

from shared.testing.polling import until
from tests.chaos.checks import check, come_to_rest
from tests.chaos.scenario import Evidence, Scenario
from tests.chaos.world import World, open_world, require

_FIRST, _SECOND = "evaluator", "evaluator-2"
_PARTITIONS = 4
_ALL = frozenset(range(_PARTITIONS))
# Half a second of standby, then half a second for each partition that the other has already: at most 1 + 2 + 3 of them.
_TAKEOVER_SECONDS = 0.5 + 3.0
_RESTORE_SECONDS = 3.0
_WRITERS = "SELECT count(*) FROM evaluator.writer_state WHERE partitions = :partitions"


async def _takeover(world: World) -> Evidence:
    """Play in a world of its own with four partitions, while the one of the suite rests."""
    await world.sender.pause()
    folder = world.stack.folder.root.parent / "partitions"
    folder.mkdir(mode=0o711)
    settings = {"PARTITIONS": str(_PARTITIONS)}
    async with open_world(folder, None, "not needed", lambda _line: None, settings) as divided:
        shares = await _share(divided)
        seconds = await _kill_one(divided)
        writers = await divided.number(_WRITERS, partitions=_PARTITIONS)
        await divided.stack.supervisor.resume(_FIRST)
        await divided.ready(_FIRST, _SECOND)
        await divided.sender.has_posted(100)
        await come_to_rest(divided)
        found = await check(divided)
        complaints = divided.complaints()
    require(found.is_right and not divided.sender.wrong_answers, f"{found.as_json()} {complaints}")
    require(writers == _PARTITIONS, f"{writers} partitions have a writer")
    return {
        "led_before": shares,
        "taken_over_in_seconds": seconds,
        "events": found.events,
        "transitions": found.transitions,
        "alerts_issued": found.alerts_issued,
        "alerts_sent": found.alerts_sent,
    }


async def _share(world: World) -> list[list[int]]:
    """Start both evaluators at once and return what each leads."""
    await world.stack.supervisor.halt(_FIRST)
    await asyncio.gather(world.stack.supervisor.resume(_FIRST), world.stack.add_replica("evaluator", _SECOND))

    async def shares() -> list[list[int]]:
        led = [await _led(world, name) for name in (_FIRST, _SECOND)]
        require(not led[0] & led[1], f"a partition has two writers: {led}")
        return [sorted(each) for each in led] if all(led) and led[0] | led[1] == _ALL else []

    return await until(shares, timeout=30, what="both lead some, together all", interval=0.1)


async def _kill_one(world: World) -> float:
    """Kill the first under load; return how long it takes until the second leads all and judges."""
    clock = asyncio.get_running_loop().time
    await world.sender.has_posted(150)
    await world.stack.supervisor.crash(_FIRST)
    began = clock()
    await until(partial(_leads_all, world), timeout=30, what="the other leads all partitions")
    seconds = round(clock() - began, 1)
    require(seconds < _TAKEOVER_SECONDS + _RESTORE_SECONDS, f"the takeover took {seconds} s")
    await world.sender.has_posted(150)
    return seconds


async def _leads_all(world: World) -> bool:
    return await _led(world, _SECOND) == _ALL


async def _led(world: World, name: str) -> frozenset[int]:
    """Return the partitions that an evaluator leads."""
    families = text_string_to_metric_families(await world.metrics(name))
    samples = (sample for family in families for sample in family.samples)
    leads = [sample for sample in samples if sample.name == "datchuan_evaluator_is_leader" and sample.value]
    return frozenset(int(sample.labels["partition"]) for sample in leads)


SCENARIO = Scenario(
    "partition-takeover",
    "four partitions, two evaluators, one killed: the other takes its partitions over, roll-ups and chains whole",
    _takeover,
)
