"""The pending list of a consumer group: creating the group, taking entries over, giving them back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ResponseError

from shared.runtime.entries import Entry, to_entries

_PAGE = 100
_RELEASED_IDLE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a consumer stands: its stream, its group and its own name."""

    stream: str
    group: str
    consumer: str


async def server_of(redis: Redis, place: Place) -> str:
    """Return what tells one run of the stream's server from the next, and from another server in its place."""
    options: dict[str, Any] = {}
    if isinstance(redis, RedisCluster):
        await redis.initialize()
        options["target_nodes"] = redis.get_node_from_key(place.stream)
    return str((await redis.info("server", **options)).get("run_id"))


async def ensure_group(redis: Redis, place: Place) -> None:
    """Create the group before the stream's first entry, so that nothing published earlier is skipped."""
    try:
        await redis.xgroup_create(place.stream, place.group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


async def own(redis: Redis, place: Place, count: int) -> AsyncIterator[list[Entry]]:
    """Yield, in order, the entries given to this consumer's name and never acknowledged."""
    last = b"0"
    while True:
        answer: Any = await redis.xreadgroup(place.group, place.consumer, {place.stream: last}, count=count)
        raw = answer[0][1] if answer else []
        if not raw:
            return
        last = raw[-1][0]
        yield to_entries(place.stream, raw)


async def claim_all(redis: Redis, place: Place) -> None:
    """Make all pending entries of the group this consumer's own, however recently another was given them."""
    start = "-"
    while True:
        ids: Any = await redis.xautoclaim(
            place.stream, place.group, place.consumer, 0, start, count=10 * _PAGE, justid=True
        )
        if not ids:
            return
        start = f"({ids[-1].decode()}"


async def reclaim(redis: Redis, place: Place, idle_ms: int) -> list[Entry]:
    """Take over entries that nobody has acknowledged for `idle_ms`, at most a page of them."""
    answer: Any = await redis.xautoclaim(place.stream, place.group, place.consumer, idle_ms, "0-0", count=_PAGE)
    return to_entries(place.stream, answer[1])


async def given(redis: Redis, place: Place, count: int) -> list[bytes]:
    """Return the ids of the first entries given to this consumer's name and not acknowledged, at most `count`."""
    raw: Any = await redis.xpending_range(
        place.stream, place.group, min="-", max="+", count=count, consumername=place.consumer
    )
    return [item["message_id"] for item in raw]


async def release(redis: Redis, place: Place) -> None:
    """Mark this consumer's pending entries as long idle, so that another one takes them over at once."""
    ids: Any = await given(redis, place, 10 * _PAGE)
    if ids:
        await redis.xclaim(place.stream, place.group, place.consumer, 0, ids, idle=_RELEASED_IDLE_MS, justid=True)


async def forget_idle_consumers(redis: Redis, place: Place, idle_ms: int) -> int:
    """Forget consumers of the group that have nothing pending and were not heard of for `idle_ms`; return how many."""
    consumers: Any = await redis.xinfo_consumers(place.stream, place.group)
    gone = [
        consumer["name"]
        for consumer in consumers
        if consumer["pending"] == 0 and consumer["idle"] >= idle_ms and consumer["name"] != place.consumer.encode()
    ]
    for name in gone:
        await redis.xgroup_delconsumer(place.stream, place.group, name)
    return len(gone)
