"""Reads a request's body within a limit, decompressing it if need be."""

import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

from services.ingest.domain.errors import BodyTooLargeError, MalformedBodyError, UnsupportedFormatError

_GZIP: Final = 16 + zlib.MAX_WBITS


def declared_length(headers: Mapping[str, str], limit: int) -> int:
    """Return how many bytes the body will have at most; refuses one that announces more than the limit."""
    text = headers.get("content-length", "")
    length = int(text) if text.isascii() and text.isdigit() else limit
    if length > limit:
        raise _too_large(limit)
    return length


async def read_body(chunks: AsyncIterator[bytes], headers: Mapping[str, str], limit: int) -> bytes:
    """Return the body, decompressed; never holds more than the limit."""
    encoding = headers.get("content-encoding", "identity").strip().casefold()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise UnsupportedFormatError(f"The content encoding {encoding[:40]!r} is not read: send gzip or none.")
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        parts.append(chunk)
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    return inflate(body, limit) if "gzip" in encoding else body


def inflate(body: bytes, limit: int) -> bytes:
    """Return the content of a gzip file of one or more members."""
    parts: list[bytes] = []
    room = limit
    while body:
        inflater = zlib.decompressobj(_GZIP)
        try:
            part = inflater.decompress(body, room + 1)
        except zlib.error:
            raise MalformedBodyError("The body is not gzip, though its content encoding says so.") from None
        room -= len(part)
        if room < 0:
            raise _too_large(limit)
        if not inflater.eof:
            raise MalformedBodyError("The gzip body is cut off.")
        parts.append(part)
        body = inflater.unused_data.lstrip(b"\0")
    return b"".join(parts)


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"The body is larger than {limit} bytes. Send fewer reports at a time.")
