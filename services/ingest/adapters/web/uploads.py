"""What a request brings: one file or several, and the fields that a form says beside them."""

from typing import Final

import msgspec

from services.ingest.adapters.formats.detecting import HEAD_BYTES
from services.ingest.adapters.web.spool import SpooledBody

_MAX_NAME: Final = 200


def base_name(name: str) -> str:
    """Return a file's name as somebody else wrote it, without its folders and without what cannot be shown."""
    text = name.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in text if sign.isprintable())[-_MAX_NAME:]


class SentFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it was sent, unfolded; its name and its content type are empty when nothing says them.

    `large` is its content when that is kept outside of memory; `body` is empty then.
    """

    body: bytes = b""
    large: SpooledBody | None = None
    content_type: str = ""
    name: str = ""

    @staticmethod
    def of(content: bytes | SpooledBody, content_type: str, name: str = "") -> "SentFile":
        """Return the file with a content, wherever that is kept."""
        if isinstance(content, SpooledBody):
            return SentFile(large=content, content_type=content_type, name=name)
        return SentFile(body=content, content_type=content_type, name=name)

    def in_memory(self, max_bytes: int) -> "SentFile":
        """Return the file in memory if it is no larger than that: files of a form may be spooled for its whole size."""
        if self.large is None or self.large.size > max_bytes:
            return self
        return msgspec.structs.replace(self, body=self.large.read(0, self.large.size), large=None)

    @property
    def head(self) -> bytes:
        """The beginning, by which its format is told."""
        return self.body[:HEAD_BYTES] if self.large is None else self.large.head(HEAD_BYTES)


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one request. `fields` are those of a form; a raw body has none."""

    files: tuple[SentFile, ...]
    fields: dict[str, str] = {}
    is_form: bool = False
