"""The beginning of a body as text, whatever its encoding, and the refusal of what is no text at all."""

import codecs
import re
from typing import Final

from services.ingest.domain.errors import UnsupportedFormatError

# What people attach by mistake, by its first bytes, and what to send in its place.
_FOREIGN: Final[dict[bytes, str]] = {
    b"%PDF": "a PDF: send the spreadsheet that it was made of",
    b"\x1f\x8b": "a gzip inside another archive: fold a file only once",
    b"Rar!": "a RAR archive: unpack it and send the file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it and send the file",
    b"BZh": "a bzip2 archive: unpack it and send the file, or fold it with gzip",
    b"\xfd7zXZ": "an xz archive: unpack it and send the file, or fold it with gzip",
    b"\x28\xb5\x2f\xfd": "a zstd archive: unpack it and send the file, or fold it with gzip",
    b"\x89PNG": "a picture: send the spreadsheet that it shows",
    b"\xff\xd8\xff": "a picture: send the spreadsheet that it shows",
    b"PAR1": "a Parquet file: export it as CSV",
    b"SQLite format 3": "a database file: export the table as CSV",
}
# Ctrl-Z ends some old text files.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")


def refuse_foreign(head: bytes) -> None:
    """Raise UnsupportedFormatError for a kind of file that is known and not read."""
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise UnsupportedFormatError(f"The content is {what}.")


def decode_head(head: bytes) -> str:
    """Return the beginning as text, without byte order mark and leading blanks; raises for what is no text.

    One-byte encodings lose their letters here and keep their signs, which is enough to tell a format.

    >>> decode_head(codecs.BOM_UTF16_LE + ' {"a"'.encode("utf-16-le"))
    '{"a"'
    """
    text = head.decode(_encoding_of(head), "replace").removeprefix("\ufeff").lstrip()
    if _CONTROLS.search(text):
        raise UnsupportedFormatError("The content is neither text nor a workbook.")
    return text


def _encoding_of(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # A text in UTF-16 without a mark begins with a sign of ASCII, one of whose two bytes is 0.
    if head[1:2] == b"\0" and head[:1] != b"\0":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\0" and head[1:2] not in (b"", b"\0") else "utf-8"
