"""Limits of what Redis may hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """The most that one stream may hold; what does not fit waits in the mailbox."""

    max_messages: int = 20_000
    max_bytes: int = 64 * 1024 * 1024
