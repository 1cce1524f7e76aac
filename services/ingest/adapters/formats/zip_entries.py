"""What a zip holds, by the names of the entries at its beginning: a workbook, another office document, or files."""

from enum import StrEnum
from typing import Final

ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_ENTRY: Final = b"PK\x03\x04"
_HEADER_BYTES: Final = 30
_NAME_BYTES: Final = 500
_OPEN_SHEET: Final = b"application/vnd.oasis.opendocument.spreadsheet"
_WORKBOOK: Final = ("xl/", "[content_types].xml", "_rels/", "docprops/", "content.xml", "meta-inf/manifest.xml")
_OTHER_DOCUMENT: Final = ("word/", "ppt/", "visio/")


class ZipKind(StrEnum):
    """What a zip is."""

    WORKBOOK = "workbook"
    DOCUMENT = "document"
    ARCHIVE = "archive"


def kind_of(head: bytes) -> ZipKind | None:
    """Return what kind of zip begins with `head`, or None for what is no zip."""
    if not head.startswith(ZIP):
        return None
    if _mimetype(head) is not None:
        return ZipKind.WORKBOOK if _mimetype(head) == _OPEN_SHEET else ZipKind.DOCUMENT
    names = entry_names(head)
    if any(name.startswith("xl/") for name in names):
        return ZipKind.WORKBOOK
    if any(name.startswith(_OTHER_DOCUMENT) for name in names):
        return ZipKind.DOCUMENT
    return ZipKind.WORKBOOK if names and names[0].startswith(_WORKBOOK) else ZipKind.ARCHIVE


def entry_names(head: bytes) -> list[str]:
    """Return the names of the entries whose headers stand in `head`, in small letters."""
    names = []
    at = head.find(_ENTRY)
    while at >= 0:
        length = min(int.from_bytes(head[at + 26 : at + 28], "little"), _NAME_BYTES)
        name = head[at + _HEADER_BYTES : at + _HEADER_BYTES + length]
        names.append(name.decode("utf-8", "replace").casefold())
        at = head.find(_ENTRY, at + _HEADER_BYTES)
    return names


def _mimetype(head: bytes) -> bytes | None:
    """Return the media type that an OpenDocument file states in its first entry, which is not compressed."""
    name, start = b"mimetype", _HEADER_BYTES + len(b"mimetype")
    if head[_HEADER_BYTES:start] != name:
        return None
    start += int.from_bytes(head[28:30], "little")
    size = int.from_bytes(head[18:22], "little") or len(_OPEN_SHEET)
    return head[start : start + size]
