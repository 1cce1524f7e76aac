"""A large body of a test: what the spool keeps in a file of the service."""

import contextlib
import mmap
import tempfile
from collections.abc import Iterator


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, start: int, end: int) -> bytes:
        return self._content[start:end]

    @contextlib.contextmanager
    def mapped(self) -> Iterator[mmap.mmap]:
        with tempfile.TemporaryFile() as file:
            file.write(self._content)
            file.flush()
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield mapped
