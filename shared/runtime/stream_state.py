"""What a Redis stream and its consumer groups say about themselves."""

from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.contracts.streams import EVALUATOR_GROUP, NOTIFIER_GROUP

_OWN_GROUPS = frozenset({EVALUATOR_GROUP, NOTIFIER_GROUP})


@dataclass(frozen=True, slots=True)
class GroupState:
    """How far one group is: what it was not given yet and what it has not acknowledged."""

    lag: int
    pending: int
    last_delivered: bytes
    oldest_pending: bytes | None

    def has_handled(self, entry_id: bytes) -> bool:
        """Return whether the group has handled the message with this id and all before it."""
        end = _entry_order(entry_id)
        if _entry_order(self.last_delivered) < end:
            return False
        return self.oldest_pending is None or _entry_order(self.oldest_pending) > end


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream and its groups, by name."""

    length: int
    groups: dict[str, GroupState]

    @property
    def awaited(self) -> list[GroupState]:
        """The groups that entries are kept for: ours; a follower of another system that stops must not stop us."""
        own = [group for name, group in self.groups.items() if name in _OWN_GROUPS]
        return own or list(self.groups.values())


async def read_stream_state(redis: Redis, stream: str) -> StreamState | None:
    """Return the state of the stream, or None when there is no such stream."""
    try:
        raw_groups = await redis.xinfo_groups(stream)
        length = int(await redis.xlen(stream))
    except ResponseError as error:
        if "no such key" in str(error).lower():
            return None
        raise
    groups: dict[str, GroupState] = {}
    for raw in raw_groups:
        name, pending = _bytes(raw["name"]).decode(), int(raw["pending"])
        delivered = _bytes(raw["last-delivered-id"])
        lag = raw.get("lag")
        if lag is None:  # Redis cannot count across deleted entries: nothing, or at most all of the stream
            lag = 0 if delivered == await last_generated(redis, stream) else length
        oldest = await _oldest_pending(redis, stream, name) if pending else None
        groups[name] = GroupState(int(lag), pending, delivered, oldest)
    return StreamState(length, groups)


async def last_generated(redis: Redis, stream: str) -> bytes:
    """Return the id of the newest message that ever stood in a stream which is there.

    To be asked for only when it must be: the answer carries the stream's first and last message whole.
    """
    info = await redis.xinfo_stream(stream)
    return _bytes(info["last-generated-id"])


async def _oldest_pending(redis: Redis, stream: str, group: str) -> bytes | None:
    summary = await redis.xpending(stream, group)
    return _bytes(summary["min"]) if summary["min"] else None


async def is_drained(redis: Redis, stream: str) -> bool:
    """Tell whether the stream is gone, or the awaited groups were given everything and have acknowledged it."""
    state = await read_stream_state(redis, stream)
    if state is None:
        return True
    return bool(state.groups) and all(group.lag == 0 and group.pending == 0 for group in state.awaited)


async def trim(redis: Redis, stream: str) -> int:
    """Drop the entries that every awaited group has acknowledged and return how many those were."""
    state = await read_stream_state(redis, stream)
    if state is None or not state.groups:
        return 0
    marks = [group.oldest_pending or group.last_delivered for group in state.awaited]
    # MINID keeps the entry it names: one acknowledged entry stays behind.
    return int(await redis.xtrim(stream, minid=min(marks, key=_entry_order).decode(), approximate=False))


def _entry_order(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition(b"-")
    return int(milliseconds), int(number or 0)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
