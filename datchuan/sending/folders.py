"""Which files an operator means by files and folders, and what is in those that are archives."""

import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from services.ingest.adapters.formats.zip_entries import ZipKind, kind_of

SUFFIXES: Final = frozenset(
    {
        ".json",
        ".ndjson",
        ".jsonl",
        ".xml",
        ".adx",
        ".csv",
        ".tsv",
        ".txt",
        ".xlsx",
        ".xlsm",
        ".xls",
        ".ods",
        ".gz",
        ".zip",
    }
)
MAX_UNPACKED_BYTES: Final = 1024**3
MAX_ENTRIES: Final = 10_000
_PIECE: Final = 1024 * 1024
_HEAD: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True)
class Item:
    """One file to send, or why it cannot be: its path as it is told, its name, its content and size."""

    path: str
    name: str
    content: IO[bytes] | None = None
    size: int = 0
    problem: str = ""

    def head(self) -> bytes:
        """Return the first 64 KB."""
        if self.content is None:
            return b""
        self.content.seek(0)
        return self.content.read(_HEAD)


@dataclass
class Found:
    """The files to send, in order, and those that are passed over, with why."""

    files: list[Path] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)


def find_files(named: Iterable[Path]) -> Found:
    """Return the files that are named and those in named folders, however deep, sorted; a file counts once."""
    found, seen = Found(), set()
    for path in named:
        for file, reason in _walk(path) if path.is_dir() else [(path, "")]:
            if file in seen:
                continue
            seen.add(file)
            if reason:
                found.skipped.append((file, reason))
            else:
                found.files.append(file)
    return found


def _walk(folder: Path) -> Iterator[tuple[Path, str]]:
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts[:-1]) or "__MACOSX" in inside.parts:
            continue
        if file.is_symlink() and file.is_dir():
            yield file, "a link to a folder"
        elif not file.is_file():
            continue
        elif file.name.startswith((".", "~$")):
            yield file, "hidden"
        else:
            is_known = file.suffix.casefold() in SUFFIXES
            yield file, "" if is_known else f"the ending {file.suffix or '(none)'} is that of no format that is read"


def open_items(file: Path, most_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[Item]:
    """Yield what a file holds: itself, the file in a gzip, or the files in a zip; open until the next one."""
    try:
        with file.open("rb") as content:
            head = content.read(_HEAD)
            content.seek(0)
            if head.startswith(_GZIP):
                yield from _gunzipped(file, content, most_bytes)
            elif kind_of(head) is ZipKind.ARCHIVE:
                yield from _unzipped(file, content, most_bytes)
            else:
                yield Item(str(file), file.name, content, file.stat().st_size)
    except OSError as error:
        yield Item(str(file), file.name, problem=f"It cannot be read: {error.strerror or error}.")


def _gunzipped(file: Path, content: IO[bytes], most_bytes: int) -> Iterator[Item]:
    name = file.name.removesuffix(".gz")
    with ExitStack() as stack:
        try:
            with gzip.GzipFile(fileobj=content) as packed:
                unpacked, size = _unpack(packed, most_bytes, stack)
        except (OSError, EOFError, zlib.error):
            yield Item(str(file), name, problem="The gzip is broken or cut off.")
            return
        except _TooLargeError as error:
            yield Item(str(file), name, problem=str(error))
            return
        yield Item(str(file), name, unpacked, size)


def _unzipped(file: Path, content: IO[bytes], most_bytes: int) -> Iterator[Item]:
    left = most_bytes
    try:
        with zipfile.ZipFile(content) as archive:
            entries = sorted(
                (entry for entry in archive.infolist() if _is_sent(entry)), key=lambda entry: entry.filename
            )
            if len(entries) > MAX_ENTRIES:
                yield Item(str(file), file.name, problem=f"The zip holds more than {MAX_ENTRIES} files.")
                return
            for entry in entries:
                with ExitStack() as stack:
                    item = _entry(file, archive, entry, left, stack)
                    left -= item.size
                    yield item
    except zipfile.BadZipFile:
        yield Item(str(file), file.name, problem="The zip is broken or cut off.")


def _entry(file: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int, stack: ExitStack) -> Item:
    path, name = f"{file}!{entry.filename}", Path(entry.filename).name
    try:
        with archive.open(entry) as packed:
            unpacked, size = _unpack(packed, left, stack)
    except _TooLargeError as error:
        return Item(path, name, problem=str(error))
    except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error):
        return Item(path, name, problem="It is broken, encrypted, or folded in an unusual way.")
    item = Item(path, name, unpacked, size)
    head = item.head()
    if head.startswith(_GZIP) or kind_of(head) is ZipKind.ARCHIVE:
        return Item(path, name, problem="It is an archive inside an archive: unpack it.")
    return item


def _is_sent(entry: zipfile.ZipInfo) -> bool:
    name = Path(entry.filename).name
    return not entry.is_dir() and not entry.filename.startswith("__MACOSX/") and not name.startswith(".")


class _TooLargeError(Exception):
    """What comes out is larger than there is room for."""

    def __init__(self, most: int) -> None:
        super().__init__(f"Unpacked it is larger than {most // 1024**2} MB.")


def _unpack(packed: IO[bytes] | gzip.GzipFile, most: int, stack: ExitStack) -> tuple[IO[bytes], int]:
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    size = 0
    while piece := packed.read(_PIECE):
        size += len(piece)
        if size > most:
            raise _TooLargeError(most)
        file.write(piece)
    file.seek(0)
    return file, size
