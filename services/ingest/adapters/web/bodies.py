"""Reads a request's body within limits of size, memory and time, decompressing it as it comes if need be."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from services.ingest.adapters.web.gunzip import Gunzip
from services.ingest.adapters.web.memory import BodyMemory, Grow
from services.ingest.domain.errors import BodyTooLargeError, SlowBodyError, UnsupportedFormatError


class BodyReader:
    """Reads bodies; a slow, large or folded one costs no more memory and no more time than the limits say."""

    def __init__(self, max_bytes: int, memory: BodyMemory, timeout_seconds: float) -> None:
        self._max_bytes = max_bytes
        self._memory = memory
        self._timeout_seconds = timeout_seconds

    @asynccontextmanager
    async def read(self, chunks: AsyncIterator[bytes], headers: Mapping[str, str], source: str) -> AsyncIterator[bytes]:
        """Yield the body, decompressed; its memory is counted until the end of the block."""
        gunzip = _gunzip(headers)
        self._refuse_announced(headers)
        with self._memory.body_of(source) as grow:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    body = await self._gather(chunks, gunzip, grow)
            except TimeoutError:
                raise SlowBodyError(f"The body was not complete after {self._timeout_seconds:g} seconds.") from None
            yield body

    async def _gather(self, chunks: AsyncIterator[bytes], gunzip: Gunzip | None, grow: Grow) -> bytes:
        body = bytearray()  # not a list of parts: a sender may send millions of them, each larger than its content
        received = 0
        async for chunk in chunks:
            received += len(chunk)
            if received > self._max_bytes:
                raise self._too_large()
            for piece in gunzip.pieces(chunk) if gunzip else (chunk,):
                if len(body) + len(piece) > self._max_bytes:
                    raise self._too_large()
                grow(len(piece))
                body += piece
        if gunzip:
            gunzip.finish()
        return bytes(body)

    def _refuse_announced(self, headers: Mapping[str, str]) -> None:
        text = headers.get("content-length", "")
        if text.isascii() and text.isdigit() and int(text) > self._max_bytes:
            raise self._too_large()

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(f"The body is larger than {self._max_bytes} bytes. Send fewer reports at a time.")


def _gunzip(headers: Mapping[str, str]) -> Gunzip | None:
    encoding = headers.get("content-encoding", "identity").strip().casefold()
    if encoding in ("gzip", "x-gzip"):
        return Gunzip()
    if encoding in ("", "identity"):
        return None
    raise UnsupportedFormatError(f"The content encoding {encoding[:40]!r} is not read: send gzip or none.")
