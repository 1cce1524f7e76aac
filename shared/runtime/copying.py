"""What COPY reads from memory."""

from collections.abc import AsyncIterator, Iterable


async def pieces(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield rows for COPY: from a file-like object asyncpg would read in a thread, which takes longer than COPY."""
    for part in parts:
        yield part
