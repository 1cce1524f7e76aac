"""The gate before a stream: how much a producer lets Redis hold of what no consumer has handled yet."""

from redis.asyncio import Redis

from shared.runtime.limits import StreamLimits
from shared.runtime.stream_state import trim

_OVERHEAD_BYTES = 400  # of an entry and its marker, beside the message itself
_SLICE_BYTES = 2 * 1024 * 1024


class Gate:
    """What a producer knows about the size of one stream, and whether the relay has taken over publishing to it.

    Once a message has been left to the relay, all later ones are too (`is_behind`) until the relay has caught up: so
    the order of the stream stays that of the mailbox.
    """

    def __init__(self, stream: str, limits: StreamLimits) -> None:
        self.stream = stream
        self.length = 0
        self.bytes = limits.max_bytes  # unknown: nothing goes in before it has been measured
        self.is_behind = False
        self.left = 0
        self._limits = limits

    @property
    def slice_bytes(self) -> int:
        """How much the relay puts on the stream before it looks at the room again."""
        return min(_SLICE_BYTES, self._limits.max_bytes // 8)

    @property
    def is_full(self) -> bool:
        """Tell whether the stream holds as much as it may, by what was measured and what was sent since."""
        return self.length >= self._limits.max_messages or self.bytes >= self._limits.max_bytes

    def sent(self, payload_bytes: int) -> None:
        """Take note of a message put on the stream."""
        self.length += 1
        self.bytes += payload_bytes + _OVERHEAD_BYTES

    def leave(self, messages: int) -> None:
        """Leave messages to the relay, and all later ones until it has caught up."""
        self.is_behind = True
        self.left += messages

    async def measure(self, redis: Redis) -> None:
        """Ask Redis how long the stream is and what it weighs."""
        self.length = int(await redis.xlen(self.stream))
        self.bytes = int(await redis.memory_usage(self.stream, samples=0) or 0) if self.length else 0

    async def has_room(self, redis: Redis) -> bool:
        """Tell whether a message may be put on the stream; ask Redis, and drop what is handled, before saying no."""
        if not self.is_full:
            return True
        await trim(redis, self.stream)
        await self.measure(redis)
        return not self.is_full
