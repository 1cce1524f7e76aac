"""Reads a request's body within limits of size, memory, disk and time, decompressing it as it comes if need be."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from services.ingest.adapters.web.gunzip import Gunzip
from services.ingest.adapters.web.memory import BodyMemory, Grow
from services.ingest.adapters.web.multipart import FormReading, boundary_of
from services.ingest.adapters.web.spool import Gathering, Room, Spool, too_large
from services.ingest.adapters.web.unfolding import unfold
from services.ingest.adapters.web.uploads import SentFile, Upload
from services.ingest.domain.errors import SlowBodyError, UnsupportedFormatError

Read = TypeVar("Read")


class BodyReader:
    """Reads bodies; a slow, large or folded one costs no more memory and no more time than the limits say.

    Files larger than `max_bytes` go to the spool, if there is one: they may take longer, in proportion to their size.
    """

    def __init__(self, max_bytes: int, memory: BodyMemory, timeout_seconds: float, spool: Spool | None = None) -> None:
        self._max_bytes = max_bytes
        self._memory = memory
        self._timeout_seconds = timeout_seconds
        self._spool = spool or Spool(max_bytes, max_bytes, memory)

    @asynccontextmanager
    async def read(self, chunks: AsyncIterator[bytes], headers: Mapping[str, str], source: str) -> AsyncIterator[bytes]:
        """Yield the body, decompressed; its memory is counted until the end of the block."""
        gunzip = _gunzip(headers)
        _refuse_announced(headers, self._max_bytes)
        with self._memory.body_of(source) as grow:
            yield await self._in_time(self._gather(chunks, gunzip, grow))

    @asynccontextmanager
    async def read_file(
        self, chunks: AsyncIterator[bytes], headers: Mapping[str, str], source: str
    ) -> AsyncIterator[SentFile]:
        """Yield the body as a file, unfolded if it is a gzip or a zip of one file."""
        gunzip = _gunzip(headers)
        _refuse_announced(headers, self._spool.max_bytes)
        with self._memory.body_of(source) as grow, self._spool.room(source, grow) as room:
            gathering = Gathering(room)
            await self._feed(chunks, gunzip, room, gathering.add)
            file = SentFile.of(gathering.body(), content_type=headers.get("content-type", ""))
            yield file if gunzip else await unfold(file, room)  # a body is unfolded only once

    @asynccontextmanager
    async def read_upload(
        self, chunks: AsyncIterator[bytes], headers: Mapping[str, str], source: str
    ) -> AsyncIterator[Upload]:
        """Yield the files and fields of a form, or else the body as the only file."""
        boundary = boundary_of(headers.get("content-type", ""))
        if boundary is None:
            async with self.read_file(chunks, headers, source) as file:
                yield Upload(files=(file,))
            return
        gunzip = _gunzip(headers)
        _refuse_announced(headers, self._spool.max_bytes)
        with self._memory.body_of(source) as grow, self._spool.room(source, grow) as room:
            form = FormReading(boundary, room)
            await self._feed(chunks, gunzip, room, form.feed)
            upload = form.upload()
            files = upload.files if gunzip else tuple([await unfold(file, room) for file in upload.files])
            yield msgspec.structs.replace(upload, files=files)

    async def _in_time(self, reading: Awaitable[Read]) -> Read:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await reading
        except TimeoutError:
            raise self._too_slow(self._timeout_seconds) from None

    async def _feed(
        self, chunks: AsyncIterator[bytes], gunzip: Gunzip | None, room: Room, take: Callable[[bytes], None]
    ) -> None:
        """Give the pieces of a body, decompressed, to `take`; every further `max_bytes` may take as long again."""
        max_bytes, seconds = room.max_bytes, self._timeout_seconds
        received = unfolded = 0
        try:
            async with asyncio.timeout(seconds) as deadline:
                async for chunk in chunks:
                    received += len(chunk)
                    if received > max_bytes:
                        raise too_large(max_bytes)
                    if received > self._max_bytes * seconds / self._timeout_seconds:
                        seconds += self._timeout_seconds
                        deadline.reschedule((deadline.when() or 0) + self._timeout_seconds)
                    for piece in gunzip.pieces(chunk) if gunzip else (chunk,):
                        unfolded += len(piece)
                        if unfolded > max_bytes:
                            raise too_large(max_bytes)
                        take(piece)
                        if unfolded > len(piece):
                            await asyncio.sleep(0)
        except TimeoutError:
            raise self._too_slow(seconds) from None
        if gunzip:
            gunzip.finish()

    def _too_slow(self, seconds: float) -> SlowBodyError:
        return SlowBodyError(f"The body was not complete after {seconds:g} seconds.")

    async def _gather(self, chunks: AsyncIterator[bytes], gunzip: Gunzip | None, grow: Grow) -> bytes:
        body = bytearray()  # not a list of parts: a sender may send millions of them, each larger than its content
        received = 0
        async for chunk in chunks:
            received += len(chunk)
            if received > self._max_bytes:
                raise too_large(self._max_bytes)
            for piece in gunzip.pieces(chunk) if gunzip else (chunk,):
                if len(body) + len(piece) > self._max_bytes:
                    raise too_large(self._max_bytes)
                grow(len(piece))
                body += piece
        if gunzip:
            gunzip.finish()
        return bytes(body)


def _refuse_announced(headers: Mapping[str, str], max_bytes: int) -> None:
    text = headers.get("content-length", "")
    if text.isascii() and text.isdigit() and int(text) > max_bytes:
        raise too_large(max_bytes)


def _gunzip(headers: Mapping[str, str]) -> Gunzip | None:
    encoding = headers.get("content-encoding", "identity").strip().casefold()
    if encoding in ("gzip", "x-gzip"):
        return Gunzip()
    if encoding in ("", "identity"):
        return None
    raise UnsupportedFormatError(f"The content encoding {encoding[:40]!r} is not read: send gzip or none.")
