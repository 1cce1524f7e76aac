"""Bodies too large for memory: kept in unnamed files that are gone with the request, within a limit of disk."""

import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from services.ingest.adapters.web.memory import BodyMemory, Grow
from services.ingest.domain.errors import BodyTooLargeError, OverloadedError


class SpooledBody:
    """A body in a file without a name."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.size = size

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to `end`."""
        return os.pread(self._file.fileno(), end - start, start)

    def head(self, count: int) -> bytes:
        """Return the first bytes."""
        return self.read(0, count)

    @contextmanager
    def mapped(self) -> Iterator[mmap.mmap]:
        """Yield the body as bytes that the system reads when they are looked at."""
        with mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ) as body:
            yield body


class Spool:
    """Gives bodies room: up to `in_memory` bytes of each in memory, up to `max_bytes` of it in a file."""

    def __init__(self, in_memory: int, max_bytes: int, disk: BodyMemory, folder: Path | None = None) -> None:
        self.in_memory = in_memory
        self.max_bytes = max(max_bytes, in_memory)
        self._disk = disk
        self._folder = folder

    @contextmanager
    def room(self, source: str, grow: Grow) -> Iterator["Room"]:
        """Yield the room of one request; its files and its share of the disk are given back at the end."""
        with self._disk.body_of(source) as grow_disk, ExitStack() as files:
            yield Room(self, grow, grow_disk, files, self._folder)


class Room:
    """The room of one request, for one body or several."""

    def __init__(self, spool: Spool, grow: Grow, grow_disk: Grow, files: ExitStack, folder: Path | None) -> None:
        self.in_memory = spool.in_memory
        self.max_bytes = spool.max_bytes
        self.grow = grow
        self._grow_disk = grow_disk
        self._files = files
        self._folder = folder

    def file(self) -> IO[bytes]:
        """Return a new file without a name."""
        try:
            return self._files.enter_context(tempfile.TemporaryFile(dir=self._folder))
        except OSError:
            raise _no_disk() from None

    def write(self, file: IO[bytes], piece: bytes) -> None:
        """Add to a file; raises OverloadedError when the disk is full or others have taken its share."""
        self._grow_disk(len(piece))
        try:
            file.write(piece)
        except OSError:
            raise _no_disk() from None


class Gathering:
    """One body as it comes: in memory while it is small, in a file from then on."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._memory = bytearray()  # not a list of parts: a sender may send millions of them
        self._file: IO[bytes] | None = None
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Take a further piece; raises BodyTooLargeError beyond the limit."""
        self.size += len(piece)
        if self.size > self._room.max_bytes:
            raise too_large(self._room.max_bytes)
        if self._file is None and self.size <= self._room.in_memory:
            self._room.grow(len(piece))
            self._memory += piece
            return
        if self._file is None:
            self._file = self._room.file()
            self._room.write(self._file, bytes(self._memory))
            self._room.grow(-len(self._memory))
            self._memory = bytearray()
        self._room.write(self._file, piece)

    def body(self) -> bytes | SpooledBody:
        """Return all that came."""
        if self._file is None:
            return bytes(self._memory)
        try:
            self._file.flush()
        except OSError:
            raise _no_disk() from None
        return SpooledBody(self._file, self.size)


def too_large(max_bytes: int) -> BodyTooLargeError:
    """Return the refusal of a body that is larger than any that is taken."""
    return BodyTooLargeError(f"The body is larger than {max_bytes} bytes. Send fewer reports at a time.")


def _no_disk() -> OverloadedError:
    return OverloadedError("There is no room for a large body on disk now. Send it again later, or in smaller parts.")
