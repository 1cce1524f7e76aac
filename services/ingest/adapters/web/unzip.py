"""Unfolds a zip of exactly one file piece by piece, so that neither its size nor a bomb surprises anybody."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Final

from services.ingest.adapters.web.spool import SpooledBody
from services.ingest.adapters.web.uploads import base_name
from services.ingest.domain.errors import MalformedBodyError, UnsupportedFormatError

# A directory of entries is read whole: one with more of them than this is not even begun.
_MAX_ENTRIES: Final = 200
_ENTRY: Final = b"PK\x01\x02"
_PIECE: Final = 64 * 1024
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 1
_NOTHING_FOLDED: Final = 10
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OSError, RuntimeError, OverflowError,
)  # fmt: skip


class Unzip:
    """A zip of one file: its name, and its content in pieces."""

    def __init__(self, body: bytes | SpooledBody) -> None:
        if _count_entries(body) > _MAX_ENTRIES:
            raise _several("hundreds of files")
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(body) if isinstance(body, bytes) else _open(body))
        except _BROKEN:
            raise MalformedBodyError("The zip is broken or cut off.") from None
        self._entry = _only_file(self._archive.infolist())
        self.name = base_name(self._entry.filename)

    def pieces(self) -> Iterator[bytes]:
        """Yield the content in small pieces: who has seen enough need not take the next one."""
        try:
            with self._archive.open(self._entry) as file:
                while piece := file.read(_PIECE):
                    yield piece
        except _BROKEN:
            raise MalformedBodyError("The zip is broken or cut off.") from None


class _SpoolReading(io.RawIOBase):
    """A spooled body as a file that is read from any place."""

    def __init__(self, body: SpooledBody) -> None:
        super().__init__()
        self._body = body
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._body.size}[whence]
        if self._at < 0:
            raise ValueError("before the beginning")
        return self._at

    def readinto(self, buffer: Any) -> int:
        piece = self._body.read(self._at, max(self._at, min(self._at + len(buffer), self._body.size)))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def _open(body: SpooledBody) -> io.BufferedReader:
    return io.BufferedReader(_SpoolReading(body), _PIECE)


def _count_entries(body: bytes | SpooledBody) -> int:
    """Return how many entries are at most listed; stops counting when there are too many."""
    if isinstance(body, bytes):
        return body.count(_ENTRY)
    with body.mapped() as mapped:
        count, at = 0, mapped.find(_ENTRY)
        while at >= 0 and count <= _MAX_ENTRIES:
            count, at = count + 1, mapped.find(_ENTRY, at + 1)
    return count


def _only_file(entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    files = [entry for entry in entries if not entry.is_dir() and not _is_shadow(entry.filename)]
    if len(files) != 1:
        raise _several(f"{len(files)} files")
    entry = files[0]
    if entry.flag_bits & _ENCRYPTED:
        raise UnsupportedFormatError("The file in the zip is encrypted: send it without a password.")
    if entry.compress_type not in _METHODS:
        raise UnsupportedFormatError("The zip is folded in an unusual way: fold it with deflate, or send gzip.")
    if not entry.file_size and entry.compress_size > _NOTHING_FOLDED:
        raise MalformedBodyError("The zip is broken or cut off.")
    return entry


def _several(count: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"A zip is read when it holds one file; this one holds {count}. Send the files one by one, or unpack them and "
        "run `datchuan import` on the folder."
    )


def _is_shadow(name: str) -> bool:
    """Return whether an entry is what a system adds of itself and nobody sends."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in (".DS_Store", "Thumbs.db", "desktop.ini")
