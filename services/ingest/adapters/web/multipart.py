"""Reads a form (multipart/form-data) as it comes: a few short fields, and files within the limits of a body."""

import logging
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.ingest.adapters.web.spool import Gathering, Room
from services.ingest.adapters.web.uploads import SentFile, Upload, base_name
from services.ingest.domain.errors import MalformedBodyError

MAX_FILES: Final = 20
_MAX_FIELDS: Final = 20
_MAX_FIELD_BYTES: Final = 1_000
_MAX_NAME: Final = 200
_MAX_TYPE: Final = 500
_FILE_FIELDS: Final = ("file", "files", "file[]")
_PLAIN: Final = ("", "7bit", "8bit", "binary")


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary of a form, or None for a body that is no form; raises when a form names none."""
    if content_type[:40].partition(";")[0].strip().casefold() != "multipart/form-data":
        return None
    if len(content_type) > _MAX_TYPE:
        raise MalformedBodyError("The form's content type is too long.")
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= _MAX_NAME:
        raise MalformedBodyError("The form's content type names no boundary.")
    return boundary


class _Part:
    """One part of a form while it comes."""

    def __init__(self) -> None:
        self.headers: dict[str, bytes] = {}
        self.name = ""
        self.file_name = ""
        self.field = bytearray()
        self.file: Gathering | None = None


class FormReading:
    """The reading of one form: give it the pieces of the body, then ask for the upload."""

    def __init__(self, boundary: bytes, room: Room) -> None:
        self._room = room
        self._part = _Part()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._files: list[SentFile] = []
        self._fields: dict[str, str] = {}
        self._is_complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._take_header_name,
                "on_header_value": self._take_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_content,
                "on_part_data": self._take_content,
                "on_part_end": self._end,
                "on_end": self._complete,
            },
        )
        # The parser's own log lines quote what it reads.
        self._parser.logger = logging.Logger("form", logging.CRITICAL)

    def feed(self, piece: bytes) -> None:
        """Read a further piece of the body."""
        try:
            self._parser.write(piece)
        except FormParserError:
            raise MalformedBodyError("The form cannot be read: it is no multipart/form-data.") from None

    def upload(self) -> Upload:
        """Return what came; raises MalformedBodyError when the form is cut off or has no file."""
        if not self._is_complete:
            raise MalformedBodyError("The form is cut off: its last boundary is missing.")
        if not self._files:
            raise MalformedBodyError('The form has no file: send it in a part with the name "file".')
        return Upload(files=tuple(self._files), fields=self._fields, is_form=True)

    def _begin(self) -> None:
        self._part = _Part()

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._part.headers[self._header_name.decode("latin-1").casefold()] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _begin_content(self) -> None:
        part = self._part
        _, said = parse_options_header(part.headers.get("content-disposition"))
        part.name = said.get(b"name", b"").decode("utf-8", "replace")
        part.file_name = base_name(said.get(b"filename", b"").decode("utf-8", "replace"))
        if b"filename" in said or part.name in _FILE_FIELDS:
            part.file = Gathering(self._room)
        encoding = part.headers.get("content-transfer-encoding", b"").decode("latin-1").strip().casefold()
        if not part.name:
            raise MalformedBodyError("A part of the form has no name.")
        if encoding not in _PLAIN:
            raise MalformedBodyError("A part of the form has a transfer encoding: send its bytes as they are.")
        if part.file is not None and len(self._files) >= MAX_FILES:
            raise MalformedBodyError(f"The form has more than {MAX_FILES} files: send fewer at a time.")
        if part.file is None and len(self._fields) >= _MAX_FIELDS:
            raise MalformedBodyError(f"The form has more than {_MAX_FIELDS} fields.")

    def _take_content(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.file is not None:
            part.file.add(data[start:end])
        elif len(part.field) + end - start > _MAX_FIELD_BYTES:
            raise MalformedBodyError(f"The form's field {part.name[:60]!r} is longer than {_MAX_FIELD_BYTES} bytes.")
        else:
            part.field += data[start:end]

    def _end(self) -> None:
        part = self._part
        if part.file is not None:
            content, content_type = part.file.body(), part.headers.get("content-type", b"").decode("latin-1")
            self._files.append(SentFile.of(content, content_type, part.file_name))
            # All files together have the room of one.
            self._room.in_memory = max(0, self._room.in_memory - len(self._files[-1].body))
        elif part.name in self._fields:
            raise MalformedBodyError(f"The form's field {part.name[:60]!r} stands there twice.")
        else:
            self._fields[part.name[:_MAX_NAME]] = part.field.decode("utf-8", "replace")
        self._part = _Part()

    def _complete(self) -> None:
        self._is_complete = True
