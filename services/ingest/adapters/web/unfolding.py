"""Unfolds a file that is itself a gzip, or a zip of one file: once, and within the limits of a body."""

import asyncio
from collections.abc import Iterator
from typing import Final

from services.ingest.adapters.formats.detecting import media_type
from services.ingest.adapters.formats.zip_entries import ZipKind, kind_of
from services.ingest.adapters.web.gunzip import Gunzip
from services.ingest.adapters.web.spool import Gathering, Room
from services.ingest.adapters.web.unzip import Unzip
from services.ingest.adapters.web.uploads import SentFile

_GZIP: Final = b"\x1f\x8b"
_PIECE: Final = 64 * 1024
_PIECES_PER_SLICE: Final = 16
_FOLDED_TYPES: Final = ("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed")


async def unfold(file: SentFile, room: Room) -> SentFile:
    """Return the file itself, or the one that is folded in it; raises BodyTooLargeError when that is too large."""
    head = file.head
    if head.startswith(_GZIP):
        return await _gather(file, _gunzip(file), file.name.removesuffix(".gz"), room)
    if kind_of(head) is ZipKind.ARCHIVE:
        archive = Unzip(file.body if file.large is None else file.large)
        return await _gather(file, archive.pieces(), archive.name, room)
    return file


async def _gather(file: SentFile, pieces: Iterator[bytes], name: str, room: Room) -> SentFile:
    gathering = Gathering(room)
    for number, piece in enumerate(pieces, 1):
        gathering.add(piece)
        if number % _PIECES_PER_SLICE == 0:
            await asyncio.sleep(0)
    content_type = "" if media_type(file.content_type) in _FOLDED_TYPES else file.content_type
    unfolded = SentFile.of(gathering.body(), content_type, name)
    room.in_memory = max(0, room.in_memory - len(unfolded.body))  # all files together have the room of one
    return unfolded


def _gunzip(file: SentFile) -> Iterator[bytes]:
    gunzip = Gunzip()
    if file.large is None:
        yield from gunzip.pieces(file.body)
    else:
        for start in range(0, file.large.size, _PIECE):
            yield from gunzip.pieces(file.large.read(start, min(start + _PIECE, file.large.size)))
    gunzip.finish()
