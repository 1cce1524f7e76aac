"""Checks of a zipped workbook before anything parses it: size really unpacked, no archive inside, no entity tricks."""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from services.ingest.adapters.formats.spreadsheet_cells import MAX_ENTRIES, MAX_UNPACKED, UnreadableError

ZIP_MAGIC: Final = b"PK\x03\x04"
OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PROTECTED: Final = "The file is protected by a password: remove the protection and send it again."
DAMAGED: Final = "The file is damaged or incomplete: open it, save it as .xlsx, and send it again."
_ARCHIVES: Final = (ZIP_MAGIC, OLE_MAGIC, b"\x1f\x8b\x08", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ\x00")
_DOCTYPES: Final = (b"<!DOCTYPE", "<!DOCTYPE".encode("utf-16-le"), "<!DOCTYPE".encode("utf-16-be"))
_WHOLE_HEADER: Final = 30
_STEP: Final = 1 << 20
# A picture may hold anything; what a reader parses is XML, and macros (vbaProject.bin) are an OLE file never opened.
_UNREAD: Final = re.compile(
    r"xl/vbaProject(Signature\w*)?\.bin|(xl|ppt|word)/media/.*|xl/printerSettings/.*|Pictures/.*"
)


def unpack(body: bytes) -> dict[str, bytes]:
    """Return the XML parts of a workbook after checking the whole archive; raises UnreadableError."""
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OverflowError, RuntimeError, struct.error):
        raise UnreadableError(DAMAGED) from None
    if len(entries) > MAX_ENTRIES:
        text = f"The file holds {len(entries)} parts; a workbook may have {MAX_ENTRIES}."
        raise UnreadableError(text, too_large=True)
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise UnreadableError("The file holds two parts of one name: it was not written by a spreadsheet program.")
    parts: dict[str, bytes] = {}
    left = MAX_UNPACKED
    for entry in entries:
        if entry.flag_bits & 1:
            raise UnreadableError(PROTECTED)
        content = b"".join(_inflated(body, entry, left))
        left -= len(content)
        _check_part(entry.filename, content)
        if entry.filename.endswith((".xml", ".rels")) or entry.filename == "mimetype":
            parts[entry.filename] = content
    return parts


def _inflated(body: bytes, entry: zipfile.ZipInfo, left: int) -> Iterator[bytes]:
    """Yield the content of an entry, counted as it comes: what the archive says of its size is not believed."""
    head = body[entry.header_offset : entry.header_offset + _WHOLE_HEADER]
    if len(head) < _WHOLE_HEADER or not head.startswith(ZIP_MAGIC):
        raise UnreadableError(DAMAGED)
    name_length, extra_length = struct.unpack("<HH", head[26:30])
    start = entry.header_offset + _WHOLE_HEADER + name_length + extra_length
    packed = memoryview(body)[start : start + entry.compress_size]
    if entry.compress_type == zipfile.ZIP_STORED:
        if len(packed) > left:
            raise _too_large()
        yield bytes(packed)
        return
    if entry.compress_type != zipfile.ZIP_DEFLATED:
        raise UnreadableError("The file is packed in a way that no spreadsheet program uses.")
    inflating = zlib.decompressobj(-15)
    waiting: bytes | memoryview = packed
    try:
        while waiting and not inflating.eof:
            piece = inflating.decompress(waiting, _STEP)
            left -= len(piece)
            if left < 0:
                raise _too_large()
            yield piece
            waiting = inflating.unconsumed_tail
    except zlib.error:
        raise UnreadableError(DAMAGED) from None
    if not inflating.eof:
        raise UnreadableError(DAMAGED)


def _check_part(name: str, content: bytes) -> None:
    if _UNREAD.fullmatch(name):
        return
    if content.startswith(_ARCHIVES):
        raise UnreadableError("The file has another file inside: remove embedded objects and send it again.")
    if name.endswith((".xml", ".rels")) and any(mark in content for mark in _DOCTYPES):
        raise UnreadableError("The file has a document type declaration: no spreadsheet program writes one.")


def _too_large() -> UnreadableError:
    text = f"The file unpacks to more than {MAX_UNPACKED >> 20} MB: send fewer rows in one file."
    return UnreadableError(text, too_large=True)
