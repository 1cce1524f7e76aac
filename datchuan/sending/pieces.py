"""What goes into one request: a whole file, or some megabytes of the lines of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from datchuan.sending.folders import Item
from services.ingest.adapters.formats.detecting import detect
from services.ingest.domain.errors import IngestError
from services.ingest.domain.reading import PayloadFormat

LINES_BYTES: Final = 4 * 1024 * 1024
_PIECE: Final = 256 * 1024
_LONGEST_LINE: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class Piece:
    """The bytes of a file from `start` to `end`, which begin after `lines_before` lines."""

    item: Item
    start: int
    end: int
    lines_before: int = 0

    def chunks(self) -> Iterator[bytes]:
        """Yield the content; it can be asked for again."""
        content = self.item.content
        if content is None:
            return
        position = self.start
        while position < self.end:
            content.seek(position)
            chunk = content.read(min(_PIECE, self.end - position))
            if not chunk:
                return
            position += len(chunk)
            yield chunk


def format_of(item: Item) -> PayloadFormat | None:
    """Return the format of a file by its beginning; None when ingest itself must say why it is none."""
    try:
        return detect("", item.name, item.head())
    except IngestError:
        return None


def cut_item(item: Item, format_: PayloadFormat | None, lines_bytes: int = LINES_BYTES) -> Iterator[Piece]:
    """Yield the requests that a file makes: one, or several of whole lines when it is NDJSON."""
    if format_ is not PayloadFormat.NDJSON or item.content is None:
        yield Piece(item, 0, item.size)
        return
    start = lines = 0
    while start < item.size:
        end, count = _end_of_lines(item.content, start, lines_bytes)
        yield Piece(item, start, end, lines)
        start, lines = end, lines + count


def _end_of_lines(content: IO[bytes], start: int, lines_bytes: int) -> tuple[int, int]:
    """Return where a piece ends, at the end of a line, and how many lines it has."""
    content.seek(start)
    block = content.read(lines_bytes)
    last = block.rfind(b"\n") + 1
    if last == 0 or len(block) < lines_bytes:
        block += content.readline(_LONGEST_LINE) if last == 0 else b""
        last = len(block)
    return start + last, block.count(b"\n", 0, last)
